package evidence

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/offpeak/offpeak/batch"
)

// Bounds of what is read into memory at once.
const (
	maxManifest = 4 << 20
	maxPage     = 256 << 20 // of a document of JSON
	maxLine     = 128 << 20 // of a line
	maxProblems = 200       // that are kept; others are counted
)

// TheEnd is how the zeros behind the last entry are called, which have no name.
const TheEnd = "(end)"

// Options of a verification.
type Options struct {
	Key ed25519.PublicKey // who must have signed it; nil for anybody or nobody
	Far func(bytes int64) // told now and then how far it is; may be nil
}

// Problem is one thing that doesn't hold, and where.
type Problem struct {
	Entry string `json:"entry"`
	Line  int    `json:"line,omitempty"` // from 1
	Field string `json:"field,omitempty"`
	What  string `json:"what"`
}

// String reads "charges.jsonl line 3, billed: ...".
func (p Problem) String() string {
	s := p.Entry
	if p.Line > 0 {
		s += " line " + strconv.Itoa(p.Line)
	}
	if p.Field != "" {
		s += ", " + p.Field
	}
	return s + ": " + p.What
}

// Verified is what a verification went through and found.
type Verified struct {
	OK     bool   `json:"ok"`
	Digest string `json:"sha256"` // of the whole file
	Bytes  int64  `json:"bytes"`

	Batch      batch.ID     `json:"batch"`
	Compliance string       `json:"compliance"`
	Passed     bool         `json:"audit_passed"` // what the audit said of the night: intact evidence may be of a bad one
	Jobs       batch.Counts `json:"jobs"`
	Money      Money        `json:"money"`
	Chain      Chain        `json:"chain"`
	Pins       int          `json:"pins"`
	Receipts   int          `json:"receipts"`
	Rows       int          `json:"provider_rows"`
	Requests   int          `json:"requests"`
	Answers    int          `json:"answers"`
	Files      []File       `json:"files"`

	SignedBy string `json:"signed_by,omitempty"` // fingerprint of the key whose signature holds; empty: not signed
	Trusted  bool   `json:"trusted"`             // it is the key that was asked for

	Notes    []string  `json:"notes"`
	Problems []Problem `json:"problems"`
	More     int       `json:"more_problems,omitempty"` // that aren't listed
}

// Verify reads a bundle from its first byte to its last and checks everything
// in it against everything else. All that doesn't hold is in Problems. The
// error is of reading r, or a fault of kind BadInput for what is no bundle.
func Verify(r io.Reader, o Options) (Verified, error) {
	in := readers.Get().(*bufio.Reader) //nolint:forcetypeassert // nothing else is in it
	defer func() { in.Reset(nil); readers.Put(in) }()
	in.Reset(r)
	w := &walk{r: in, sum: sha256.New(), o: o, seen: map[string]File{}, parts: map[string][]part{}, judge: &judge{byID: map[string]int{}}}
	err := w.run()
	var f *batch.Fault
	if err != nil && !errors.Is(err, errEnds) && !errors.As(err, &f) {
		return Verified{}, &batch.Fault{Kind: batch.OutOfReach, Op: "read evidence", Detail: err.Error(), Err: err}
	}
	if f != nil {
		return Verified{}, f
	}
	return w.result(), nil
}

// readers are buffers that were used before.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 1<<15) }}

// errEnds ends the walk where nothing more can be read; why is a problem
// already.
var errEnds = errors.New("it can't be read any further")

// walk goes through the container.
type walk struct {
	r     *bufio.Reader
	sum   hash.Hash
	n     int64 // bytes read
	far   int64 // when that was last said
	o     Options
	m     Manifest
	good  bool   // m is as it was written
	text  []byte // of manifest.json
	seen  map[string]File
	parts map[string][]part

	sums, signature, signer []byte
	broken                  []Problem // of the container
	judge                   *judge
}

func (w *walk) wrong(entry, field, format string, args ...any) {
	w.broken = append(w.broken, Problem{Entry: entry, Field: field, What: fmt.Sprintf(format, args...)})
}

// Read is the file with its hash and its length taken.
func (w *walk) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	w.sum.Write(b[:n])
	w.n += int64(n)
	if w.o.Far != nil && w.n-w.far > 1<<20 {
		w.far = w.n
		w.o.Far(w.n)
	}
	return n, err
}

