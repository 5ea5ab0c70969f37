package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// stretch is how much of a content has a hash of its own, so that a change in a
// long one can be told to lie between two lines.
const stretch = 64 << 10

// stretches hashes a content stretch by stretch and counts its lines.
type stretches struct {
	sum   hash.Hash
	n     int // bytes of the one that is begun
	lines int
	done  []part
}

// part is a stretch: the first digits of its SHA-256, and the lines in which it
// begins and ends, from 1.
type part struct {
	sum      string
	from, to int
}

func newStretches() *stretches { return &stretches{sum: sha256.New(), lines: 1} }

// Write takes in a piece.
func (s *stretches) Write(b []byte) (int, error) {
	whole := len(b)
	for len(b) > 0 {
		if s.n == 0 {
			s.done = append(s.done, part{from: s.lines})
		}
		k := min(len(b), stretch-s.n)
		s.sum.Write(b[:k])
		breaks := bytes.Count(b[:k], []byte("\n"))
		last := s.lines + breaks
		if b[k-1] == '\n' {
			last--
		}
		s.done[len(s.done)-1].to = last
		s.lines += breaks
		if s.n += k; s.n == stretch {
			s.close()
		}
		b = b[k:]
	}
	return whole, nil
}

func (s *stretches) close() {
	s.done[len(s.done)-1].sum = hex.EncodeToString(s.sum.Sum(nil))[:16]
	s.sum.Reset()
	s.n = 0
}

// parts are all of them; none of a content that is one stretch.
func (s *stretches) parts() []part {
	if s.n > 0 {
		s.close()
	}
	if len(s.done) < 2 {
		return nil
	}
	return s.done
}

// sums are the hashes of parts, for a manifest.
func sums(parts []part) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.sum)
	}
	return out
}

// place says where a content differs from what was written, as far as that is
// known: ", in lines 301 to 377".
func place(have []part, want []string) string {
	var all []string
	for i, p := range have {
		if i < len(want) && p.sum == want[i] {
			continue
		}
		if len(all) == 3 {
			all = append(all, "and others")
			break
		}
		all = append(all, fmt.Sprintf("%d to %d", p.from, p.to))
	}
	if len(all) == 0 || len(want) == 0 {
		return ""
	}
	return ", in lines " + strings.Join(all, ", ")
}
