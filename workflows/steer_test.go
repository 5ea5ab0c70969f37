package workflows_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// answer is how one update ended.
type answer struct {
	accepted bool
	progress batch.Progress
	err      error
}

func (a *answer) Accept() { a.accepted = true }

func (a *answer) Reject(err error) { a.err = err }

func (a *answer) Complete(v any, err error) {
	a.err = err
	if p, ok := v.(batch.Progress); ok {
		a.progress = p
	}
}

// order gives an order after a while on the skipping clock.
func (h *hands) order(after time.Duration, update string, o batch.Order) *answer {
	a := &answer{}
	h.env.RegisterDelayedCallback(func() { h.env.UpdateWorkflow(update, update+after.String(), a, o) }, after)
	return a
}

func (a *answer) wantRefused(t *testing.T, says string) {
	t.Helper()
	if a.accepted || a.err == nil || !strings.Contains(a.err.Error(), says) {
		t.Errorf("accepted: %t, error %v; want it refused because %q", a.accepted, a.err, says)
	}
}

func (a *answer) wantDone(t *testing.T) {
	t.Helper()
	if !a.accepted || a.err != nil {
		t.Errorf("accepted: %t, error %v", a.accepted, a.err)
	}
}

func ada(why string) batch.Order { return batch.Order{By: "ada@mars", Why: why} }

// TestPauseAndResume: both are in the books before they are answered, show in
// the progress, and make no sense twice.
func TestPauseAndResume(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
	early := h.order(time.Hour, workflows.ResumeUpdate, ada(""))
	pause := h.order(2*time.Hour, workflows.PauseUpdate, ada("look at this"))
	again := h.order(3*time.Hour, workflows.PauseUpdate, ada(""))
	var seen batch.Progress
	h.env.RegisterDelayedCallback(func() {
		if v, err := h.env.QueryWorkflow(workflows.ProgressQuery); err != nil || v.Get(&seen) != nil {
			t.Error(err)
		}
	}, 4*time.Hour)
	nobody := h.order(5*time.Hour, workflows.ResumeUpdate, batch.Order{})
	resume := h.order(6*time.Hour, workflows.ResumeUpdate, ada(""))
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	early.wantRefused(t, "isn't paused")
	pause.wantDone(t)
	again.wantRefused(t, "paused already, by ada@mars: look at this")
	nobody.wantRefused(t, "who")
	resume.wantDone(t)
	if seen.Paused.By != "ada@mars" || seen.Paused.Why != "look at this" || seen.State != workflows.StateWaiting {
		t.Errorf("while paused: %+v", seen)
	}
	if resume.progress.Paused.On() {
		t.Errorf("after resume: %+v", resume.progress)
	}
	if len(h.steered) != 2 || h.steered[0].Do != batch.SteerPause || h.steered[1].Do != batch.SteerResume || h.steered[0].Batch != "digest/2026-11-22" {
		t.Errorf("steered %+v", h.steered)
	}
	if len(h.sent) != 3 || len(h.audited) != 1 {
		t.Errorf("%d submits, %d audits", len(h.sent), len(h.audited))
	}
}

// TestCancelByUpdate: the night ends as if it were cancelled from outside,
// and says by whom.
func TestCancelByUpdate(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
	cancel := h.order(time.Hour, workflows.CancelUpdate, ada("wrong file"))
	_, err := h.run(t)
	cancel.wantDone(t)
	var cancelled interface{ HasDetails() bool }
	if !errors.As(err, &cancelled) || !cancelled.HasDetails() {
		t.Fatalf("got %v, want a cancellation with the result", err)
	}
	if len(h.sent) != 0 || len(h.audited) != 1 || !h.audited[0].Cancelled || h.audited[0].Stop != "cancelled by ada@mars: wrong file" {
		t.Errorf("%d submits, audits %+v", len(h.sent), h.audited)
	}
	if got := h.env.Now(); got.After(pacific(t, "2026-11-22 11:01:00")) {
		t.Errorf("it went on until %s", got)
	}
}

// TestAnOrderThatFailsChangesNothing: the ledger says no.
func TestAnOrderThatFailsChangesNothing(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 10:00:00"), 3)
	h.steer = func(batch.Steer) (batch.Steered, error) { return batch.Steered{}, fails(batch.NotFound) }
	cancel := h.order(time.Hour, workflows.CancelUpdate, ada(""))
	pause := h.order(2*time.Hour, workflows.PauseUpdate, ada(""))
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*answer{cancel, pause} {
		if !a.accepted || a.err == nil {
			t.Errorf("accepted %t, %v", a.accepted, a.err)
		}
		wantType(t, a.err, batch.NotFound)
	}
	if len(h.sent) != 3 {
		t.Errorf("%d submits, want all 3", len(h.sent))
	}
}