// next is the next block; io.EOF when the file ends before it or in it.
func (w *walk) next() ([]byte, error) {
	b := make([]byte, block)
	_, err := io.ReadFull(w, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return b, err
}

func (w *walk) run() error {
	if err := w.manifest(); err != nil {
		return err
	}
	left := w.listed()
	for {
		at := w.n
		b, err := w.next()
		if errors.Is(err, io.EOF) {
			w.cut(left)
			return errEnds
		}
		if err != nil {
			return err
		}
		if bytes.Equal(b, trailer[:block]) {
			for _, f := range left {
				w.wrong(f.Name, "", "the entry is missing, though manifest.json lists it")
			}
			return w.end()
		}
		name, size, ok, sound := readHeader(b)
		foreign := sound && !ok && (len(left) == 0 || name != left[0].Name || size != left[0].Bytes)
		switch {
		case foreign:
			w.wrong(shown(name), "header", "another program wrote it")
			w.stray(name, left)
		case !ok && len(left) == 0:
			if w.good {
				w.wrong(TheEnd, "", "byte %d of the file should be zero", at+int64(differs(b, trailer[:block])))
			} else {
				w.wrong(shown(name), "header", "at byte %d of the file it can't be read, and nothing behind it was", at)
			}
			return errEnds
		case !ok:
			want := left[0]
			d := differs(b, header(want.Name, want.Bytes))
			w.wrong(want.Name, "header", "byte %d of the file, in the header's %s, isn't what it must be", at+int64(d), headerField(d))
			name, size = want.Name, want.Bytes
		case len(left) > 0 && name == left[0].Name && size != left[0].Bytes:
			w.wrong(name, "header", "it says %d bytes, manifest.json %d", size, left[0].Bytes)
		case len(left) > 0 && name != left[0].Name || len(left) == 0 && w.good:
			w.stray(name, left)
		}
		_, again := w.seen[name]
		known := slices.Contains(order, name) || name == FileSums || name == FileSignature
		if err := w.entry(name, size, known && !again); err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(f File) bool { return f.Name == name })
	}
}

// stray is an entry that doesn't belong where it is.
func (w *walk) stray(name string, left []File) {
	_, again := w.seen[name]
	switch {
	case again:
		w.wrong(shown(name), "", "the entry is there twice")
	case len(left) > 0 && name == left[0].Name:
	case slices.ContainsFunc(left, func(f File) bool { return f.Name == name }):
		w.wrong(name, "", "it stands where %s should", left[0].Name)
	default:
		w.wrong(shown(name), "", "no such entry is listed in manifest.json")
	}
}

// shown is a name from outside, fit for a terminal.
func shown(name string) string {
	if name == "" {
		return "(no name)"
	}
	q := strconv.Quote(name)
	if q[1:len(q)-1] == name && !strings.ContainsAny(name, "/\\") && !strings.Contains(name, "..") {
		return name
	}
	return q
}

// manifest reads the first entry, which says what the others are.
func (w *walk) manifest() error {
	b, err := w.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	name, size, ok, _ := readHeader(b)
	if err != nil || name != FileManifest && string(b[257:262]) != "ustar" {
		return &batch.Fault{
			Kind: batch.BadInput, Op: "verify evidence", Detail: "it is no bundle of evidence: one begins with manifest.json, as a tar",
			Hint: "name a file that starter evidence wrote",
		}
	}
	if !ok {
		d := differs(b, header(FileManifest, size))
		w.wrong(FileManifest, "header", "byte %d of the file, in the header's %s, isn't what it must be", d, headerField(d))
	}
	if size > maxManifest || size == 0 {
		w.wrong(FileManifest, "header", "it says %d bytes; a manifest has 1 to %d", size, maxManifest)
		return errEnds
	}
	w.text = make([]byte, size)
	n, err := io.ReadFull(w, w.text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		w.wrong(FileManifest, "", "the file ends after %d of its %d bytes", n, size)
		return errEnds
	}
	if err != nil {
		return err
	}
	w.seen[FileManifest] = File{Name: FileManifest, Bytes: size, SHA256: Sum(w.text)}
	m, odd := strict[Manifest](w.text, page)
	again, _, err := m.seal()
	switch {
	case odd != "":
		w.wrong(FileManifest, "", "%s", odd)
	case err != nil || again.SHA256 != m.SHA256:
		w.wrong(FileManifest, "sha256", "it was changed: without this field it hashes to %.12s, not %.12s", again.SHA256, m.SHA256)
	case m.Format != Format:
		return &batch.Fault{
			Kind: batch.BadInput, Op: "verify evidence", Thing: m.Format, Detail: "this program reads " + Format,
			Hint: "verify it with the offpeak that wrote it: " + m.Program,
		}
	default:
		w.good = w.plausible(m)
	}
	w.m = m
	w.judge.begin(m, w.good)
	return w.zeros(FileManifest, padding(size))
}

