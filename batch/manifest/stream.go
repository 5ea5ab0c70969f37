package manifest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/offpeak/offpeak/batch"
)

// MaxLine is the longest line of a jobs_from file in bytes.
const MaxLine = batch.MaxRequest + 64<<10

// Stream reads the file that m's jobs_from names: JSONL, one job as a JSON
// object a line, blank lines ignored, defaults and policy taken from m. It
// never holds more than one line, plus 20 bytes for each name: names are
// unique across the file and m's inline jobs, which it doesn't yield.
//
// Jobs are yielded in order up to the first problem; from there on lines are
// only checked, so that all that is wrong is said at once. Reading stops when
// MaxShown problems are found. The error is Problems, or what r or yield
// returned: the latter as it is and at once.
//
// A caller that acts on jobs before the end must be able to take it back.
func Stream(source string, m batch.Manifest, r io.Reader, yield func(batch.Job) error) error {
	s := &stream{
		reader: reader{
			finder: &finder{source: source}, metered: m.Metered(),
			regulated: m.Policy.Compliance == batch.ComplianceRegulated && !m.Metered(),
		},
		lines: bufio.NewReaderSize(r, 64<<10),
		names: make(map[nameHash]int32, len(m.Jobs)),
	}
	if err := s.prepare(m); err != nil {
		return err
	}
	return s.run(yield)
}

// nameHash stands for a name: 16 bytes of SHA-256, so that names made up to
// collide don't.
type nameHash [16]byte

func hashName(s string) nameHash {
	sum := sha256.Sum256([]byte(s))
	return nameHash(sum[:16])
}

type stream struct {
	reader
	lines    *bufio.Reader
	names    map[nameHash]int32 // line of a name; -1-i for inline job i
	defaults *defaults
	line     int
}

// prepare reads m's defaults again and learns its names.
func (s *stream) prepare(m batch.Manifest) error {
	s.defaults = &defaults{}
	if len(m.Defaults) > 0 {
		f := &finder{source: s.source + " (defaults)"}
		n := document(f, m.Defaults)
		if n != nil {
			s.defaults = (&reader{finder: f, regulated: s.regulated, metered: s.metered}).defaults(n, (*path)(nil).field("defaults"))
		}
		if err := f.err(); err != nil {
			return err
		}
	}
	for i, j := range m.Jobs {
		s.names[hashName(j.Name)] = int32(-1 - i)
	}
	return nil
}

func (s *stream) run(yield func(batch.Job) error) error {
	for len(s.found) < MaxShown {
		text, err := s.next()
		if len(bytes.TrimSpace(text)) > 0 {
			if j, ok := s.job(text); ok && len(s.found) == 0 {
				if err := yield(j); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			err = fmt.Errorf("read %s, line %d: %w", s.source, s.line, err)
			return errors.Join(err, s.err())
		}
	}
	s.found = s.found[:min(len(s.found), MaxShown)]
	return s.err()
}

// next is the next line without its end; a line that is too long is passed
// over and complained about.
func (s *stream) next() ([]byte, error) {
	s.line++
	var text []byte
	long := false
	for {
		part, err := s.lines.ReadSlice('\n')
		if !long {
			text = append(text, part...)
		}
		if !long && len(bytes.TrimRight(text, "\r\n")) > MaxLine {
			s.add(s.line, 1, nil, "", fmt.Sprintf("is a line of more than %s bytes", grouped(MaxLine)),
				"one job a line; shorten it, or let the provider fetch what it is about")
			long, text = true, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if s.line == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			return bytes.TrimRight(text, "\r\n"), err
		}
	}
}

// job reads one line.
func (s *stream) job(text []byte) (batch.Job, bool) {
	if !utf8.Valid(text) {
		_, column, b := firstInvalid(string(text))
		s.add(s.line, column, nil, "", fmt.Sprintf("has the byte %#02x, which isn't UTF-8", b), "save it as UTF-8")
		return batch.Job{}, false
	}
	before := s.count
	n := readJSON(s.finder, string(text), s.line)
	if n == nil {
		return batch.Job{}, false
	}
	j, ok := s.reader.job(n, nil, s.defaults)
	if j.Name != "" {
		h := hashName(j.Name)
		first, twice := s.names[h]
		switch name := n.get("name"); {
		case !twice:
			s.names[h] = int32(s.line)
		case first < 0:
			s.at(name, (*path)(nil).field("name"), j.Name, fmt.Sprintf("%q is given twice, first as jobs[%d] of the manifest", clip(j.Name), -1-first), uniqueHint)
		default:
			s.at(name, (*path)(nil).field("name"), j.Name, fmt.Sprintf("%q is given twice, first in line %d", clip(j.Name), first), uniqueHint)
		}
	}
	return j, ok && s.count == before
}

const uniqueHint = "a job's name is unique in its manifest"
