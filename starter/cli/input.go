package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/starter/estimate"
	"github.com/offpeak/offpeak/starter/nightly"
)

// stdin is the name of standard input among file arguments.
const stdin = "-"

// input is a manifest that was read.
type input struct {
	source   string
	manifest batch.Manifest
	payload  json.RawMessage // the same as JSON, with jobs_from made absolute: what Temporal is handed
	url      string          // of the file; "" for standard input
	replaced bool            // --window took the place of the manifest's window
}

// request is what the night is started with. A manifest whose jobs are in a
// file is handed over by name: whoever reads that file can read this one, and
// no prompt, not even one of the defaults, enters Temporal's history.
func (in input) request() nightly.Request {
	if in.url == "" || !strings.HasPrefix(in.manifest.JobsFrom, "file:") {
		return nightly.Request{Manifest: in.payload}
	}
	return in.byName()
}

// byName hands over where the manifest is, for the worker to read.
func (in input) byName() nightly.Request {
	return nightly.Request{
		Ref: in.url, Name: in.manifest.Name, Window: in.manifest.Window, Slow: in.manifest.Policy.RequestTimeout,
		Replace: in.replaced,
	}
}

// read reads a manifest, and changes its window when override isn't "".
func (a *app) read(file, override string) (input, error) {
	in := input{source: file}
	data, err := a.open(file)
	if err != nil {
		return in, err
	}
	if file == stdin {
		in.source = "standard input"
	} else if in.url, err = fileURL(file); err != nil {
		return in, err
	}
	if in.payload, err = manifest.JSON(in.source, data); err != nil {
		return in, asFault(in.source, err)
	}
	changes := map[string]any{}
	if in.manifest, err = manifest.Read(in.source, data); err != nil {
		return in, asFault(in.source, err)
	}
	if in.manifest.JobsFrom != "" {
		absolute, err := absolute(file, in.manifest.JobsFrom)
		if err != nil {
			return in, err
		}
		changes["jobs_from"] = absolute
	}
	if override != "" {
		w, err := parseWindow(override)
		if err != nil {
			return in, err
		}
		changes["window"] = manifest.WindowField(w)
		in.replaced = true
	}
	if len(changes) == 0 {
		return in, nil
	}
	if in.payload, err = with(in.payload, changes); err != nil {
		return in, asFault(in.source, err)
	}
	if in.manifest, err = manifest.Read(in.source, in.payload); err != nil {
		return in, asFault("--window", err)
	}
	return in, nil
}

// open reads a whole manifest. Jobs in their thousands belong in jobs_from,
// which is never read whole.
func (a *app) open(file string) ([]byte, error) {
	from := a.In
	if file != stdin {
		f, err := os.Open(file)
		if err != nil {
			return nil, openFault(file, err)
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	const most = 64 << 20 // far above what manifest takes: it says what the limit is
	data, err := io.ReadAll(io.LimitReader(from, most))
	if err != nil {
		return nil, openFault(file, err)
	}
	return data, nil
}

func openFault(file string, err error) error {
	f := &batch.Fault{Kind: batch.BadInput, Op: "open manifest", Thing: file, Err: err, Hint: "name a manifest in YAML or JSON, or - for standard input"}
	var p *fs.PathError
	if errors.As(err, &p) {
		f.Detail = p.Err.Error()
	}
	if errors.Is(err, fs.ErrNotExist) {
		f.Kind = batch.NotFound
	}
	return f
}

// absolute is where jobs_from is, as a URL: relative paths are relative to the
// manifest's folder, and the worker has another working directory.
func absolute(file, from string) (string, error) {
	if strings.Contains(from, "://") {
		return from, nil
	}
	if !filepath.IsAbs(from) {
		dir := "."
		if file != stdin {
			dir = filepath.Dir(file)
		}
		from = filepath.Join(dir, from)
	}
	return fileURL(from)
}

func fileURL(file string) (string, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return "", &batch.Fault{Kind: batch.BadInput, Op: "find", Thing: file, Err: err}
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String(), nil
}

// with replaces fields of a JSON object.
func with(object json.RawMessage, changes map[string]any) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return nil, err
	}
	for name, v := range changes {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		fields[name] = b
	}
	return json.Marshal(fields)
}

// each yields every job, as estimate.Local does, with paths as short as they
// can be in messages.
func (in input) each(yield func(batch.Job) error) (remote bool, err error) {
	remote, err = estimate.Local(in.manifest, shown)(yield)
	if err != nil {
		return remote, asFault(in.source, err)
	}
	return remote, nil
}

// shown is a path as short as it can be without becoming unclear.
func shown(path string) string {
	if dir, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(rel, "..") {
			return rel
		}
	}
	return path
}

func asFault(thing string, err error) error {
	var (
		f  *batch.Fault
		ps manifest.Problems
	)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &ps):
		f = ps.Fault()
		f.Hint = fmt.Sprintf("correct %s and hand it in again; nothing was sent", map[bool]string{true: "it", false: "them"}[len(ps) == 1])
		return f
	}
	return &batch.Fault{Kind: batch.BadInput, Op: "read", Thing: thing, Err: err}
}
