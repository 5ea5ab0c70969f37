package nightly_test

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// What a night leaves over waits for the next one as a night of the same batch:
// who waited has the first night's result, and every verb finds the one that
// goes on; the report stays that of the night that is over.
func TestTheBatchGoesOn(t *testing.T) {
	c := dial(t, "default")
	n := start(t, c, open("parked"))
	r, err := n.Wait(t.Context())
	if err != nil || r.Jobs.Parked != 1 || r.Carried == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	on := found(t, c, n.Batch, func(f nightly.Night) bool { return f.WorkflowID == r.Carried.WorkflowID })
	v := until(t, on, func(v nightly.View) bool { return v.Progress.State == workflows.StateWaiting })
	if v.Progress.Batch != n.Batch || v.Closed {
		t.Errorf("%+v", v.Progress)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for latest, err := c.Latest(t.Context(), "parked"); ; latest, err = c.Latest(t.Context(), "parked") {
		if err == nil && latest.Batch == n.Batch && latest.WorkflowID == on.WorkflowID {
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("latest: %+v, %v", latest, err)
		}
	}
	last, err := c.Report(t.Context(), n.Batch)
	if err != nil || last.Jobs.Parked != 1 || last.Carried == nil {
		t.Errorf("report: %+v, %v", last, err)
	}
	if p, err := on.Pause(t.Context(), "ada", "not tomorrow"); err != nil || !p.Paused.On() {
		t.Errorf("pause: %+v, %v", p, err)
	}
	if _, err := on.Cancel(t.Context(), "ada", "not at all"); err != nil {
		t.Error(err)
	}
	if r, err := on.Wait(t.Context()); batch.KindOf(err) != batch.Cancelling && err != nil || r.Carried != nil {
		t.Errorf("%+v, %v", r, err)
	}
	// It is over: it is still the newest.
	if again := found(t, c, n.Batch, func(f nightly.Night) bool { return f.WorkflowID == on.WorkflowID }); !strings.Contains(again.WorkflowID, "/carry/") {
		t.Errorf("%+v", again)
	}
}

// found asks for a batch's night until it is the one that is wanted: a search
// of Temporal's shows a run a moment after it began.
func found(t *testing.T, c *nightly.Client, id batch.ID, want func(nightly.Night) bool) nightly.Night {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := c.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if want(n) {
			return n
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("never as wanted; last %+v", n)
		}
	}
}
