package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
)

func raised(t *testing.T, err error, details ...any) *temporal.ApplicationError {
	t.Helper()
	var e *temporal.ApplicationError
	if !errors.As(raise(err, details...), &e) {
		t.Fatalf("%v is no application error", err)
	}
	return e
}

func TestRaise(t *testing.T) {
	if raise(nil) != nil {
		t.Error("nothing became an error")
	}
	if err := raise(fmt.Errorf("wait: %w", context.Canceled)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancellation became %v", err)
	}
	fault := &batch.Fault{Kind: batch.OverBudget, Op: "plan", Thing: "x", Detail: "too dear", Hint: "raise the budget"}
	e := raised(t, fmt.Errorf("outer: %w", fault))
	if e.Type() != "OverBudget" || !e.NonRetryable() || e.NextRetryDelay() != 0 || e.Error() != "plan x: OverBudget: too dear. raise the budget (type: OverBudget, retryable: false)" {
		t.Errorf("%v, delay %s", e, e.NextRetryDelay())
	}
	var got batch.Fault
	if err := e.Details(&got); err != nil || got.Detail != "too dear" || got.Hint != "raise the budget" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRaiseDelays(t *testing.T) {
	f := &batch.Fault{Kind: batch.RateLimited, Op: "send", After: 7 * time.Second}
	for _, c := range []struct {
		err    error
		delay  time.Duration
		benign bool
	}{
		{f, 7 * time.Second, true},
		{later{Fault: f, delay: 12345 * time.Millisecond}, 12345 * time.Millisecond, true},
		{later{Fault: f, delay: 0}, least, true}, // zero would be dropped
		{later{Fault: f, delay: -time.Hour}, least, true},
		{waiting("submit", "job", "the window is full", 3*time.Second), 3 * time.Second, true},
		{&batch.Fault{Kind: batch.OutOfReach, Op: "read"}, 0, false},
		{over{&batch.Fault{Kind: batch.OutOfReach, Op: "read", After: time.Second}}, 0, false},
	} {
		e := raised(t, c.err)
		if e.NextRetryDelay() != c.delay || (e.Category() == temporal.ApplicationErrorCategoryBenign) != c.benign {
			t.Errorf("%v: delay %s, category %v", c.err, e.NextRetryDelay(), e.Category())
		}
	}
	if e := raised(t, over{&batch.Fault{Kind: batch.OutOfReach}}); !e.NonRetryable() {
		t.Error("what is over is tried again")
	}
}

// Every kind has a place: either no retry mends it, or the story may try again.
func TestEveryKindIsPlaced(t *testing.T) {
	again := []batch.Kind{batch.RateLimited, batch.NotSent, batch.OutcomeUnknown, batch.OutOfReach, batch.Waiting, batch.Cancelling}
	for _, k := range again {
		if raised(t, &batch.Fault{Kind: k}).NonRetryable() {
			t.Errorf("%s is never tried again", k)
		}
	}
	for k := range final {
		if !raised(t, &batch.Fault{Kind: k, After: time.Second}).NonRetryable() {
			t.Errorf("%s is tried again", k)
		}
	}
	if n := len(final) + len(again); n != 20 {
		t.Errorf("%d kinds are placed, want all 20", n)
	}
}

// A cause that JSON leaves out becomes the detail, and an error without a kind
// a bug of ours.
func TestRaiseKeepsTheCause(t *testing.T) {
	e := raised(t, &batch.Fault{Kind: batch.OutOfReach, Op: "write archive", Err: errors.New("disk full")}, batch.Result{Batch: "x/2026-11-22"})
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(batch.Fault{})
	if err != nil || payloads == nil {
		t.Fatal(err)
	}
	var f batch.Fault
	var r batch.Result
	if err := e.Details(&f, &r); err != nil || f.Detail != "disk full" || r.Batch != "x/2026-11-22" {
		t.Errorf("%+v, %+v, %v", f, r, err)
	}
	text, err := json.Marshal(f)
	if err != nil || !strings.Contains(string(text), "disk full") {
		t.Errorf("%s, %v", text, err)
	}
	if e := raised(t, errors.New("boom")); e.Type() != string(batch.Internal) || !e.NonRetryable() {
		t.Errorf("%v", e)
	}
}
