package estimate

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
)

// Jobs yields every job of a manifest, in order, as they stream by. elsewhere
// says that there are more in a place that can't be read from here. An error of
// yield's ends it; all that is wrong with them is manifest.Problems.
type Jobs func(yield func(batch.Job) error) (elsewhere bool, err error)

// Open opens the jobs that jobs_from names; name is for messages. A nil reader
// without an error: they can't be read from here.
type Open func(jobsFrom string) (r io.ReadCloser, name string, err error)

// All yields the inline jobs, then those that open finds.
func All(m batch.Manifest, open Open) Jobs {
	return func(yield func(batch.Job) error) (elsewhere bool, err error) {
		for _, j := range m.Jobs {
			if err := yield(j); err != nil {
				return false, err
			}
		}
		if m.JobsFrom == "" {
			return false, nil
		}
		r, name, err := open(m.JobsFrom)
		if err != nil || r == nil {
			return r == nil, err
		}
		defer func() { _ = r.Close() }() // it was only read
		return false, unreadable(name, manifest.Stream(name, m, r, yield))
	}
}

// Local is All for jobs in a file of this machine, named as file:///path.
// shown is how a path is called in messages; nil leaves it as it is.
func Local(m batch.Manifest, shown func(path string) string) Jobs {
	return All(m, func(from string) (io.ReadCloser, string, error) {
		u, err := url.Parse(from)
		if err != nil || u.Scheme != "file" {
			return nil, "", nil //nolint:nilerr // the worker's business: it may know the scheme
		}
		path := filepath.FromSlash(u.Path)
		f, err := os.Open(path)
		if err != nil {
			return nil, "", unopened(path, err)
		}
		if shown != nil {
			path = shown(path)
		}
		return f, path, nil
	})
}

func unopened(path string, err error) error {
	f := &batch.Fault{Kind: batch.BadInput, Op: "open jobs_from", Thing: path, Err: err, Hint: "a relative path is relative to the manifest's folder"}
	var p *fs.PathError
	if errors.As(err, &p) {
		f.Detail = p.Err.Error()
	}
	if errors.Is(err, fs.ErrNotExist) {
		f.Kind = batch.NotFound
	}
	return f
}

// unreadable leaves what is wrong with jobs, and a fault, as they are.
func unreadable(name string, err error) error {
	var (
		f  *batch.Fault
		ps manifest.Problems
	)
	if err == nil || errors.As(err, &f) || errors.As(err, &ps) {
		return err
	}
	return &batch.Fault{Kind: batch.BadInput, Op: "read", Thing: name, Err: err}
}
