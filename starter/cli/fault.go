package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/starter/nightly"
)

// usage makes a fault of what cobra says about flags and arguments.
func usage(err error) error {
	var f *batch.Fault
	if errors.As(err, &f) {
		return err
	}
	return &batch.Fault{Kind: batch.BadInput, Op: "read command line", Detail: err.Error(), Hint: "starter --help lists the commands, starter COMMAND --help the flags of one"}
}

// complain prints an error for people, and for programs when they asked, and
// returns the exit code.
func (a *app) complain(ctx context.Context, err error) int {
	var f *batch.Fault
	if !errors.As(err, &f) {
		f = &batch.Fault{Kind: batch.Internal, Op: "starter", Err: err}
	}
	if ctx.Err() != nil && f.Kind == batch.OutOfReach {
		// Whatever was under way when Ctrl-C came didn't fail by itself.
		f = &batch.Fault{Kind: batch.Cancelling, Op: f.Op, Thing: f.Thing, Detail: "interrupted"}
	}
	if f.Kind == batch.NotFound && a.asked != "" && strings.Contains(f.Thing, a.asked) {
		if meant := a.guess(ctx, a.asked); meant != "" {
			g := *f
			g.Hint = strings.TrimSuffix("did you mean "+meant+"? "+f.Hint, " ")
			f = &g
		}
	}
	writeFault(a.Err, f)
	if a.json {
		_ = a.object(map[string]any{"error": faultJSON(f)})
	}
	return f.Kind.ExitCode()
}

// writeFault prints what went wrong, indented details, and what to do.
func writeFault(w io.Writer, f *batch.Fault) {
	what := f.Op
	if f.Thing != "" {
		what += " " + f.Thing
	}
	fmt.Fprintf(w, "error: %s: %s\n", printable(what), headline(f))
	for line := range strings.Lines(detail(f)) {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(w, "  %s\n", printable(line))
		}
	}
	if f.Hint != "" {
		fmt.Fprintf(w, "hint: %s\n", printable(f.Hint))
	}
}

// headline is the kind in words.
func headline(f *batch.Fault) string {
	words := map[batch.Kind]string{
		batch.BadInput: "bad input", batch.KeyRefused: "the API key was refused", batch.CreditsTooLow: "credits are too low",
		batch.OverBudget: "over budget", batch.RateLimited: "rate limited", batch.RejectedByAPI: "rejected by the provider",
		batch.NotSent: "could not be sent", batch.OutcomeUnknown: "outcome unknown", batch.OutOfReach: "out of reach",
		batch.NightClaimed: "the night is taken by another workflow", batch.ManifestDiffers: "the night was planned from another manifest",
		batch.NotFound: "not found", batch.Waiting: "not yet", batch.Cancelling: "stopped", batch.Internal: "a bug of offpeak",
		batch.DiscountMissed: "the discount was missed", batch.BillingMissing: "a bill is missing", batch.OutcomesUnknown: "outcomes are unknown",
		batch.BooksDisagree: "the books disagree", batch.NothingToJudge: "nothing to judge",
	}
	s := words[f.Kind]
	if n := mistakes(f); n > 1 {
		s = fmt.Sprintf("%d mistakes", n)
	}
	if s == "" {
		s = string(f.Kind)
	}
	if f.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", f.Status)
	}
	return s
}

// mistakes counts what is wrong with a manifest, or with a request.
func mistakes(f *batch.Fault) int {
	var (
		ps     manifest.Problems
		fields nightly.Problems
	)
	errors.As(f, &ps)
	errors.As(f, &fields)
	return len(ps) + len(fields)
}

func detail(f *batch.Fault) string {
	var (
		ps     manifest.Problems
		fields nightly.Problems
	)
	switch {
	case errors.As(f, &ps):
		// All of them; the detail is cut to what fits a Temporal failure.
		if errors.As(f, &fields) {
			return ps.Error() + "\n" + fields.Error()
		}
		return ps.Error()
	case f.Detail != "":
		return f.Detail
	case f.Err != nil:
		return f.Err.Error()
	}
	return ""
}

// failure is an error as JSON.
type failure struct {
	Kind     batch.Kind  `json:"kind"`
	Op       string      `json:"op"`
	Thing    string      `json:"thing"`
	Detail   string      `json:"detail"`
	Hint     string      `json:"hint"`
	Problems []problemAt `json:"problems,omitempty"` // of a manifest, or of a request field by field
}

// problemAt is one thing wrong with a manifest, and where.
type problemAt struct {
	Source  string `json:"source,omitempty"` // of a manifest, like its line and column
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func faultJSON(f *batch.Fault) failure {
	out := failure{Kind: f.Kind, Op: f.Op, Thing: f.Thing, Detail: detail(f), Hint: f.Hint}
	var ps manifest.Problems
	if errors.As(f, &ps) {
		for _, p := range ps {
			out.Problems = append(out.Problems, problemAt{p.Source, p.Line, p.Column, p.Path, p.Message, p.Hint})
		}
	}
	var fields nightly.Problems
	if errors.As(f, &fields) {
		for _, p := range fields {
			out.Problems = append(out.Problems, problemAt{Path: p.Field, Message: p.Message})
		}
	}
	return out
}

// object prints one JSON object, indented, to standard output.
func (a *app) object(v any) error {
	e := json.NewEncoder(a.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// note tells a person something on standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.Err, format+"\n", args...)
}
