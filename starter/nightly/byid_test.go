package nightly_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// TestById gives every order to a batch by its id, and none to one that isn't
// there.
func TestById(t *testing.T) {
	t.Parallel()
	c := dial(t, "default")
	n := start(t, c, shut("by-id"))
	until(t, n, func(v nightly.View) bool { return v.Progress.State == workflows.StateWaiting })
	ctx := t.Context()
	if p, err := c.Pause(ctx, n.Batch, "ada", "look"); err != nil || p.Paused.By != "ada" {
		t.Errorf("pause: %+v, %v", p, err)
	}
	if p, err := c.Resume(ctx, n.Batch, "ada", ""); err != nil || p.Paused.On() {
		t.Errorf("resume: %+v, %v", p, err)
	}
	if p, err := c.RaiseBudget(ctx, n.Batch, 80*money.Dollar, "ada", ""); err != nil || p.Batch != n.Batch {
		t.Errorf("raise: %+v, %v", p, err)
	}
	if _, err := c.Cancel(ctx, n.Batch, "ada", "wrong file"); err != nil {
		t.Errorf("cancel: %v", err)
	}
	seen := 0
	if r, err := c.Watch(ctx, n.Batch, 20*time.Millisecond, func(nightly.View) { seen++ }); err != nil || r.Jobs.Cancelled != 1 || seen == 0 {
		t.Errorf("watch: %+v, %v, seen %d times", r, err, seen)
	}
	const nobody = batch.ID("nobody/2026-11-22")
	for what, err := range map[string]error{
		"pause":  second(c.Pause(ctx, nobody, "ada", "")),
		"resume": second(c.Resume(ctx, nobody, "ada", "")),
		"raise":  second(c.RaiseBudget(ctx, nobody, money.Dollar, "ada", "")),
		"cancel": second(c.Cancel(ctx, nobody, "ada", "")),
		"watch":  second(c.Watch(ctx, nobody, time.Second, func(nightly.View) {})),
	} {
		if batch.KindOf(err) != batch.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestWhoWasSlowerFollows: a night that another door's run has claimed a moment
// before is the same night, and whoever asked for it gets its result.
func TestWhoWasSlowerFollows(t *testing.T) {
	t.Parallel()
	c := dial(t, "default")
	m := open("claimed-first")
	release := make(chan struct{})
	holds.Store(batch.Name("claimed-first"), release)
	run, err := raw(t).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "of-the-ui", TaskQueue: workflows.TaskQueue}, workflows.NightlyBatchName, m)
	if err != nil {
		t.Fatal(err)
	}
	quicker.Store(batch.Name("claimed-first"), [2]string{run.GetID(), run.GetRunID()})
	n := start(t, c, m) // that run can't be searched for yet: see the harness
	if n.Running || n.WorkflowID == run.GetID() {
		t.Fatalf("attached to %+v", n)
	}
	if v := until(t, n, func(v nightly.View) bool { return v.Night.WorkflowID == "of-the-ui" }); v.Closed || v.Fault != nil {
		t.Errorf("who looks is told that it is over: %+v", v)
	}
	var last nightly.View
	watched := make(chan error, 1)
	go func() {
		r, err := n.Watch(t.Context(), 20*time.Millisecond, func(v nightly.View) {
			if v.Night.WorkflowID == "of-the-ui" && v.Progress.Jobs.Succeeded == 1 && last.Progress.Jobs.Succeeded == 0 {
				close(release)
			}
			last = v
		})
		if err == nil && r.Jobs.Succeeded != 2 {
			t.Errorf("watched until %+v", r)
		}
		watched <- err
	}()
	if r, err := n.Wait(t.Context()); err != nil || r.Jobs.Succeeded != 2 {
		t.Errorf("waited until %+v, %v", r, err)
	}
	if err := <-watched; err != nil || last.Night.WorkflowID != "of-the-ui" || !last.Closed {
		t.Errorf("%v; last seen %+v", err, last)
	}
}
