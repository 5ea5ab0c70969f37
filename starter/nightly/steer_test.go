package nightly_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// TestSteer gives every order to a night that waits, and asks for what makes
// no sense.
func TestSteer(t *testing.T) {
	c := dial(t, "")
	n := start(t, c, shut("steered-night"))
	until(t, n, func(v nightly.View) bool { return v.Progress.State == workflows.StateWaiting })
	p, err := n.Pause(t.Context(), "ada", "look")
	if err != nil || p.Paused.By != "ada" || p.Paused.Why != "look" || p.Batch != n.Batch {
		t.Errorf("pause: %+v, %v", p, err)
	}
	if v, err := n.Look(t.Context()); err != nil || v.Progress.Paused.String() != "by ada: look" {
		t.Errorf("look: %+v, %v", v, err)
	}
	if p, err = n.RaiseBudget(t.Context(), 80*money.Dollar, "ada", ""); err != nil || p.Paused.By != "" {
		t.Errorf("raise: %+v, %v", p, err) // this fake ledger forgets the pause
	}
	for what, give := range map[string]func(context.Context) (batch.Progress, error){
		"isn't paused":  func(ctx context.Context) (batch.Progress, error) { return n.Resume(ctx, "ada", "") },
		"is less":       func(ctx context.Context) (batch.Progress, error) { return n.RaiseBudget(ctx, money.Cent, "ada", "") },
		"sends nothing": func(ctx context.Context) (batch.Progress, error) { return n.RaiseBudget(ctx, 0, "ada", "") },
		"who orders it": func(ctx context.Context) (batch.Progress, error) { return n.Pause(ctx, " ", "") },
	} {
		if _, err := give(t.Context()); batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := n.Cancel(t.Context(), "ada", "wrong file"); err != nil {
		t.Errorf("cancel: %v", err)
	}
	if r, err := n.Wait(t.Context()); err != nil || r.Jobs.Cancelled != 1 {
		t.Errorf("after cancel: %+v, %v", r, err)
	}
	if _, err := n.Pause(t.Context(), "ada", ""); batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "the night is over") {
		t.Errorf("pause of a night that is over: %v", err)
	}
}

// TestSteerFailures: the ledger's own fault comes through, and without a worker
// nobody is kept waiting.
func TestSteerFailures(t *testing.T) {
	c := dial(t, "")
	n := start(t, c, shut("lost-night"))
	until(t, n, func(v nightly.View) bool { return v.Progress.State == workflows.StateWaiting })
	_, err := n.Pause(t.Context(), "ada", "")
	var f *batch.Fault
	if !errors.As(err, &f) || f.Kind != batch.NotFound || f.Hint != "look elsewhere" {
		t.Errorf("pause: %#v", err)
	}
	if err := raw(t).TerminateWorkflow(t.Context(), n.WorkflowID, n.RunID, "test"); err != nil {
		t.Fatal(err)
	}
	alone := start(t, dial(t, lonely), shut("steered-alone"))
	if _, err := alone.Pause(t.Context(), "ada", ""); batch.KindOf(err) != batch.OutOfReach || !strings.Contains(err.Error(), "no worker") {
		t.Errorf("without a worker: %v", err)
	}
}
