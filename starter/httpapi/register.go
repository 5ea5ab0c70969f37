package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// operation is what is said of one operation besides its types.
type operation struct {
	id, method, path string
	tag              string
	summary, text    string
	scope            keys.Scope
	status           int                // of success; 200 when 0
	also             map[int]string     // other statuses of success, with the same body
	errors           []int              // besides those that every operation has
	body             *huma.RequestBody  // nil for none
	types            map[string]*sample // of the answer, instead of JSON
}

// sample is a content type that isn't made of a Go type.
type sample struct {
	schema  *huma.Schema
	example any
}

// register adds an operation. What h returns as an error becomes a problem.
func register[I, O any](a *API, o operation, h func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary, Description: o.text,
		DefaultStatus: o.status, Security: []map[string][]string{{bearer: {string(o.scope)}}},
		Responses: map[string]*huma.Response{}, RejectUnknownQueryParameters: true, SkipValidateBody: true,
	}
	if o.types != nil {
		r := &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{}}
		for ct, s := range o.types {
			r.Content[ct] = &huma.MediaType{Schema: s.schema, Example: s.example}
		}
		op.Responses["200"] = r
	}
	for _, status := range a.statuses(o) {
		op.Responses[strconv.Itoa(status)] = a.problemResponse(http.StatusText(status))
	}
	op.Responses["default"] = a.problemResponse("Any other error, such as 408, 429 or 500")
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, a.fail(ctx, o.id, err)
		}
		return out, nil
	})
	// Described afterwards: huma would read a body that it knows of, and whole.
	registered := pathOperation(a.huma.OpenAPI().Paths[o.path], o.method)
	registered.RequestBody = o.body
	a.alsoAnswers(o, registered)
}

// statuses are the errors of an operation.
func (a *API) statuses(o operation) []int {
	out := append([]int{http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}, o.errors...)
	if o.scope == keys.Operate {
		out = append(out, http.StatusForbidden)
	}
	if o.status != http.StatusNoContent {
		out = append(out, http.StatusNotAcceptable)
	}
	if o.body != nil {
		out = append(out, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge)
	}
	return out
}

// alsoAnswers describes a second status with the body of the first.
func (a *API) alsoAnswers(o operation, registered *huma.Operation) {
	for status, text := range o.also {
		same := *registered.Responses[strconv.Itoa(max(o.status, http.StatusOK))]
		same.Description = text
		registered.Responses[strconv.Itoa(status)] = &same
	}
}

func pathOperation(p *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return p.Get
	case http.MethodPost:
		return p.Post
	case http.MethodDelete:
		return p.Delete
	}
	return nil
}

// fail is an error as it leaves, and as the log keeps it.
func (a *API) fail(ctx context.Context, op string, err error) problem.Problem {
	var f *batch.Fault
	if b := a.booksOpen(); b != nil && errors.As(err, &f) && strings.Contains(f.Detail, b.Place()) {
		found := *f // where the books are is nobody's business over HTTP
		found.Detail = strings.ReplaceAll(strings.ReplaceAll(f.Detail, " ("+b.Place()+")", ""), b.Place(), "these books")
		found.Err = nil
		err = &found
	}
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		a.Log.Error("a request ended badly", zap.String("operation", op), zap.String("kind", string(p.Kind)), zap.Error(err))
	}
	return p
}

func bad(op, thing, detail, hint string) error {
	return &batch.Fault{Kind: batch.BadInput, Op: op, Thing: thing, Detail: detail, Hint: hint}
}
