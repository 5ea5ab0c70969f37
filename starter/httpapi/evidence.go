package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offpeak/offpeak/internal/build"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

const tarType = "application/x-tar"

type evidenceInput struct {
	BatchPath
	Answers bool   `query:"answers" doc:"With the answers, from the archive"`
	Log     string `query:"log" enum:"auto,lake,live,none" default:"auto" doc:"Where the provider's rows come from: the log lake, the provider, whichever shows the batch, or nowhere"`
}

func (a *API) evidenceOperation() {
	register(a, operation{
		id: "read-evidence", method: http.MethodGet, path: "/v1/batches/{name}/{night}/evidence", tag: tagLook, scope: read,
		errors:  []int{http.StatusNotFound},
		summary: "A judged batch's evidence, as one file",
		text: `A tar with its terms, jobs, pins, receipts, charges with their chain, the provider's rows, verdict and report: what starter evidence writes
without a signature, and starter evidence verify checks without anything else. Never a prompt; answers when they are asked for. A night that still runs, or wasn't
judged, is 404. An answer that breaks off (the connection ends without its last chunk) isn't whole, and doesn't verify.`,
		types: map[string]*sample{tarType: {schema: &huma.Schema{Type: "string", Format: "binary", Description: "The bundle"}}},
	}, a.evidence)
}

func (a *API) evidence(ctx context.Context, in *evidenceInput) (*streamOutput, error) {
	b, arg, err := a.onBooks(ctx, in.BatchPath)
	if err != nil {
		return nil, err
	}
	id, err := b.Find(ctx, arg)
	if err != nil {
		return nil, err
	}
	this := build.This()
	wish := books.Wish{Batch: string(id), Answers: in.Answers, Log: in.Log, Program: "offpeak " + this.Version + ", commit " + this.Commit}
	return &streamOutput{func(c huma.Context) {
		r, w := humago.Unwrap(c)
		w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(string(id), "/", "-")+`.evidence.tar"`)
		to := &late{w: w, contentType: tarType}
		_, err := b.Evidence(ctx, wish, to, func(string, int) {})
		switch {
		case err == nil:
			to.begin()
		case !to.begun:
			w.Header().Del("Content-Disposition")
			problem.Write(w, r, a.fail(ctx, "read-evidence", err))
		default:
			_ = a.fail(ctx, "read-evidence", err) // for the log: its head is sent
			panic(http.ErrAbortHandler)           // whoever reads must not take it for whole
		}
	}}, nil
}
