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
	"strconv"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/offpeak/offpeak/batch"
)

// folder is a store on a disk, which several machines may share.
type folder struct {
	bucket *blob.Bucket // to read with
	root   string
	dirs   together
	slots  chan int // folders in which files are begun: one is taken while a file is written
}

// writersAtOnce bounds those who write files at the same time. A thread that
// waits for the disk keeps a processor from the others for a while, and the disk
// gains nothing from more: measured with 500 answers at once, 16 write as fast
// as 64 on an idle machine and several times as fast on a busy one.
//
// Each begins its files in a folder of its own: the file system makes changes to
// one folder wait for each other, and the answers' own has to take every name.
const writersAtOnce = 16

// parts is the folder of what is being written. No key begins with a dot.
const parts = ".parts"

func openFolder(u *url.URL, readOnly bool) (*Archive, error) {
	switch {
	case u.Host != "" || u.Opaque != "" || !filepath.IsAbs(u.Path):
		return nil, badURL(u, "its path is not absolute; three slashes begin it")
	case u.RawQuery != "":
		return nil, badURL(u, "it has a query")
	}
	root := filepath.Clean(u.Path)
	d := &folder{root: root, slots: make(chan int, writersAtOnce)}
	for i := range writersAtOnce {
		d.slots <- i
	}
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

// stream writes a file of its own first, brings it to disk and then makes a
// hard link, which the file system makes once or not at all. The library's own
// IfNotExist looks first and renames then, and two writers can both find
// nothing.
func (d *folder) stream(ctx context.Context, key string, fill func(io.Writer) error) (placed bool, err error) {
	if placed, err = d.place(ctx, key, fill); err != nil || !placed {
		return false, err
	}
	return true, d.dirs.sync(filepath.Dir(d.path(key))) // the link is one more name of a file that is on disk
}

// place is stream without bringing the name to disk.
func (d *folder) place(ctx context.Context, key string, fill func(io.Writer) error) (placed bool, err error) {
	var slot int
	select {
	case slot = <-d.slots:
		defer func() { d.slots <- slot }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	part := filepath.Join(d.root, parts, strconv.Itoa(slot), rand.Text())
	defer func() { _ = os.Remove(part) }() // one that stays is only untidy
	if err := d.write(ctx, part, fill); err != nil {
		return false, err
	}
	switch err := inFolder(d.path(key), func() error { return os.Link(part, d.path(key)) }); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// write fills a file of its own and brings it to disk.
func (d *folder) write(ctx context.Context, part string, fill func(io.Writer) error) (err error) {
	f, err := create(part)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := fill(&writer{ctx, f}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.Sync()
}

// create makes a file.
func create(path string) (f *os.File, err error) {
	err = inFolder(path, func() error {
		f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return err
	})
	return f, err
}

// inFolder makes a name, and the folders above it where they are missing.
func inFolder(path string, name func() error) error {
	err := name()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return name()
}

// writer writes until its context ends.
type writer struct {
	ctx context.Context
	f   *os.File
}

func (w *writer) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.f.Write(b)
}

// keep brings a file to disk. The books are written after it, and they are
// synced too: without this, a power cut could leave a paid job with an empty
// answer.
func (d *folder) keep(key string) error {
	path := d.path(key)
	if err := syncPath(path); err != nil {
		return err
	}
	return d.dirs.sync(filepath.Dir(path))
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
