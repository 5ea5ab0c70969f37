package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// forms are what the archive has of a report, by content type.
var forms = map[string]string{
	"text/plain": "txt", "text/csv": "csv", "text/html": "html", "text/markdown": "md",
}

type reportInput struct {
	BatchPath
	Accept string `header:"Accept" doc:"application/json, text/plain, text/markdown, text/csv or text/html"`
}

func (a *API) reportOperation() {
	types := map[string]*sample{jsonType: {schema: a.schemaOf(reflect.TypeFor[batch.Result]())}}
	for t := range forms {
		types[t] = &sample{schema: &huma.Schema{Type: "string", Description: "The written report"}}
	}
	register(a, operation{
		id: "read-report", method: http.MethodGet, path: "/v1/batches/{name}/{night}/report", tag: tagLook, scope: read,
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusPaymentRequired},
		summary: "The morning report",
		text: `Of a night that is over: what was paid and saved, where every job stands, what the audit found. It is answered with 200 whether the
audit passed or failed: audit.passed says which. A night that still runs is 409 of kind Waiting; one that was refused before anything was sent has no
report, and the problem is why. As text, Markdown, CSV or HTML it comes from the archive.`,
		types: types,
	}, a.report)
}

func (a *API) report(ctx context.Context, in *reportInput) (*streamOutput, error) {
	n, err := a.night(ctx, in.BatchPath)
	if err != nil {
		return nil, err
	}
	result, err := a.Client.Report(ctx, n.Batch)
	if result.Batch == "" {
		var f *batch.Fault
		if errors.As(err, &f) && f.Kind == batch.Waiting {
			found := *f
			found.Hint = "GET " + linksOf(n.Batch).Events + " says when it is over"
			return nil, &found
		}
		return nil, err
	}
	types := make([]string, 0, len(forms)+1)
	for t := range forms {
		types = append(types, t)
	}
	types = append([]string{jsonType}, sorted(types)...)
	want := pick([]string{in.Accept}, types)
	if want == jsonType || want == "" {
		return &streamOutput{func(c huma.Context) {
			c.SetHeader("Content-Type", jsonType)
			c.SetStatus(http.StatusOK)
			_ = huma.DefaultJSONFormat.Marshal(c.BodyWriter(), result) // whoever asked is gone
		}}, nil
	}
	return a.written(ctx, result, want)
}

// written is a report as the audit wrote it.
func (a *API) written(ctx context.Context, result batch.Result, want string) (*streamOutput, error) {
	u, err := a.uploads.get(ctx)
	if err != nil {
		return nil, err
	}
	key, ours := strings.CutPrefix(result.Report, u.store.URL(""))
	if !ours {
		return nil, &batch.Fault{
			Kind: batch.NotFound, Op: "read report of", Thing: string(result.Batch), Detail: "it isn't in the archive of this server",
			Hint: "ask for application/json",
		}
	}
	from, err := u.store.Read(ctx, key+"."+forms[want])
	if err != nil {
		return nil, err
	}
	return &streamOutput{func(c huma.Context) {
		r, w := humago.Unwrap(c)
		defer func() { _ = from.Close() }() // it was only read
		to := &late{w: w, contentType: want + "; charset=utf-8"}
		if want == "text/html" {
			w.Header().Set("Content-Security-Policy", reportPolicy)
		}
		if _, err := io.Copy(to, from); err != nil {
			if !to.begun {
				problem.Write(w, r, a.fail(ctx, "read-report", err))
				return
			}
			panic(http.ErrAbortHandler)
		}
		to.begin()
	}}, nil
}

// reportPolicy lets a report show its own styles and nothing else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
