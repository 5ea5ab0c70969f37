package workflows_test

import (
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

func TestNightSendsEveryJobOnceAndAudits(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 57) // six shards, the last of seven
	result, err := h.run(t)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for _, s := range h.sent {
		seen[s.Seq]++
	}
	for seq := range 57 {
		if seen[seq] != 1 {
			t.Errorf("job %d was sent %d times", seq, seen[seq])
		}
	}
	if len(h.audited) != 1 || result.Jobs.Succeeded != 57 {
		t.Errorf("audits %d, result %+v", len(h.audited), result)
	}
}

// TestRefusedBeforeAnythingIsSent: whatever speaks against the night before
// the fan-out ends it with that type and without one submit.
func TestRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, kind := range []batch.Kind{batch.BadInput, batch.OverBudget, batch.NightClaimed, batch.ManifestDiffers} {
		h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 3)
		h.plan = func(batch.PlanRequest) (batch.Plan, error) { return batch.Plan{}, fails(kind) }
		_, err := h.run(t)
		wantType(t, err, kind)
		if len(h.sent)+len(h.audited) != 0 {
			t.Errorf("%s: %d submits, %d audits", kind, len(h.sent), len(h.audited))
		}
	}
	for _, when := range []string{"when asked", "at the opening"} {
		h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
		h.credits = func(in batch.CreditsRequest) error {
			if in.When == when {
				return fails(batch.CreditsTooLow)
			}
			return nil
		}
		_, err := h.run(t)
		wantType(t, err, batch.CreditsTooLow)
		if len(h.sent)+len(h.audited) != 0 {
			t.Errorf("credits too low %s: %d submits, %d audits", when, len(h.sent), len(h.audited))
		}
	}
}

// TestFailsWithTheFindingsType: a failed audit is the workflow's own failure,
// not "activity error".
func TestFailsWithTheFindingsType(t *testing.T) {
	for _, kind := range []batch.Kind{batch.DiscountMissed, batch.BillingMissing, batch.OutcomesUnknown, batch.BooksDisagree, batch.NothingToJudge} {
		h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 3)
		h.audit = func(batch.AuditRequest) (batch.Result, error) { return batch.Result{}, fails(kind) }
		_, err := h.run(t)
		wantType(t, err, kind)
		if len(h.audited) != 1 {
			t.Errorf("%s: the audit ran %d times", kind, len(h.audited))
		}
	}
}

// TestAReRunWithNothingLeftOnlyAudits: no wait for the window, no preflight,
// no submit.
func TestAReRunWithNothingLeftOnlyAudits(t *testing.T) {
	asked := pacific(t, "2026-11-23 10:00:00")
	h := newHands(t, asked, 3)
	h.plan = func(in batch.PlanRequest) (batch.Plan, error) {
		p, err := h.usualPlan(in)
		p.Pending = 0
		return p, err
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if len(h.sent)+len(h.asked) != 0 || len(h.audited) != 1 {
		t.Errorf("%d submits, %d preflights, %d audits", len(h.sent), len(h.asked), len(h.audited))
	}
	if got := h.env.Now(); got.Sub(asked) > time.Minute {
		t.Errorf("it waited until %s", got)
	}
}

// TestABrokenJobDoesNotHideTheRest: a job whose activity fails outright stops
// new sends, and the books are judged all the same.
func TestABrokenJobDoesNotHideTheRest(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 400)
	h.submit = func(in batch.Submit) (batch.Outcome, error) {
		if in.Seq == 3 {
			return batch.Outcome{}, fails(batch.Internal)
		}
		return batch.Outcome{Seq: in.Seq, State: batch.Succeeded, Billed: money.Cent}, nil
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if len(h.audited) != 1 || h.audited[0].Stop == "" {
		t.Fatalf("audits: %+v", h.audited)
	}
	if len(h.sent) == 400 {
		t.Error("nothing stopped the fan-out")
	}
}

func TestCancelWhileWaitingSendsNothingAndClosesTheBooks(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
	h.audit = func(batch.AuditRequest) (batch.Result, error) { return batch.Result{}, fails(batch.NothingToJudge) }
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour)
	_, err := h.run(t)
	if !temporal.IsCanceledError(err) {
		t.Fatalf("got %v, want a cancellation", err)
	}
	if len(h.sent) != 0 || len(h.audited) != 1 || !h.audited[0].Cancelled {
		t.Errorf("%d submits, audits %+v", len(h.sent), h.audited)
	}
}

func TestProgressQuery(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
	var waiting batch.Progress
	h.env.RegisterDelayedCallback(func() {
		v, err := h.env.QueryWorkflow(workflows.ProgressQuery)
		if err != nil {
			t.Error(err)
			return
		}
		if err := v.Get(&waiting); err != nil {
			t.Error(err)
		}
	}, time.Hour)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if waiting.State != workflows.StateWaiting || !waiting.Waiting.Equal(pacific(t, "2026-11-22 21:00:00")) || waiting.Jobs.Total != 3 {
		t.Errorf("while waiting: %+v", waiting)
	}
	v, err := h.env.QueryWorkflow(workflows.ProgressQuery)
	if err != nil {
		t.Fatal(err)
	}
	var done batch.Progress
	if err := v.Get(&done); err != nil {
		t.Fatal(err)
	}
	if done.State != workflows.StateDone || done.Jobs.Succeeded != 3 || len(done.Shards) != 0 {
		t.Errorf("at the end: %+v", done)
	}
}

func wantType(t *testing.T, err error, kind batch.Kind) {
	t.Helper()
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != string(kind) {
		t.Fatalf("got %v, want type %s", err, kind)
	}
	var act *temporal.ActivityError
	if errors.As(err, &act) {
		t.Errorf("%s is wrapped in an activity error: the workflow's own type is lost", kind)
	}
}
