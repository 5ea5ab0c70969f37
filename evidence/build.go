package evidence

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/ledger"
)

// Spool is where an entry waits until all are whole: a tar wants to know a
// content's length before the content. A file without a name will do.
type Spool interface {
	io.ReadWriteSeeker
	io.Closer
}

// Builder gathers a bundle, line by line, and writes it. It holds no more than
// a line in memory. Every method is called from one goroutine; after an error
// nothing but Close is.
type Builder struct {
	spool   func() (Spool, error)
	entries map[string]*entry
	m       Manifest
}

// entry is one that is being gathered.
type entry struct {
	File
	to  Spool
	buf *bufio.Writer
	sum hash.Hash
	in  *stretches
}

// NewBuilder begins a bundle. spool is asked for each entry's place to wait.
func NewBuilder(spool func() (Spool, error)) *Builder {
	return &Builder{spool: spool, entries: map[string]*entry{}}
}

// Close lets go of the spools.
func (b *Builder) Close() error {
	var all []error
	for _, e := range b.entries {
		all = append(all, e.to.Close())
	}
	b.entries = map[string]*entry{}
	return errors.Join(all...)
}

// Manifest is what the bundle says of itself so far, to be filled in before
// Write, which fills in Files and SHA256 itself.
func (b *Builder) Manifest() *Manifest { return &b.m }

// Has makes an entry be there, be it empty.
func (b *Builder) Has(name string) error {
	_, err := b.open(name)
	return err
}

func (b *Builder) open(name string) (*entry, error) {
	if e := b.entries[name]; e != nil {
		return e, nil
	}
	s, err := b.spool()
	if err != nil {
		return nil, err
	}
	e := &entry{File: File{Name: name}, to: s, buf: bufio.NewWriterSize(s, 1<<16), sum: sha256.New(), in: newStretches()}
	b.entries[name] = e
	return e, nil
}

func (b *Builder) put(name string, content []byte) error {
	e, err := b.open(name)
	if err != nil {
		return err
	}
	e.sum.Write(content) // a hash never fails
	_, _ = e.in.Write(content)
	e.Bytes += int64(len(content))
	if e.Bytes > maxSize {
		return fmt.Errorf("%s is above %d bytes, more than an entry can have", name, int64(maxSize))
	}
	if strings.HasSuffix(name, ".jsonl") {
		e.Lines++
	}
	_, err = e.buf.Write(content)
	return err
}

func (b *Builder) add(name string, v any) error {
	content, err := line(v)
	if err != nil {
		return err
	}
	return b.put(name, content)
}

// Job adds a job.
func (b *Builder) Job(j Job) error { return b.add(FileJobs, j) }

// Pin adds a request's pins, made of the request as it is sent, and the
// request itself when it is wanted.
func (b *Builder) Pin(seq int, requestID string, request []byte, whole bool) error {
	pins, err := Skeleton(request)
	if err != nil {
		return fmt.Errorf("the request of job %d: %w", seq, err)
	}
	if err := b.add(FilePins, Pin{Seq: seq, RequestID: requestID, Bytes: len(request), SHA256: Sum(request), Pins: pins}); err != nil || !whole {
		return err
	}
	return b.add(FileRequests, Request{seq, requestID, string(request)})
}

// Receipt adds an HTTP request.
func (b *Builder) Receipt(r Receipt) error {
	if len(r.Receipt) > 0 {
		var tight bytes.Buffer
		if err := json.Compact(&tight, r.Receipt); err != nil {
			return fmt.Errorf("the receipt of job %d, attempt %d: %w", r.Seq, r.Attempt, err)
		}
		r.Receipt = tight.Bytes()
	}
	return b.add(FileReceipts, r)
}

// Charge adds a link of the chain: one of the batch whole, one of another only
// by its hashes.
func (b *Builder) Charge(c ledger.Charge) error {
	out := Charge{N: c.N, Prev: c.Prev, Hash: c.Hash}
	if c.Batch != b.m.Batch {
		out.Other = true
		b.m.Chain.Others++
		return b.add(FileCharges, out)
	}
	out.Seq, out.RequestID, out.Attempt, out.Source = &c.Seq, c.RequestID, c.Attempt, c.Source
	out.Billed, out.DayPrice, out.Canonical = &c.Total, &c.DayPrice, string(c.Canonical())
	if b.m.Chain.First == 0 {
		b.m.Chain.First = c.N
	}
	b.m.Chain.Last = c.N
	b.m.Money.Charges++
	b.m.Money.Billed += c.Total
	b.m.Money.DayPrice += c.DayPrice
	b.m.Money.Saved += c.DayPrice - c.Total
	return b.add(FileCharges, out)
}

