package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// uploads are files of jobs in the archive, where every worker can read them.
type uploads struct {
	store *archive.Archive
	place *url.URL
	most  int64
}

// folder is where in the archive they are.
const folder = archive.Uploads

// uploadsPlace is the URL of the folder, in the form that the worker reads.
func uploadsPlace(setting string) (*url.URL, error) {
	u, err := url.Parse(setting)
	if err != nil {
		return nil, &batch.Fault{Kind: batch.BadInput, Op: "read settings", Thing: "OFFPEAK_ARCHIVE", Detail: "it is not a URL"}
	}
	return u.JoinPath(folder), nil
}

func openUploads(ctx context.Context, setting string, place *url.URL, most int64) (*uploads, error) {
	store, err := archive.Open(ctx, setting)
	if err != nil {
		return nil, err
	}
	return &uploads{store, place, most}, nil
}

func (u *uploads) close() error { return u.store.Close() }

// uploaded is what was stored.
type uploaded struct {
	URL    string `json:"url" doc:"Goes into jobs_from of a manifest" example:"file:///srv/offpeak/archive/uploads/6f0c1f0e-5a0b-4c57-9d2f-9a6f2b8f4e11.jsonl"`
	Jobs   int    `json:"jobs" doc:"How many jobs it has" example:"20000"`
	Bytes  int64  `json:"bytes" doc:"How long it is" example:"4194304"`
	SHA256 string `json:"sha256" doc:"Over all bytes, in hexadecimal" pattern:"^[0-9a-f]{64}$"`
}

// loose is a manifest without defaults for jobs that may come with some: the
// one thing that a line can't lack by itself is given.
var loose = batch.Manifest{Defaults: []byte(`{"rearrange_flow":"A"}`)}

// add stores what r has, line by line, under a new name. All that is wrong with
// it is manifest.Problems, and nothing is left behind.
func (u *uploads) add(ctx context.Context, r io.Reader) (uploaded, error) {
	name := uuid.NewString() + ".jsonl"
	out := uploaded{URL: u.place.JoinPath(name).String()}
	sum := sha256.New()
	err := u.store.Create(ctx, folder+"/"+name, func(w io.Writer) error {
		through := &counted{r: io.TeeReader(r, io.MultiWriter(w, sum))}
		err := manifest.Stream("body", loose, through, func(batch.Job) error { out.Jobs++; return nil })
		out.Bytes = through.n
		if err == nil && out.Jobs == 0 {
			return bad("read upload", "body", "there is no job in it", "send one job a line, each a JSON object")
		}
		return err
	})
	if err != nil {
		return uploaded{}, err
	}
	out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return out, nil
}

// read opens an upload by its URL; false when it is none.
func (u *uploads) read(ctx context.Context, raw string) (io.ReadCloser, bool, error) {
	at, err := url.Parse(raw)
	if err != nil || !below(u.place, at) {
		return nil, false, nil //nolint:nilerr // it isn't one of ours, whatever it is
	}
	r, err := u.store.Read(ctx, folder+strings.TrimPrefix(at.Path, u.place.Path))
	return r, true, err
}

type counted struct {
	r io.Reader
	n int64
}

// Read counts what passes.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

type (
	uploadInput struct{ Payload }
	uploadMade  struct {
		Location string `header:"Location" doc:"The upload's URL: a place for workers, not for HTTP"`
		Body     uploaded
	}
)

func (a *API) uploadOperations() {
	register(a, operation{
		id: "upload-jobs", method: http.MethodPost, path: "/v1/uploads", tag: tagStart, scope: operate, status: http.StatusCreated,
		summary: "Upload jobs, one a line",
		text: `Streams a file of jobs into the archive and answers with the URL that goes into ` + "`jobs_from`" + ` of a manifest. Each line is
checked as it passes; what depends on the manifest (its defaults, its policy) is checked when a night is started with it. Everything that is wrong is
said at once, each with its line, and then nothing is kept. At most ` + fmt.Sprint(a.MaxUpload>>20) + ` MiB.`,
		body: ndjsonBody(),
	}, func(ctx context.Context, in *uploadInput) (*uploadMade, error) {
		u, err := a.uploads.get(ctx)
		if err != nil {
			return nil, err
		}
		made, err := u.add(ctx, in.stream(u.most))
		if err != nil {
			return nil, in.broken("read upload", u.most, err)
		}
		return &uploadMade{made.URL, made}, nil
	})
}

// Payload is a request's body. Huma hands it over unread: manifests say more
// about what is wrong with them than a schema can, and uploads are never whole
// in memory.
type Payload struct {
	w           http.ResponseWriter
	r           *http.Request
	contentType string
}

// stream is the body up to a limit, which ends the connection.
func (p *Payload) stream(most int64) io.Reader {
	if p.r.Body == nil {
		return strings.NewReader("")
	}
	return http.MaxBytesReader(p.w, p.r.Body, most)
}

// whole is all of the body.
func (p *Payload) whole(op string, most int64) ([]byte, error) {
	b, err := io.ReadAll(p.stream(most))
	if err != nil {
		return nil, p.broken(op, most, err)
	}
	return b, nil
}

// broken is why a body couldn't be read to its end.
func (p *Payload) broken(op string, most int64, err error) error {
	var (
		large *http.MaxBytesError
		late  interface{ Timeout() bool }
		f     *batch.Fault
		ps    manifest.Problems
	)
	switch {
	case errors.As(err, &large):
		hint := "send less"
		if p.contentType != ndjson {
			hint = "upload the jobs (POST /v1/uploads) and name them in jobs_from"
		}
		return &batch.Fault{Kind: problem.TooLarge, Op: op, Thing: "body", Detail: fmt.Sprintf("it has more than %s bytes", batch.Grouped(most)), Hint: hint}
	case errors.As(err, &f), errors.As(err, &ps):
		return err
	case errors.As(err, &late) && late.Timeout():
		return &batch.Fault{Kind: problem.Timeout, Op: op, Thing: "body", Detail: "it took too long to arrive", Hint: "send it again; nothing of it was kept"}
	}
	return bad(op, "body", "it broke off before its end", "send it again; nothing of it was kept")
}
