package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/offpeak/offpeak/batch"
)

// Archive is an open store. It is safe for concurrent use, by several
// processes too.
type Archive struct {
	bucket   *blob.Bucket
	store    store
	url      string // for people: without a query, and without a slash at its end
	readOnly bool
	gather   gatherer
}

// store is what a folder and a bucket do differently: how a key is written
// once, and what to tell a person.
type store interface {
	// put brings content under a key unless something is there already. Placed,
	// and a nil error: it is there whole, and stays there through a power cut.
	put(ctx context.Context, key string, content []byte) (placed bool, err error)
	// stream is put for what is too large to hold. An error of fill's leaves
	// nothing under the key and is returned as it is.
	stream(ctx context.Context, key string, fill func(io.Writer) error) (placed bool, err error)
	// keep makes what somebody else has put survive a power cut.
	keep(key string) error
	// remove deletes a key; one that isn't there is deleted. Through a power cut
	// it is so once removed has returned for it.
	remove(ctx context.Context, key string) error
	removed(keys []string) error
	// fault says what went wrong.
	fault(op, thing string, err error) *batch.Fault
}

// ErrDiffers is wrapped by the error of Put and Create when the key already
// holds something else.
var ErrDiffers = errors.New("the key already holds another content")

// Open opens a store by URL, to write and to read:
//
//	file:///absolute/folder    made where missing, readable by its owner only
//	s3://bucket/prefix?region=eu-central-1
//	s3://bucket?endpoint=https://minio.internal:9000&use_path_style=true
//
// A bucket must be there. It is written to once, to see that it can be and
// that it refuses to write a key twice. What is wrong with the URL, the bucket
// or the credentials is a fault of kind BadInput, a store that can't be
// reached or used one of kind OutOfReach.
func Open(ctx context.Context, rawURL string) (*Archive, error) { return open(ctx, rawURL, false) }

// Reader opens a store to read only. It makes and writes nothing; a folder
// that isn't there is NotFound.
func Reader(ctx context.Context, rawURL string) (*Archive, error) { return open(ctx, rawURL, true) }

func open(ctx context.Context, rawURL string, readOnly bool) (*Archive, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, badURL(nil, "it is not a URL") // url.Error would repeat a password
	}
	switch {
	case u.User != nil:
		return nil, badURL(u, "credentials don't belong into it: every log would have them")
	case u.Fragment != "":
		return nil, badURL(u, "it has a fragment")
	case u.Scheme == "file":
		return openFolder(u, readOnly)
	case u.Scheme == "s3":
		return openBucket(ctx, u, readOnly)
	}
	return nil, badURL(u, "its scheme is neither file nor s3")
}

// Close lets go of the store. What was put is kept already.
func (a *Archive) Close() error { return a.bucket.Close() }

// URL is where a key's content is, for people.
func (a *Archive) URL(key string) string { return strings.TrimRight(a.url, "/") + "/" + key }

// Put writes content under a key, once. The same content again is no error,
// since a retry looks like that; another content is one that wraps ErrDiffers,
// and the first stays. On disk before it returns.
func (a *Archive) Put(ctx context.Context, key string, content []byte) error {
	if err := a.writable(key); err != nil {
		return err
	}
	placed, err := a.store.put(ctx, key, content)
	if err != nil {
		return a.store.fault(opWrite, key, err)
	}
	if placed {
		return nil
	}
	return a.same(ctx, key, int64(len(content)), sha256.Sum256(content))
}

// Create is Put for what is too large to hold: write is called once and hands
// its content to w piece by piece. An error of write's, or a context that ends,
// leaves nothing under the key; write's own error is returned as it is. Where
// the key holds something already, write runs all the same, so that the two
// can be compared.
func (a *Archive) Create(ctx context.Context, key string, write func(w io.Writer) error) error {
	if err := a.writable(key); err != nil {
		return err
	}
	c := &counter{sum: sha256.New()}
	there, err := a.bucket.Exists(ctx, key)
	if err != nil {
		return a.store.fault(opWrite, key, err)
	}
	if !there {
		placed, err := a.store.stream(ctx, key, func(w io.Writer) error { c.w = w; return c.run(write) })
		switch {
		case err == nil && placed:
			return nil
		case err != nil && c.fault != nil && c.broken == nil:
			return c.fault // write's own
		case err != nil:
			return a.store.fault(opWrite, key, err)
		}
	} else if err := c.run(write); err != nil {
		return err
	}
	return a.same(ctx, key, c.n, [sha256.Size]byte(c.sum.Sum(nil)))
}

