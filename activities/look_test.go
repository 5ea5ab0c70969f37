package activities_test

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/simulator"
)

// TestLook: how far a night is comes from the books, and what the gate waits
// for from whoever asked it, until that is over.
func TestLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil).faults(simulator.Rule{Kind: simulator.KindRate429, RetryAfter: "90", Match: "job-1", Times: 1}).planned(manifest(3, ""))
	look := func() batch.Look {
		t.Helper()
		l, err := w.hands.LookNight(t.Context(), batch.LookRequest{Batch: w.plan.Batch})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := look(); l.Jobs.Total != 3 || l.Jobs.Succeeded != 0 || l.Billed != 0 || l.Wait.Reason != "" {
		t.Errorf("before: %+v", l)
	}
	if out, _ := w.send(0); out.State != batch.Succeeded {
		t.Fatalf("%+v", out)
	}
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(1)); err == nil {
		t.Fatal("a 429 was an answer")
	}
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(2)); kindOf(t, err) != batch.Waiting {
		t.Fatalf("behind a 429: %v", err)
	}
	l := look()
	if l.Jobs.Succeeded != 1 || l.Sending != 0 || l.Billed != 67_250 || l.DayPrice != 114_500 || !l.At.Equal(w.clock.Now()) {
		t.Errorf("between: %+v", l)
	}
	if l.Wait.Reason != string(ledger.ReasonFloor) || l.Wait.Detail == "" || !l.Wait.Until.After(l.At) {
		t.Errorf("it waits for %+v", l.Wait)
	}
	w.at(l.Wait.Until.Add(time.Second))
	if l := look(); l.Wait.Reason != "" {
		t.Errorf("it still waits for %+v", l.Wait)
	}
	if _, err := w.hands.LookNight(t.Context(), batch.LookRequest{Batch: "nobody/2026-11-22"}); kindOf(t, err) != batch.NotFound {
		t.Errorf("of a batch that isn't there: %v", err)
	}
}
