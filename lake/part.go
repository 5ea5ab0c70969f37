package lake

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
)

// scan is one reading of a part's JSONL.
type scan struct {
	file, content counted
	rows          int
}

// counted counts and hashes what passes.
type counted struct {
	hash.Hash
	n int64
}

func newCounted() counted { return counted{Hash: sha256.New()} }

// Write takes a piece.
func (c *counted) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.Hash.Write(b)
}

func (c *counted) sum() Sum { return Sum{c.n, hex.EncodeToString(c.Sum(nil))} }

// maxLine bounds a line of a part: a row that the client takes has at most
// 32 MiB, and what isn't UTF-8 in it takes three times its room.
const maxLine = 128 << 20

// scan hands every line of a JSONL part to yield, without its line end, and
// what it says. The line is only good until yield returns.
func (l *Lake) scan(ctx context.Context, name string, yield func(line []byte, row swarms.LogRow) error) (s scan, err error) {
	r, err := l.store.Read(ctx, name)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	s.file, s.content = newCounted(), newCounted()
	in := bufio.NewReaderSize(io.TeeReader(r, &s.file), 1<<16)
	z, err := gzip.NewReader(in)
	if err != nil {
		return s, unreadable(name, err)
	}
	z.Multistream(false)
	lines := bufio.NewScanner(io.TeeReader(z, &s.content))
	lines.Buffer(nil, maxLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		row, err := swarms.ReadLine(lines.Bytes())
		if err != nil {
			return s, broken(name, "line %d: %v", s.rows+1, err)
		}
		s.rows++
		if err := yield(lines.Bytes(), row); err != nil {
			return s, err
		}
	}
	if err := lines.Err(); err != nil {
		return s, unreadable(name, err)
	}
	if n, err := io.Copy(io.Discard, in); err != nil || n > 0 {
		if err == nil {
			return s, broken(name, "something follows its end")
		}
		return s, err
	}
	return s, nil
}

// wholeLines splits at line ends; what doesn't end in one isn't a line.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	advance, token, err := bufio.ScanLines(data, false)
	if atEOF && advance == 0 && len(data) > 0 && err == nil {
		return 0, nil, errors.New("its last line doesn't end")
	}
	if advance > 0 {
		token = data[:advance-1] // a carriage return is the row's own
	}
	return advance, token, err
}

// unreadable is a fault of the store as it is, or content that isn't what was
// written.
func unreadable(name string, err error) error {
	if f := (*batch.Fault)(nil); errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return broken(name, "it can't be read: %v", err)
}

// writeJSONL writes the lines that next gives, until io.EOF, compressed. The
// same lines make the same bytes.
func writeJSONL(w io.Writer, next func() ([]byte, error)) error {
	z, err := gzip.NewWriterLevel(w, gzip.DefaultCompression) // without a name or a time in its header
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(z, 1<<16)
	for {
		line, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if _, err := out.Write(line); err != nil {
			return err
		}
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return z.Close()
}

// differs says in what a file isn't as its manifest says; "" when it is.
func differs(f File, s Sum) string {
	switch {
	case f.Bytes != s.Bytes:
		return fmt.Sprintf("it has %d bytes; its manifest says %d", s.Bytes, f.Bytes)
	case f.SHA256 != s.SHA256:
		return fmt.Sprintf("its SHA-256 is %s; its manifest says %s", short(s.SHA256), short(f.SHA256))
	}
	return ""
}