// TestRaiseSendsWhatWasSkipped: the cap is raised while one shard still
// sends; the shards with skipped jobs go round once more, the others don't.
func TestRaiseSendsWhatWasSkipped(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 30) // three shards of ten
	var (
		low, raise, late = &answer{}, &answer{}, &answer{}
		before           batch.Progress
		raised, judging  = make(chan struct{}), make(chan struct{})
		skipped, rounds  atomic.Int64
	)
	h.submit = func(in batch.Submit) (batch.Outcome, error) {
		switch {
		case in.Seq == 25:
			<-raised
		case in.Seq >= 5 && in.Seq < 10 && skipped.Load() < 5:
			skipped.Add(1)
			return batch.Outcome{Seq: in.Seq, State: batch.Skipped, Why: "no room"}, nil
		}
		return batch.Outcome{Seq: in.Seq, State: batch.Succeeded, Billed: money.Cent}, nil
	}
	h.steer = func(in batch.Steer) (batch.Steered, error) {
		return batch.Steered{Cap: in.Cap, Reopened: 5}, nil
	}
	h.left = func(in batch.Page) []int {
		var seqs []int
		for i := in.From; i < in.To; i++ {
			seqs = append(seqs, i)
		}
		if in.From == 0 && rounds.Add(1) > 1 {
			return seqs[5:]
		}
		return seqs
	}
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		<-judging
		r := batch.Result{Batch: in.Batch, State: workflows.StateDone, Audit: batch.Audit{Passed: true}}
		r.Jobs.Add(batch.Succeeded, 30)
		return r, nil
	}
	// A person who looks every few milliseconds, between the story's own steps.
	var look func()
	ordered := false
	look = func() {
		before = batch.Progress{} // what is left out must not stay from the look before
		v, err := h.env.QueryWorkflow(workflows.ProgressQuery)
		if err != nil && strings.Contains(err.Error(), "unknown queryType") { // on a busy machine the story hasn't begun
			h.env.RegisterDelayedCallback(look, 5*time.Millisecond)
			return
		}
		if err != nil || v.Get(&before) != nil {
			t.Error(err)
		}
		switch {
		case before.State == workflows.StateAuditing:
			h.env.UpdateWorkflow(workflows.RaiseBudgetUpdate, "late", late, batch.Order{By: "ada", Cap: 9 * money.Dollar})
			close(judging)
			return
		case !ordered && skipped.Load() == 5:
			ordered = true
			h.env.UpdateWorkflow(workflows.RaiseBudgetUpdate, "low", low, batch.Order{By: "ada", Cap: money.Dollar - 1})
			h.env.UpdateWorkflow(workflows.RaiseBudgetUpdate, "raise", raise, batch.Order{By: "ada", Cap: 2 * money.Dollar})
			close(raised)
		}
		h.env.RegisterDelayedCallback(look, 5*time.Millisecond)
	}
	h.env.RegisterDelayedCallback(look, 5*time.Millisecond)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	low.wantRefused(t, "the cap is $1.00, and $0.999999 is less")
	raise.wantDone(t)
	late.wantRefused(t, "nothing is sent any more")
	times := map[int]int{}
	for _, s := range h.sent {
		times[s.Seq]++
	}
	for seq := range 30 {
		want := 1
		if seq >= 5 && seq < 10 {
			want = 2 // skipped, and sent after all
		}
		if times[seq] != want {
			t.Errorf("job %d was submitted %d times, want %d", seq, times[seq], want)
		}
	}
	if before.Jobs.Succeeded != 30 || before.Jobs.Skipped != 0 || len(before.Shards) != 0 {
		t.Errorf("progress after both rounds: %+v", before.Jobs)
	}
	if len(h.steered) != 1 || h.steered[0].Cap != 2*money.Dollar {
		t.Errorf("steered %+v", h.steered)
	}
}

// TestNothingIsSteeredWhilePlanning: the books don't know the batch yet.
func TestNothingIsSteeredWhilePlanning(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 3)
	planning := make(chan struct{})
	h.plan = func(in batch.PlanRequest) (batch.Plan, error) {
		<-planning
		return h.usualPlan(in)
	}
	answers := map[string]*answer{}
	h.env.RegisterDelayedCallback(func() {
		for _, u := range []string{workflows.PauseUpdate, workflows.ResumeUpdate, workflows.CancelUpdate, workflows.RaiseBudgetUpdate} {
			answers[u] = &answer{}
			o := batch.Order{By: "ada"}
			if u == workflows.RaiseBudgetUpdate {
				o.Cap = 9 * money.Dollar
			}
			h.env.UpdateWorkflow(u, u, answers[u], o)
		}
		close(planning)
	}, 5*time.Millisecond)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		a.wantRefused(t, "still being planned")
	}
	if len(h.steered) != 0 || len(answers) != 4 {
		t.Errorf("steered %+v", h.steered)
	}
}
