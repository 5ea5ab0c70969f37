package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
)

// source is a manifest and where it came from.
type source struct {
	manifest batch.Manifest
	name     string // for messages: a path, or "input"
	folder   string // what jobs_from is relative to; "" when it came without a place
}

// maxManifest bounds the file of a manifest. One with inline jobs is bounded
// more tightly when it is read.
const maxManifest = 16 << 20

// readInput reads what the night was asked for with: a whole manifest, or the
// name of one on this machine.
func readInput(input json.RawMessage) (source, error) {
	ref, named, err := manifest.Ref(input)
	if err != nil {
		return source{}, problems(err)
	}
	src := source{name: "input"}
	text := []byte(input)
	if named {
		path, err := localPath("manifest", ref.URL)
		if err != nil {
			return source{}, err
		}
		src.name, src.folder = path, filepath.Dir(path)
		if text, err = readFile(path); err != nil {
			return source{}, err
		}
	}
	if src.manifest, err = manifest.Read(src.name, text); err != nil {
		return source{}, problems(err)
	}
	if ref.Window != nil {
		src.manifest.Window = *ref.Window
	}
	return src, nil
}

// each hands over every job, inline ones first. It may be called again: the
// file is read anew.
func (s source) each(yield func(batch.Job) error) error {
	for _, j := range s.manifest.Jobs {
		if err := yield(j); err != nil {
			return err
		}
	}
	if s.manifest.JobsFrom == "" {
		return nil
	}
	path, err := s.jobsPath()
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return unreadable("jobs_from", path, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return problems(manifest.Stream(path, s.manifest, f, yield))
}

func (s source) jobsPath() (string, error) {
	from := s.manifest.JobsFrom
	switch {
	case strings.Contains(from, "://"):
		return localPath("jobs_from", from)
	case filepath.IsAbs(from):
		return filepath.Clean(from), nil
	case s.folder == "":
		return "", &batch.Fault{
			Kind: batch.BadInput, Op: "read manifest", Thing: "jobs_from", Detail: fmt.Sprintf("%q is relative, and this manifest came without a place of its own", from),
			Hint: "give an absolute path or a URL; starter run makes it absolute by itself",
		}
	}
	return filepath.Join(s.folder, from), nil
}

// localPath is the file that a file:// URL names.
func localPath(what, ref string) (string, error) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "file" || u.Host != "" || !filepath.IsAbs(u.Path) {
		return "", &batch.Fault{
			Kind: batch.BadInput, Op: "read manifest", Thing: what, Detail: "it names no file of the worker's machine",
			Hint: "write file:///absolute/path; other stores aren't read yet",
		}
	}
	return filepath.Clean(u.Path), nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable("manifest", path, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, unreadable("manifest", path, err)
	}
	if len(text) > maxManifest {
		return nil, &batch.Fault{
			Kind: batch.BadInput, Op: "read manifest", Thing: path,
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

// problems makes what is wrong with a manifest a fault, and leaves any other
// error as it is.
func problems(err error) error {
	var ps manifest.Problems
	if errors.As(err, &ps) {
		return ps.Fault()
	}
	return err
}
