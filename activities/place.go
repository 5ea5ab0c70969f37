package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
)

// place is where a manifest or its jobs are read from: a file of this machine
// or an object of a bucket. It is read only, and has nothing to do with the
// archive.
type place struct {
	what string // "manifest" or "jobs_from"
	name string // for messages, without a query: a path, or s3://bucket/key
	url  string // of an object, with its query; "" for a file
}

// at is the place that a URL names.
func at(what, ref string) (place, error) {
	u, err := url.Parse(ref)
	if err == nil && u.Scheme == "s3" && u.User == nil {
		return place{what: what, name: (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), url: ref}, nil
	}
	if err != nil || u.Scheme != "file" || u.Host != "" || !filepath.IsAbs(u.Path) {
		return place{}, &batch.Fault{
			Kind: batch.BadInput, Op: "read manifest", Thing: what, Detail: "it names no file of the worker's machine and no object of a bucket",
			Hint: "write file:///absolute/path, or s3://bucket/key?region=REGION without credentials",
		}
	}
	return place{what: what, name: filepath.Clean(u.Path)}, nil
}

// folder is what stands beside it.
func (p place) folder() string {
	if p.url == "" {
		return filepath.Dir(p.name)
	}
	u, err := url.Parse(p.url)
	if err != nil { // it was read before
		return ""
	}
	u.Path = path.Dir(u.Path)
	return u.String()
}

// open begins to read it.
func (p place) open(ctx context.Context) (io.ReadCloser, error) {
	if p.url == "" {
		f, err := os.Open(p.name)
		if err != nil {
			return nil, unreadable(p.what, p.name, err)
		}
		return f, nil
	}
	r, err := archive.Fetch(ctx, p.url)
	var f *batch.Fault
	if errors.As(err, &f) {
		f.Op = "read " + p.what
	}
	return r, err
}

// whole is all of it, when that isn't too much.
func (p place) whole(ctx context.Context) ([]byte, error) {
	r, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	switch {
	case err != nil && p.url == "":
		return nil, unreadable(p.what, p.name, err)
	case err != nil:
		return nil, err
	case len(text) > maxManifest:
		return nil, &batch.Fault{
			Kind: batch.BadInput, Op: "read " + p.what, Thing: p.name,
			Detail: fmt.Sprintf("it is larger than %d MiB", maxManifest>>20), Hint: "put the jobs into a file of their own and name it in jobs_from",
		}
	}
	return text, nil
}

// unreadable is a file that isn't there or can't be read. That is the asker's
// to mend, and somebody may be waiting for the answer: it isn't retried.
func unreadable(what, path string, err error) error {
	kind := batch.BadInput
	if errors.Is(err, os.ErrNotExist) {
		kind = batch.NotFound
	}
	return &batch.Fault{
		Kind: kind, Op: "read " + what, Thing: path, Detail: errors.Unwrap(err).Error(), Err: err,
		Hint: "the worker reads it: the file must be on the worker's machine, or on storage that it shares",
	}
}