// Row adds a row of the provider's log.
func (b *Builder) Row(r Row) error { return b.add(FileLog, r) }

// Answer adds a job's answer as it came; nil and why where there is none.
func (b *Builder) Answer(seq int, requestID string, answer []byte, why string) error {
	out := Answer{Seq: seq, RequestID: requestID, Missing: why}
	if why == "" {
		if out.SHA256 = Sum(answer); isText(answer) {
			out.Answer = string(answer)
		} else {
			out.Bytes = answer
		}
	}
	return b.add(FileAnswers, out)
}

// Page adds a document of JSON in the bundle's form.
func (b *Builder) Page(name string, v any) error {
	content, err := page(v)
	if err != nil {
		return err
	}
	return b.put(name, content)
}

// Verbatim adds an entry as it is.
func (b *Builder) Verbatim(name string, content []byte) error { return b.put(name, content) }

// Lacks says that a part isn't there, and why.
func (b *Builder) Lacks(what, why string) {
	b.m.Absent = append(b.m.Absent, Absent{what, why})
}

// Write writes the bundle, signed when there is a key, and returns the SHA-256
// of the whole file in hex.
func (b *Builder) Write(w io.Writer, key ed25519.PrivateKey) (digest string, err error) {
	if err := b.put(FileReadme, []byte(readme(b.m))); err != nil {
		return "", err
	}
	if key != nil {
		pub, err := encodePublic(key)
		if err != nil {
			return "", err
		}
		if err := b.put(FileSigner, pub); err != nil {
			return "", err
		}
	}
	b.m.Format, b.m.Files = Format, []File{}
	for _, name := range order {
		if e := b.entries[name]; e != nil {
			e.SHA256, e.Stretches = hex.EncodeToString(e.sum.Sum(nil)), sums(e.in.parts())
			b.m.Files = append(b.m.Files, e.File)
		}
	}
	if b.m.Absent == nil {
		b.m.Absent = []Absent{}
	}
	if n := len(b.entries); n != len(b.m.Files) {
		return "", fmt.Errorf("of the entries %v not all have a place", slices.Sorted(maps.Keys(b.entries)))
	}
	m, text, err := b.m.seal()
	if err != nil {
		return "", err
	}
	t := &tape{w: w, sum: sha256.New()}
	t.entry(FileManifest, bytes.NewReader(text), int64(len(text)))
	for _, f := range m.Files {
		e := b.entries[f.Name]
		if err := e.buf.Flush(); err != nil {
			return "", err
		}
		if _, err := e.to.Seek(0, io.SeekStart); err != nil {
			return "", err
		}
		t.entry(f.Name, e.to, f.Bytes)
	}
	sums := sumsOf(m, Sum(text))
	t.entry(FileSums, bytes.NewReader(sums), int64(len(sums)))
	if key != nil {
		t.entry(FileSignature, bytes.NewReader(ed25519.Sign(key, sums)), ed25519.SignatureSize)
	}
	t.write(trailer)
	return hex.EncodeToString(t.sum.Sum(nil)), t.err
}

// sumsOf is SHA256SUMS.
func sumsOf(m Manifest, manifest string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  %s\n", manifest, FileManifest)
	for _, f := range m.Files {
		fmt.Fprintf(&b, "%s  %s\n", f.SHA256, f.Name)
	}
	return b.Bytes()
}

// tape is a tar being written.
type tape struct {
	w   io.Writer
	sum hash.Hash
	err error
}

func (t *tape) write(b []byte) {
	if t.err == nil {
		t.sum.Write(b)
		_, t.err = t.w.Write(b)
	}
}

func (t *tape) entry(name string, content io.Reader, size int64) {
	t.write(header(name, size))
	if t.err != nil {
		return
	}
	n, err := io.Copy(io.MultiWriter(t.w, t.sum), content)
	if err == nil && n != size {
		err = fmt.Errorf("%s has %d bytes where %d were gathered", name, n, size)
	}
	if t.err = err; err == nil {
		t.write(make([]byte, padding(size)))
	}
}
