package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"

	"github.com/offpeak/offpeak/batch"
)

// Archive is an open store. It is safe for concurrent use, by several
// processes too.
type Archive struct {
	bucket *blob.Bucket
	url    string // without a slash at its end
	root   string // the folder on disk
}

// ErrDiffers is wrapped by Put's error when the key already holds something
// else.
var ErrDiffers = errors.New("the key already holds another content")

// Open opens a store by URL: file:///absolute/folder, which is created where
// missing, readable by its owner only. What is wrong with the URL is a fault of kind
// BadInput, a folder that can't be used one of kind OutOfReach.
func Open(ctx context.Context, rawURL string) (*Archive, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, badURL("", "it is not a URL") // url.Error would repeat a password
	}
	switch {
	case u.Scheme != "file":
		return nil, badURL(u.Redacted(), "its scheme is not supported")
	case u.Host != "" || u.Opaque != "" || !filepath.IsAbs(u.Path):
		return nil, badURL(u.Redacted(), "its path is not absolute; three slashes begin it")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, badURL(u.Redacted(), "it has a query or a fragment")
	}
	root := filepath.Clean(u.Path)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, outOfReach("open archive", rawURL, err)
	}
	bucket, err := fileblob.OpenBucket(root, &fileblob.Options{
		Metadata:    fileblob.MetadataDontWrite, // no sidecar files: a key is one file
		DirFileMode: 0o700,
		NoTempDir:   true, // a rename across file systems isn't atomic
	})
	if err != nil {
		return nil, outOfReach("open archive", rawURL, err)
	}
	return &Archive{bucket: bucket, url: (&url.URL{Scheme: "file", Path: root}).String(), root: root}, nil
}

// Close lets go of the store. What was put is kept already.
func (a *Archive) Close() error { return a.bucket.Close() }

// URL is where a key's content is, for people.
func (a *Archive) URL(key string) string { return strings.TrimRight(a.url, "/") + "/" + key }

// Put writes content under a key, once. The same content again is no error,
// since a retry looks like that; another content is one that wraps ErrDiffers,
// and the first stays. On disk before it returns.
func (a *Archive) Put(ctx context.Context, key string, content []byte) error {
	const op = "write archive"
	if err := checkKey(op, key); err != nil {
		return err
	}
	placed, err := a.place(ctx, key, content)
	if err != nil {
		return outOfReach(op, key, err)
	}
	if placed {
		return a.sync(key)
	}
	there, err := a.bucket.ReadAll(ctx, key)
	if err != nil {
		return outOfReach(op, key, err)
	}
	if !bytes.Equal(there, content) {
		return &batch.Fault{Kind: batch.Internal, Op: op, Thing: key, Detail: ErrDiffers.Error(), Err: ErrDiffers}
	}
	return a.sync(key) // whoever wrote it may have died before
}

// place brings content under a key unless something is there already: in a
// file of its own first, then by a hard link, which the file system makes once
// or not at all. The library's own IfNotExist looks first and renames then,
// and two writers can both find nothing.
func (a *Archive) place(ctx context.Context, key string, content []byte) (placed bool, err error) {
	part := key + "." + rand.Text() + ".part"
	if err := a.bucket.WriteAll(ctx, part, content, &blob.WriterOptions{ContentType: contentType(key)}); err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(a.path(part)) }() // one that stays is only untidy
	if err := syncPath(a.path(part)); err != nil {
		return false, err
	}
	switch err := os.Link(a.path(part), a.path(key)); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

func (a *Archive) path(key string) string { return filepath.Join(a.root, filepath.FromSlash(key)) }

// Get reads a key's content; NotFound when there is none.
func (a *Archive) Get(ctx context.Context, key string) ([]byte, error) {
	const op = "read archive"
	if err := checkKey(op, key); err != nil {
		return nil, err
	}
	content, err := a.bucket.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, &batch.Fault{Kind: batch.NotFound, Op: op, Thing: key, Detail: "nothing is kept there", Err: err}
	}
	if err != nil {
		return nil, outOfReach(op, key, err)
	}
	return content, nil
}

// sync brings a file to disk. The books are written after it, and they are
// synced too: without this, a power cut could leave a paid job with an empty
// answer.
func (a *Archive) sync(key string) error {
	path := a.path(key)
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := syncPath(p); err != nil {
			return outOfReach("write archive", key, err)
		}
	}
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func contentType(key string) string {
	switch filepath.Ext(key) {
	case ".json":
		return "application/json"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

func badURL(thing, why string) error {
	return &batch.Fault{
		Kind: batch.BadInput, Op: "open archive", Thing: thing, Detail: why,
		Hint: "set OFFPEAK_ARCHIVE to file:///absolute/folder",
	}
}

func outOfReach(op, thing string, err error) error {
	return &batch.Fault{
		Kind: batch.OutOfReach, Op: op, Thing: thing, Err: err,
		Hint: "see that the archive's folder exists, can be written and has room",
	}
}
