package lake

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/offpeak/offpeak/provider/swarms"
)

// spool holds one reading of the log on disk: its lines in the order in which
// they came, and an index by key and day. In memory are a few kilobytes for
// each day, and one day's index while it is looked at.
type spool struct {
	lines, index *os.File
	out, pages   *bufio.Writer
	at, page     int64 // ends of both files
	groups       map[group]*stack
}

// group is a day of a key.
type group struct{ key, day string }

// entry is a row of the spool.
type entry struct {
	At   int64  // created_at in microseconds; 0 without one
	ID   uint64 // in the order of numeric ids
	Hash rowHash
	Off  int64
	Len  uint32   // 0: the row isn't to be exported, and its line isn't kept
	Req  [16]byte // the request id of its tag; zero without one
}

// rowHash names a row: the first half of its line's SHA-256.
type rowHash [16]byte

func rowHashOf(line []byte) rowHash {
	sum := sha256.Sum256(line)
	return rowHash(sum[:16])
}

const entryBytes = 8 + 8 + 16 + 8 + 4 + 16

// stack is a group's index: full pages on disk, the rest in memory.
type stack struct {
	rest  []entry
	pages []int64
}

const pageEntries = 256

func newSpool(dir string) (*spool, error) {
	s := &spool{groups: map[group]*stack{}}
	for _, f := range []struct {
		file **os.File
		out  **bufio.Writer
	}{{&s.lines, &s.out}, {&s.index, &s.pages}} {
		file, err := os.CreateTemp(dir, "offpeak-log-*")
		if err != nil {
			s.close()
			return nil, err
		}
		// Without a name a killed export leaves nothing behind. Where an open file
		// can't lose its name, close takes it away.
		_ = os.Remove(file.Name())
		*f.file, *f.out = file, bufio.NewWriterSize(file, 1<<20)
	}
	return s, nil
}

func (s *spool) close() {
	for _, f := range []*os.File{s.lines, s.index} {
		if f != nil {
			_ = f.Close() // it was only ours
			_ = os.Remove(f.Name())
		}
	}
}

// add takes in a row. One that isn't to be kept is only remembered to be there.
func (s *spool) add(g group, row swarms.LogLine, keep bool) error {
	e := entry{ID: number(row.ID), Hash: rowHashOf(row.Line), Req: tag(row.Run.SwarmName)}
	if t := Time(row.CreatedAt); !t.IsZero() {
		e.At = t.UnixMicro()
	}
	if keep {
		e.Off, e.Len = s.at, uint32(len(row.Line)) //nolint:gosec // a row has at most 32 MiB
		if _, err := s.out.Write(row.Line); err != nil {
			return err
		}
		s.at += int64(len(row.Line))
	}
	k := s.groups[g]
	if k == nil {
		k = &stack{}
		s.groups[g] = k
	}
	if k.rest = append(k.rest, e); len(k.rest) < pageEntries {
		return nil
	}
	k.pages = append(k.pages, s.page)
	s.page += pageEntries * entryBytes
	err := binary.Write(s.pages, binary.LittleEndian, k.rest)
	k.rest = k.rest[:0]
	return err
}

// load is a group's index in order, each row once, however often it came.
func (s *spool) load(g group) ([]entry, error) {
	k := s.groups[g]
	if k == nil {
		return nil, nil
	}
	if err := s.pages.Flush(); err != nil {
		return nil, err
	}
	all := make([]entry, 0, len(k.pages)*pageEntries+len(k.rest))
	page := make([]entry, pageEntries)
	for _, at := range k.pages {
		if err := binary.Read(io.NewSectionReader(s.index, at, pageEntries*entryBytes), binary.LittleEndian, page); err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	all = append(all, k.rest...)
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID), bytes.Compare(a.Hash[:], b.Hash[:]))
	})
	return slices.CompactFunc(all, func(a, b entry) bool { return a.Hash == b.Hash }), nil
}

// line reads a row into buf, which grows as needed.
func (s *spool) line(e entry, buf []byte) ([]byte, error) {
	if s.out.Buffered() > 0 {
		if err := s.out.Flush(); err != nil {
			return nil, err
		}
	}
	buf = slices.Grow(buf[:0], int(e.Len))[:e.Len]
	_, err := s.lines.ReadAt(buf, e.Off)
	return buf, err
}

// number orders ids: numeric ones by their value, others in an order of their
// own, the same every time. 0 for none.
func number(id string) uint64 {
	if n, err := strconv.ParseUint(id, 10, 64); err == nil {
		return n
	}
	if id == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:8])
}

// tag is the request id of a row in bytes; zero without one.
func tag(swarmName string) (out [16]byte) {
	id, ok := swarms.TagOf(swarmName)
	if !ok {
		return out
	}
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err == nil && len(b) == len(out) {
		copy(out[:], b)
	}
	return out
}