// counter passes content on and remembers what it was.
type counter struct {
	w      io.Writer // nil: nowhere
	sum    hash.Hash
	n      int64
	broken error // what the store said to a piece
	fault  error // what write said in the end
}

func (c *counter) run(write func(io.Writer) error) error {
	c.fault = write(c)
	return c.fault
}

// Write takes a piece.
func (c *counter) Write(b []byte) (int, error) {
	c.sum.Write(b) // a hash never fails
	c.n += int64(len(b))
	if c.w == nil {
		return len(b), nil
	}
	n, err := c.w.Write(b)
	if err != nil {
		c.broken = err
	}
	return n, err
}

// same compares what a key holds with what was to be written. Neither is held
// in memory.
func (a *Archive) same(ctx context.Context, key string, size int64, sum [sha256.Size]byte) error {
	r, err := a.taken(ctx, key)
	if err != nil {
		return a.store.fault(opWrite, key, err)
	}
	there := sha256.New()
	n := r.Size()
	if n == size {
		n, err = io.Copy(there, r)
	}
	if err := errors.Join(err, r.Close()); err != nil {
		return a.store.fault(opWrite, key, err)
	}
	if n != size || [sha256.Size]byte(there.Sum(nil)) != sum {
		return &batch.Fault{Kind: batch.Internal, Op: opWrite, Thing: key, Detail: ErrDiffers.Error(), Err: ErrDiffers}
	}
	if err := a.store.keep(key); err != nil { // whoever wrote it may have died before
		return a.store.fault(opWrite, key, err)
	}
	return nil
}

// taken opens what a key holds according to a store that refused to write it.
// While another writer is at it, a store may refuse the key a moment before it
// shows it.
func (a *Archive) taken(ctx context.Context, key string) (r *blob.Reader, err error) {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		r, err = a.bucket.NewReader(ctx, key, nil)
		if gcerrors.Code(err) != gcerrors.NotFound || wait > 2*time.Second {
			return r, err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-t.C:
		}
	}
}

// Get reads what is under a key, or a reference of Gather's; NotFound when
// there is none.
func (a *Archive) Get(ctx context.Context, key string) ([]byte, error) {
	if inPack(key) {
		return a.unpack(ctx, key)
	}
	r, err := a.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return content, nil
}

// Read is Get for what is too large to hold, to be closed by the caller. Its
// errors are faults.
func (a *Archive) Read(ctx context.Context, key string) (io.ReadCloser, error) {
	if inPack(key) {
		content, err := a.unpack(ctx, key)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(content)), nil
	}
	if err := checkKey(opRead, key); err != nil {
		return nil, err
	}
	r, err := a.bucket.NewReader(ctx, key, nil)
	if err == nil {
		return &reader{r, a.store, key}, nil
	}
	return nil, a.unread(key, err)
}

// unread is why a key can't be read.
func (a *Archive) unread(key string, err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound && codeOf(err) != noBucket {
		return &batch.Fault{Kind: batch.NotFound, Op: opRead, Thing: key, Detail: "nothing is kept there", Err: err}
	}
	return a.store.fault(opRead, key, err)
}

type reader struct {
	io.ReadCloser
	store store
	key   string
}

// Read reads on; its errors are faults.
func (r *reader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.store.fault(opRead, r.key, err)
	}
	return n, err
}

const (
	opOpen  = "open archive"
	opWrite = "write archive"
	opRead  = "read archive"
)

func (a *Archive) writable(key string) error {
	if a.readOnly {
		return &batch.Fault{Kind: batch.Internal, Op: opWrite, Thing: key, Detail: "it was opened to be read"}
	}
	return checkKey(opWrite, key)
}

func contentType(key string) string {
	switch filepath.Ext(key) {
	case ".json":
		return "application/json"
	case ".jsonl":
		return "application/x-ndjson"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

const setting = "set OFFPEAK_ARCHIVE to file:///absolute/folder or s3://bucket/prefix?region=REGION"

func badURL(u *url.URL, why string) error {
	return &batch.Fault{Kind: batch.BadInput, Op: opOpen, Thing: shown(u), Detail: why, Hint: setting}
}

// shown is a URL without what may be a secret.
func shown(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