// plausible says whether a manifest's list of files is one that a builder
// makes.
func (w *walk) plausible(m Manifest) bool {
	at := 0
	for i, f := range m.Files {
		n := slices.Index(order[at:], f.Name)
		if n < 0 || f.Bytes < 0 || f.Bytes > maxSize || len(f.SHA256) != 2*sha256.Size {
			w.wrong(FileManifest, fmt.Sprintf("files[%d]", i), "%s isn't an entry that a bundle has there", shown(f.Name))
			return false
		}
		at += n + 1
	}
	for _, name := range []string{FileReadme, FileJobs, FilePins, FileReceipts, FileCharges, FileAudit} {
		if !slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name }) {
			w.wrong(FileManifest, "files", "%s isn't among them, which every bundle has", name)
		}
	}
	return true
}

// listed are the entries that are to come, the nearest first; none when nobody
// can say.
func (w *walk) listed() []File {
	if !w.good {
		return nil
	}
	left := slices.Clone(w.m.Files)
	signed := slices.ContainsFunc(left, func(f File) bool { return f.Name == FileSigner })
	left = append(left, File{Name: FileSums, Bytes: int64(len(sumsOf(w.m, Sum(w.text))))})
	if signed {
		left = append(left, File{Name: FileSignature, Bytes: ed25519.SignatureSize})
	}
	return left
}

// entry reads one entry's content and its padding, and has it judged when it
// is the first of its name.
func (w *walk) entry(name string, size int64, judged bool) error {
	h, in := sha256.New(), newStretches()
	content := io.TeeReader(io.LimitReader(w, size), io.MultiWriter(h, in))
	begun := w.n
	if judged {
		var err error
		switch name {
		case FileSums:
			w.sums, err = io.ReadAll(io.LimitReader(content, maxManifest))
		case FileSignature:
			w.signature, err = io.ReadAll(io.LimitReader(content, maxManifest))
		case FileSigner:
			w.signer, err = io.ReadAll(io.LimitReader(content, maxManifest))
		default:
			err = w.judge.take(name, content)
		}
		if err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	if n := w.n - begun; n < size {
		w.wrong(shown(name), "", "the file ends after %d of its %d bytes", n, size)
		return errEnds
	}
	if judged {
		w.seen[name] = File{Name: name, Bytes: size, Lines: w.judge.lines[name], SHA256: hex.EncodeToString(h.Sum(nil))}
		w.parts[name] = in.parts()
	}
	return w.zeros(shown(name), padding(size))
}

// zeros reads what fills an entry's last block.
func (w *walk) zeros(name string, n int64) error {
	at := w.n
	b := make([]byte, n)
	if _, err := io.ReadFull(w, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			w.wrong(name, "padding", "the file ends inside of it")
			return errEnds
		}
		return err
	}
	if d := differs(b, trailer[:n]); d < len(b) {
		w.wrong(name, "padding", "byte %d of the file should be zero", at+int64(d))
	}
	return nil
}

// end reads the second half of the trailer, behind which nothing is.
func (w *walk) end() error {
	if err := w.zeros(TheEnd, block); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, w)
	if n > 0 {
		w.wrong(TheEnd, "", "%s more behind the bundle's end", many(int(n), "byte"))
	}
	return err
}

// cut is a file that ends between two entries.
func (w *walk) cut(left []File) {
	name := TheEnd
	if len(left) > 0 {
		name = left[0].Name
	}
	w.wrong(name, "", "the file ends at byte %d, before it", w.n)
}
