package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strings"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/starter/estimate"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/nightly"
)

// wanted is what a body asks for, read and checked.
type wanted struct {
	request  nightly.Request
	manifest batch.Manifest // zero when only the worker can read it
	read     bool           // it was read here
	jobs     estimate.Jobs
}

// maxManifest bounds a manifest that is read by its URL, as the worker does.
const maxManifest = 16 << 20

// maxBody bounds one that comes in the body: what travels in Temporal, and some
// room so that the manifest's reader says what its own limit is.
const maxBody = 4 * batch.MaxInline

// input reads a manifest, or {"manifest": URL, "name": ..., "window": ...}.
func (a *API) input(ctx context.Context, op string, p *Payload) (wanted, error) {
	body, err := p.whole(op, maxBody)
	if err != nil {
		return wanted{}, err
	}
	return a.inputOf(ctx, op, p.contentType, body)
}

func (a *API) inputOf(ctx context.Context, op, contentType string, body []byte) (wanted, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return wanted{}, bad(op, "body", "there is none", "send a manifest, as JSON or as YAML")
	}
	if contentType == jsonType && bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return wanted{}, syntax(op, body, errors.New("a manifest is an object: {"))
	}
	if contentType == jsonType {
		var ref struct {
			Manifest *json.RawMessage `json:"manifest"`
		}
		if json.Unmarshal(body, &ref) == nil && ref.Manifest != nil {
			return a.reference(ctx, op, body)
		}
	}
	return a.inline(ctx, body)
}

func (a *API) inline(ctx context.Context, body []byte) (wanted, error) {
	m, err := manifest.Read("body", body)
	if err != nil {
		return wanted{}, err
	}
	payload, err := manifest.JSON("body", body)
	if err != nil {
		return wanted{}, err
	}
	if m.JobsFrom != "" {
		if err := a.Roots.Allow("jobs_from", m.JobsFrom); err != nil {
			return wanted{}, err
		}
	}
	return wanted{request: nightly.Request{Manifest: payload}, manifest: m, read: true, jobs: a.jobsOf(ctx, m)}, nil
}

// reference is a manifest that the worker reads by its URL. This side reads it
// too where it can, so that what is wrong is said now; where it can't, its name
// has to be said.
func (a *API) reference(ctx context.Context, op string, body []byte) (wanted, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return wanted{}, syntax(op, body, err)
	}
	var name batch.Name
	if raw, given := fields["name"]; given {
		var err error
		if json.Unmarshal(raw, &name) != nil {
			err = errors.New("it is no text")
		} else {
			err = name.Valid()
		}
		if err != nil {
			return wanted{}, bad(op, "name", err.Error(), "say the manifest's name")
		}
		delete(fields, "name")
	}
	rest, err := json.Marshal(fields)
	if err != nil {
		return wanted{}, err
	}
	ref, _, err := manifest.Ref(rest)
	if err != nil {
		return wanted{}, err
	}
	if ref.URL == "" || len(fields) != countOf(fields, "manifest", "window") {
		return wanted{}, bad(op, "body", "beside manifest only name and window may stand", "put everything else into the manifest itself")
	}
	if err := a.Roots.Allow("manifest", ref.URL); err != nil {
		return wanted{}, err
	}
	w := wanted{request: nightly.Request{Ref: ref.URL, Name: name}}
	if ref.Window != nil {
		w.request.Window, w.request.Replace = *ref.Window, true
	}
	text, err := a.fetch(ctx, ref.URL)
	switch {
	case err != nil && name == "":
		return wanted{}, a.unread(op, ref.URL, err)
	case err != nil:
		return w, nil //nolint:nilerr // the worker reads it, and says what is wrong
	}
	m, err := manifest.Read(shownURL(ref.URL), text)
	if err != nil {
		return wanted{}, err
	}
	if name != "" && name != m.Name {
		return wanted{}, bad(op, "name", fmt.Sprintf("the manifest's own name is %q", m.Name), "leave it out, or name the manifest that is meant")
	}
	if m.JobsFrom != "" {
		if m.JobsFrom, err = beside(ref.URL, m.JobsFrom); err == nil {
			err = a.Roots.Allow("jobs_from", m.JobsFrom)
		}
		if err != nil {
			return wanted{}, err
		}
	}
	if ref.Window != nil {
		m.Window = *ref.Window
	}
	w.request.Name, w.request.Slow = m.Name, m.Policy.RequestTimeout
	if !w.request.Replace {
		w.request.Window = m.Window
	}
	w.manifest, w.read, w.jobs = m, true, a.jobsOf(ctx, m)
	return w, nil
}

