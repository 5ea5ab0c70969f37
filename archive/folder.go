package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/offpeak/offpeak/batch"
)

// folder is a store on a disk, which several machines may share.
type folder struct {
	bucket *blob.Bucket
	root   string
}

func openFolder(u *url.URL, readOnly bool) (*Archive, error) {
	switch {
	case u.Host != "" || u.Opaque != "" || !filepath.IsAbs(u.Path):
		return nil, badURL(u, "its path is not absolute; three slashes begin it")
	case u.RawQuery != "":
		return nil, badURL(u, "it has a query")
	}
	root := filepath.Clean(u.Path)
	d := &folder{root: root}
	if readOnly {
		if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
			return nil, &batch.Fault{
				Kind: batch.NotFound, Op: opOpen, Thing: shown(u), Detail: "there is no such folder", Err: err,
				Hint: "OFFPEAK_ARCHIVE says which archive is read; a worker makes it when it starts",
			}
		}
	} else if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, d.fault(opOpen, shown(u), err)
	}
	bucket, err := fileblob.OpenBucket(root, &fileblob.Options{
		Metadata:    fileblob.MetadataDontWrite, // no sidecar files: a key is one file
		DirFileMode: 0o700,
		NoTempDir:   true, // a rename across file systems isn't atomic
	})
	if err != nil {
		return nil, d.fault(opOpen, shown(u), err)
	}
	d.bucket = bucket
	return &Archive{bucket: bucket, store: d, url: (&url.URL{Scheme: "file", Path: root}).String(), readOnly: readOnly}, nil
}

func (d *folder) put(ctx context.Context, key string, content []byte) (bool, error) {
	return d.stream(ctx, key, func(w io.Writer) error { _, err := w.Write(content); return err })
}

// stream writes a file of its own first and then makes a hard link, which the
// file system makes once or not at all. The library's own IfNotExist looks
// first and renames then, and two writers can both find nothing.
func (d *folder) stream(ctx context.Context, key string, fill func(io.Writer) error) (placed bool, err error) {
	part := key + "." + rand.Text() + ".part"
	if err := d.write(ctx, part, fill); err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(d.path(part)) }() // one that stays is only untidy
	if err := syncPath(d.path(part)); err != nil {
		return false, err
	}
	switch err := os.Link(d.path(part), d.path(key)); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, d.keep(key)
}

// write fills a file of its own, or leaves none: a writer whose context has
// ended throws away what it has.
func (d *folder) write(ctx context.Context, part string, fill func(io.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := d.bucket.NewWriter(ctx, part, &blob.WriterOptions{ContentType: contentType(part)})
	if err != nil {
		return err
	}
	if err := fill(w); err != nil {
		cancel()
		_ = w.Close() // the error is known
		return err
	}
	return w.Close()
}

// keep brings a file to disk. The books are written after it, and they are
// synced too: without this, a power cut could leave a paid job with an empty
// answer.
func (d *folder) keep(key string) error {
	path := d.path(key)
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := syncPath(p); err != nil {
			return err
		}
	}
	return nil
}

func (d *folder) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

func (d *folder) fault(op, thing string, err error) *batch.Fault {
	f := &batch.Fault{
		Kind: batch.OutOfReach, Op: op, Thing: thing, Err: err,
		Hint: "see that the archive's folder exists, can be written and has room",
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		f.Detail = path.Error() // the library says the key once more
	}
	return f
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
