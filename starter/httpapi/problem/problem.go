// Package problem is how the HTTP API says that something went wrong: an
// application/problem+json of RFC 9457 with the kind, the fields and the hint
// of a batch.Fault. Every part of starter/httpapi answers with Write; Of is for
// what has a way of its own to write. The table of kinds and statuses is in
// kinds.go.
//
// Nothing private leaves: what went wrong on the server's side (kinds Internal
// and OutOfReach) is named by its kind and operation, and its cause, which may
// hold an address or a path, stays in the log.
package problem

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
)

// ContentType is that of every error.
const ContentType = "application/problem+json"

// Problem is one error as it is sent. It is an error itself, so that a handler
// may return it.
type Problem struct {
	Type     string     `json:"type"`               // where its kind is described: /docs#BadInput
	Title    string     `json:"title"`              // the kind in words
	Status   int        `json:"status"`             // the HTTP status
	Detail   string     `json:"detail,omitempty"`   // what happened, this time
	Instance string     `json:"instance,omitempty"` // the path that was asked for
	Kind     batch.Kind `json:"kind"`               // for programs
	Op       string     `json:"op,omitempty"`       // what was being done
	Thing    string     `json:"thing,omitempty"`    // to what
	Hint     string     `json:"hint,omitempty"`     // what to do about it
	Errors   []Item     `json:"errors,omitempty"`   // everything that is wrong with the input, in order

	after time.Duration
}

// Item is one thing that is wrong with an input, and where.
type Item struct {
	Detail string `json:"detail"`
	Field  string `json:"field,omitempty"`  // "jobs[3].agents[0].max_tokens", "query.limit"
	Source string `json:"source,omitempty"` // which input: "body", a file's name
	Line   int    `json:"line,omitempty"`   // from 1
	Column int    `json:"column,omitempty"` // from 1, in characters
	Hint   string `json:"hint,omitempty"`
}

// Error reads as a fault's does.
func (p Problem) Error() string {
	s := strings.TrimSpace(p.Op+" "+p.Thing) + ": " + string(p.Kind)
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	return s
}

// GetStatus is the HTTP status; huma asks for it.
func (p Problem) GetStatus() int { return p.Status }

// ContentType is [ContentType], whatever was negotiated; huma asks for it.
func (Problem) ContentType(string) string { return ContentType }

// RetryAfter is the header of that name in whole seconds, "" for none.
func (p Problem) RetryAfter() string {
	if p.after <= 0 {
		return ""
	}
	return strconv.FormatFloat(math.Ceil(p.after.Seconds()), 'f', 0, 64)
}

// MaxErrors is how many mistakes one problem lists.
const MaxErrors = manifest.MaxShown

// Of is an error as a problem. A Problem is left as it is; what is neither that
// nor a fault nor a manifest's mistakes is a bug of ours, and says no more.
func Of(err error) Problem {
	var (
		p  Problem
		ps manifest.Problems
		f  *batch.Fault
	)
	if errors.As(err, &p) {
		return p
	}
	listed := errors.As(err, &ps)
	switch {
	case errors.As(err, &f):
	case listed:
		f = ps.Fault()
	default:
		f = &batch.Fault{Kind: batch.Internal, Op: "answer", Err: err}
	}
	p = of(public(f))
	if listed {
		p.list(ps)
	}
	return p
}

func of(f *batch.Fault) Problem {
	p := Problem{Kind: f.Kind, Op: f.Op, Thing: f.Thing, Detail: f.Detail, Hint: f.Hint, after: f.After}
	if p.Detail == "" && f.Err != nil {
		p.Detail = f.Err.Error()
	}
	e, known := table[p.Kind]
	if !known {
		p.Kind, e = batch.Internal, table[batch.Internal]
	}
	p.Status, p.Title, p.Type = e.Status, e.Title, "/docs#"+string(p.Kind)
	if p.after == 0 && p.Status == http.StatusServiceUnavailable {
		p.after = retrySoon
	}
	return p
}

// retrySoon is what is told to those who ask while something is out of reach.
const retrySoon = 5 * time.Second

// public is a fault without what concerns only whoever runs the server.
func public(f *batch.Fault) *batch.Fault {
	if f.Kind != batch.Internal && f.Kind != batch.OutOfReach || f.Kind == batch.OutOfReach && f.Err == nil {
		return f
	}
	out := &batch.Fault{Kind: f.Kind, Op: f.Op, Moved: f.Moved, After: f.After, Detail: "the reason is in the server's log", Hint: "try again; nothing is half done"}
	if _, err := batch.ParseID(f.Thing); err == nil {
		out.Thing = f.Thing
	}
	if f.Kind == batch.OutOfReach {
		out.Detail = "what is needed for it doesn't answer right now; the server's log says what"
	}
	return out
}

func (p *Problem) list(ps manifest.Problems) {
	for _, m := range ps[:min(len(ps), MaxErrors)] {
		p.Errors = append(p.Errors, Item{Detail: m.Message, Field: m.Path, Source: m.Source, Line: m.Line, Column: m.Column, Hint: m.Hint})
	}
	p.Detail = "1 mistake"
	if len(ps) > 1 {
		p.Detail = batch.Grouped(int64(len(ps))) + " mistakes; errors has each with its place"
	}
	if p.Hint == "" {
		p.Hint = "correct what errors lists and send it again; nothing was started"
	}
}

// Write answers a request with an error.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	p := Of(err)
	p.Instance = r.URL.EscapedPath()
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if after := p.RetryAfter(); after != "" {
		h.Set("Retry-After", after)
	}
	h.Del("Content-Length") // of an answer that was begun in vain
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // whoever asked is gone
}
