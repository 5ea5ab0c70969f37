package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

type (
	jobsInput struct {
		BatchPath
		State []string `query:"state" enum:"planned,reserved,sending,succeeded,rejected,unknown,parked,skipped,cancelled" doc:"Only in these states, separated by commas"`
		Limit int      `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"At most so many"`
		After int      `query:"after" minimum:"-1" default:"-1" doc:"Only behind this number: next of the page before"`
	}
	jobsOutput struct{ Body books.Page }
	jobInput   struct {
		BatchPath
		Job string `path:"job" maxLength:"200" doc:"The job's name, escaped as a path needs it" example:"EU Market Digest"`
	}
	jobOutput    struct{ Body books.Trail }
	resultsInput struct {
		BatchPath
		Job []string `query:"job,explode" doc:"Only the job of this name; may be given several times"`
	}
	streamOutput struct{ Body func(huma.Context) }
)

// inBooks is a batch as starter/books names it.
func (p BatchPath) inBooks() (string, error) {
	id, err := p.id()
	if err == nil && id == "" {
		return p.Name, nil
	}
	return string(id), err
}

// onBooks opens the books, where they aren't, and checks what is asked for.
func (a *API) onBooks(ctx context.Context, p BatchPath) (*books.Books, string, error) {
	arg, err := p.inBooks()
	if err != nil {
		return nil, "", err
	}
	b, err := a.books.get(ctx)
	return b, arg, err
}

func (a *API) readOperations() {
	missing := []int{http.StatusNotFound}
	register(a, operation{
		id: "list-jobs", method: http.MethodGet, path: "/v1/batches/{name}/{night}/jobs", tag: tagLook, scope: read, errors: missing,
		summary: "List a batch's jobs",
		text:    "In the manifest's order: state, attempts, dollars, and why a job is where it is. Never a prompt, never an answer. It reads the books and needs neither Temporal nor a worker.",
	}, func(ctx context.Context, in *jobsInput) (*jobsOutput, error) {
		b, arg, err := a.onBooks(ctx, in.BatchPath)
		if err != nil {
			return nil, err
		}
		q := books.Query{After: in.After, Limit: in.Limit}
		for _, s := range in.State {
			q.States = append(q.States, batch.State(s))
		}
		p, err := b.Jobs(ctx, arg, q)
		if err != nil {
			return nil, err
		}
		return &jobsOutput{p}, nil
	})
	register(a, operation{
		id: "show-job", method: http.MethodGet, path: "/v1/batches/{name}/{night}/jobs/{job}", tag: tagLook, scope: read, errors: missing,
		summary: "Show one job with every request that was sent for it",
		text:    "When it was sent, how long it took, what came of it, what it cost: its receipts. Never its prompt, never its answer.",
	}, func(ctx context.Context, in *jobInput) (*jobOutput, error) {
		b, arg, err := a.onBooks(ctx, in.BatchPath)
		if err != nil {
			return nil, err
		}
		t, err := b.Trail(ctx, arg, in.Job)
		if err != nil {
			return nil, err
		}
		return &jobOutput{t}, nil
	})
	register(a, operation{
		id: "read-results", method: http.MethodGet, path: "/v1/batches/{name}/{night}/results", tag: tagLook, scope: read, errors: missing,
		summary: "Every job with its answer, as JSON Lines",
		text: `One JSON object a line for each job, in the manifest's order: name, request id, state, dollars, and the output of its answer, or null and
the reason where there is none. As of now, also while the night runs. An answer that breaks off (the connection ends without its last chunk) isn't whole.`,
		types: map[string]*sample{ndjson: {
			schema:  &huma.Schema{Type: "string", Description: "One JSON object a line"},
			example: `{"job":0,"name":"EU Market Digest","state":"succeeded","billed":"0.058500","output":[]}` + "\n",
		}},
	}, a.results)
}

func (a *API) results(ctx context.Context, in *resultsInput) (*streamOutput, error) {
	b, arg, err := a.onBooks(ctx, in.BatchPath)
	if err != nil {
		return nil, err
	}
	return &streamOutput{func(c huma.Context) {
		r, w := humago.Unwrap(c)
		to := &late{w: w, contentType: ndjson}
		_, err := b.Results(ctx, books.Wanted{Batch: arg, Jobs: in.Job}, to, func(int) {})
		switch {
		case err == nil:
			to.begin()
		case !to.begun:
			problem.Write(w, r, a.fail(ctx, "read-results", err))
		default:
			_ = a.fail(ctx, "read-results", errors.Join(err)) // for the log: its head is sent
			panic(http.ErrAbortHandler)                       // whoever reads must not take it for whole
		}
	}}, nil
}

// late sends its head with the first byte, so that what goes wrong before can
// still be a problem.
type late struct {
	w           http.ResponseWriter
	contentType string
	begun       bool
}

func (l *late) begin() {
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", l.contentType)
		l.w.Header().Set("Cache-Control", "no-store")
		l.w.WriteHeader(http.StatusOK)
	}
}

// Write sends.
func (l *late) Write(b []byte) (int, error) {
	l.begin()
	return l.w.Write(b)
}
