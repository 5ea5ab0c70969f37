package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
)

// source is a manifest and where it came from.
type source struct {
	manifest batch.Manifest
	name     string // for messages: a path, or "input"
	folder   string // what jobs_from is relative to, a path or a URL; "" when it came without a place
}

// maxManifest bounds the file of a manifest. One with inline jobs is bounded
// more tightly when it is read.
const maxManifest = 16 << 20

// readInput reads what the night was asked for with: a whole manifest, or the
// URL of one, on this machine or in a bucket.
func readInput(ctx context.Context, input json.RawMessage) (source, error) {
	ref, named, err := manifest.Ref(input)
	if err != nil {
		return source{}, problems(err)
	}
	src := source{name: "input"}
	text := []byte(input)
	if named {
		from, err := at("manifest", ref.URL)
		if err != nil {
			return source{}, err
		}
		src.name, src.folder = from.name, from.folder()
		if text, err = from.whole(ctx); err != nil {
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
func (s source) each(ctx context.Context, yield func(batch.Job) error) error {
	for _, j := range s.manifest.Jobs {
		if err := yield(j); err != nil {
			return err
		}
	}
	if s.manifest.JobsFrom == "" {
		return nil
	}
	from, err := s.jobsPlace()
	if err != nil {
		return err
	}
	f, err := from.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	return problems(manifest.Stream(from.name, s.manifest, f, yield))
}

// jobsPlace is where the jobs of jobs_from are.
func (s source) jobsPlace() (place, error) {
	from := s.manifest.JobsFrom
	switch {
	case strings.Contains(from, "://"):
		return at("jobs_from", from)
	case filepath.IsAbs(from):
		return place{what: "jobs_from", name: filepath.Clean(from)}, nil
	case s.folder == "":
		return place{}, &batch.Fault{
			Kind: batch.BadInput, Op: "read manifest", Thing: "jobs_from", Detail: fmt.Sprintf("%q is relative, and this manifest came without a place of its own", from),
			Hint: "give an absolute path or a URL; starter run makes it absolute by itself",
		}
	case strings.Contains(s.folder, "://"):
		beside, err := url.Parse(s.folder)
		if err != nil {
			return place{}, err
		}
		to := *beside // with its query: the same bucket
		to.Path = path.Join(beside.Path, filepath.ToSlash(from))
		return at("jobs_from", to.String())
	}
	return place{what: "jobs_from", name: filepath.Join(s.folder, from)}, nil
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
