package nightly_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// TestReconcile settles a night whose audit failed; from then on its report is
// the reconciliation's, until the night runs again.
func TestReconcile(t *testing.T) {
	c := dial(t, "")
	m := open("unsettled-night")
	n := start(t, c, m)
	if _, err := n.Wait(t.Context()); batch.KindOf(err) != batch.OutcomesUnknown {
		t.Fatalf("got %v, want kind OutcomesUnknown", err)
	}
	if r, err := c.Report(t.Context(), n.Batch); batch.KindOf(err) != batch.OutcomesUnknown || r.Batch != n.Batch {
		t.Errorf("before: %+v, %v", r, err)
	}
	again, err := c.Reconcile(t.Context(), n.Batch)
	if err != nil || again.Running || again.WorkflowID != "reconcile/"+string(n.Batch) || again.Batch != n.Batch {
		t.Fatalf("%+v, %v", again, err)
	}
	var states []string
	r, err := again.Watch(t.Context(), 20*time.Millisecond, func(v nightly.View) { states = append(states, v.Progress.State) })
	if err != nil || !r.Audit.Passed || r.Reconciled == nil || r.Reconciled.Found != 1 || states[len(states)-1] != workflows.StateDone {
		t.Errorf("%+v, %v, watched %v", r, err, states)
	}
	if r, err := c.Report(t.Context(), n.Batch); err != nil || r.Reconciled == nil {
		t.Errorf("after: %+v, %v", r, err)
	}
	v, err := n.Judged(t.Context())
	if err != nil || !v.Closed || v.Fault != nil || v.Night.WorkflowID != n.WorkflowID || v.Result.Reconciled == nil {
		t.Errorf("judged: %+v, %v", v, err)
	}
	// The night runs again: its own audit is the last word.
	third := start(t, c, m)
	if _, err := third.Wait(t.Context()); batch.KindOf(err) != batch.OutcomesUnknown {
		t.Fatalf("got %v", err)
	}
	if r, err := c.Report(t.Context(), n.Batch); batch.KindOf(err) != batch.OutcomesUnknown || r.Reconciled != nil {
		t.Errorf("after another run: %+v, %v", r, err)
	}
}

// TestReconcileAttaches to one that is under way, and shows what it is at.
func TestReconcileAttaches(t *testing.T) {
	release := make(chan struct{})
	holds.Store(batch.Name("held-again"), release)
	c := dial(t, "")
	first, err := c.Reconcile(t.Context(), "held-again/2026-01-02")
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Reconcile(t.Context(), "held-again/2026-01-02")
	if err != nil || !second.Running || second.RunID != first.RunID {
		t.Errorf("%+v, %v", second, err)
	}
	v := until(t, second, func(v nightly.View) bool { return v.Progress.State == workflows.StateReconciling })
	if v.Closed || v.NoWorker || v.Progress.Batch != "held-again/2026-01-02" {
		t.Errorf("%+v", v)
	}
	close(release)
	if r, err := second.Wait(t.Context()); err != nil || !r.Audit.Passed {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestReconcileRefused says why nothing was compared.
func TestReconcileRefused(t *testing.T) {
	c := dial(t, "")
	for _, id := range []batch.ID{"", "market-digest", "market-digest/soon", "A/2026-01-02"} {
		if _, err := c.Reconcile(t.Context(), id); batch.KindOf(err) != batch.BadInput {
			t.Errorf("%q: %v, want kind BadInput", id, err)
		}
	}
	n, err := c.Reconcile(t.Context(), "claimed-night/2026-01-02")
	if err != nil {
		t.Fatal(err)
	}
	r, err := n.Wait(t.Context())
	if batch.KindOf(err) != batch.NightClaimed || r.Batch != "" || !strings.Contains(err.Error(), "still runs") {
		t.Errorf("%+v, %v", r, err)
	}
	alone, err := dial(t, lonely).Reconcile(t.Context(), "books/2026-01-02")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := alone.Look(t.Context()); err != nil || !v.NoWorker || v.Progress.State != workflows.StateReconciling {
		t.Errorf("without a worker: %+v, %v", v, err)
	}
	ended := dial(t, lonely)
	other, err := client.Dial(client.Options{HostPort: temporalAt, Namespace: lonely})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.TerminateWorkflow(t.Context(), alone.WorkflowID, alone.RunID, "test"); err != nil {
		t.Fatal(err)
	}
	if attached, err := ended.Reconcile(t.Context(), "books/2026-01-02"); err != nil || attached.Running {
		t.Errorf("after it was ended: %+v, %v", attached, err)
	}
	var f *batch.Fault
	if _, err := alone.Wait(t.Context()); !errors.As(err, &f) || f.Kind != batch.Cancelling || f.Op != "reconcile" || f.Hint == "" {
		t.Errorf("ended by a person: %#v", err)
	}
}

// TestReconcileNight judges every batch of a night; one that is busy is left
// alone, and the failed ones are named.
func TestReconcileNight(t *testing.T) {
	release := make(chan struct{})
	holds.Store(batch.Name("held-books"), release)
	c := dial(t, "")
	busy, err := c.Reconcile(t.Context(), "held-books/2026-01-02")
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.ReconcileNight(t.Context(), "2026-01-02")
	if err != nil || m.Running || m.WorkflowID != "reconcile-night/2026-01-02" {
		t.Fatalf("%+v, %v", m, err)
	}
	var seen []batch.NightBooks
	b, err := m.Watch(t.Context(), 10*time.Millisecond, func(v nightly.MorningView) {
		if v.NoWorker {
			t.Error("there is a worker")
		}
		seen = append(seen, v.Books)
	})
	if batch.KindOf(err) != batch.DiscountMissed || !strings.Contains(err.Error(), "missed-books/2026-01-02 (DiscountMissed)") || !strings.Contains(err.Error(), "1 of 4") {
		t.Errorf("got %v", err)
	}
	if b.Night != "2026-01-02" || b.Of != 4 || len(b.Batches) != 2 || len(b.Failed) != 1 || b.Failed[0].Why != "1 job paid the day price" {
		t.Errorf("%+v", b)
	}
	if want := []batch.ID{"claimed-books/2026-01-02", "held-books/2026-01-02"}; !slices.Equal(b.Busy, want) {
		t.Errorf("busy %v, want %v", b.Busy, want)
	}
	for _, p := range seen {
		if len(p.Batches) > 2 || p.Of > 4 {
			t.Errorf("on its way: %+v", p)
		}
	}
	idle, stop := context.WithCancel(t.Context())
	waits, err := dial(t, lonely).ReconcileNight(t.Context(), "2026-01-02")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := waits.Watch(idle, time.Hour, func(v nightly.MorningView) {
		if !v.NoWorker {
			t.Errorf("without a worker: %+v", v)
		}
		stop()
	}); batch.KindOf(err) != batch.Cancelling {
		t.Errorf("an interrupted watch: %v, want kind Cancelling", err)
	}
	close(release)
	if _, err := busy.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.ReconcileNight(t.Context(), "someday"); batch.KindOf(err) != batch.BadInput {
		t.Errorf("no night: %v", err)
	}
	if b, err := raw(t).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "by-a-schedule", TaskQueue: workflows.TaskQueue}, workflows.ReconcileNightName); err != nil {
		t.Error(err)
	} else if err := b.Get(t.Context(), nil); err != nil {
		t.Errorf("with no input: %v", err)
	}
}