// unread is why a manifest without a name can't be started: this side doesn't
// get at it. What a bucket says of the server's rights stays in the log.
func (a *API) unread(op, raw string, err error) error {
	f := &batch.Fault{Kind: batch.OutOfReach, Op: op, Thing: shownURL(raw), Detail: "this server can't read it", Hint: "where only the worker can read it, say its name, too"}
	if batch.KindOf(err) == batch.NotFound {
		f.Kind, f.Detail = batch.NotFound, "there is nothing of this name on the server's side"
	}
	if strings.HasPrefix(raw, "file:") {
		if f.Kind == batch.OutOfReach {
			f.Kind = batch.BadInput
		}
		return f
	}
	a.Log.Warn("a manifest can't be read", zap.String("url", shownURL(raw)), zap.Error(err))
	return f
}

// known is the fault of a manifest that would have to be read here.
func (w wanted) known(op string) error {
	if w.read {
		return nil
	}
	return &batch.Fault{
		Kind: problem.Conflict, Op: op, Thing: "manifest", Detail: "only the worker can read it, and this is done without one",
		Hint: "send the manifest itself",
	}
}

func countOf(fields map[string]json.RawMessage, names ...string) int {
	n := 0
	for _, name := range names {
		if _, there := fields[name]; there {
			n++
		}
	}
	return n
}

// fetch reads a manifest that was allowed.
func (a *API) fetch(ctx context.Context, raw string) ([]byte, error) {
	r, _, err := a.openURL(ctx, raw, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		err = bad("read manifest", shownURL(raw), fmt.Sprintf("it is larger than %d MiB", maxManifest>>20), "put the jobs into a file of their own and name it in jobs_from")
	}
	return text, err
}

// jobsOf are a manifest's jobs, as far as this machine can read them.
func (a *API) jobsOf(ctx context.Context, m batch.Manifest) estimate.Jobs {
	return estimate.All(m, func(from string) (io.ReadCloser, string, error) { return a.openURL(ctx, from, false) })
}

// openURL opens a file, an upload, or an object of a bucket when that is wanted
// too. A nil reader: it can't be read from here.
func (a *API) openURL(ctx context.Context, raw string, objects bool) (io.ReadCloser, string, error) {
	if path.IsAbs(raw) {
		raw = (&url.URL{Scheme: "file", Path: raw}).String()
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, "", bad("open", "URL", "it is no URL", "")
	}
	if up, err := a.uploads.get(ctx); err == nil {
		if r, ours, err := up.read(ctx, raw); ours {
			return r, shownURL(raw), err
		}
	}
	switch {
	case u.Scheme == "file":
		f, err := os.Open(u.Path)
		if err == nil {
			return f, shownURL(raw), nil
		}
		out := &batch.Fault{Kind: batch.BadInput, Op: "open", Thing: shownURL(raw), Detail: "it can't be read", Hint: "let the server's user read it"}
		if errors.Is(err, os.ErrNotExist) {
			out.Kind, out.Detail, out.Hint = batch.NotFound, "there is no such file on the server's machine", "see that its path is right"
		}
		return nil, "", out
	case objects:
		r, err := archive.Fetch(ctx, raw)
		return r, shownURL(raw), err
	}
	return nil, "", nil
}

// shownURL is a URL for messages, without its query.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "URL"
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}

// beside is where jobs_from of a manifest is: relative paths are relative to
// the manifest's own folder.
func beside(manifestURL, from string) (string, error) {
	if strings.Contains(from, "://") || path.IsAbs(from) {
		return from, nil
	}
	u, err := url.Parse(manifestURL)
	if err != nil {
		return "", err
	}
	// Not cleaned: what climbs is refused by Allow.
	u.Path, u.RawPath = path.Dir(u.Path)+"/"+from, ""
	return u.String(), nil
}
