package workflows_test

import (
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// summary is what a person reads of the night.
func (h *hands) summary(t *testing.T) string {
	t.Helper()
	v, err := h.env.QueryWorkflow(workflows.SummaryQuery)
	if err != nil {
		t.Fatal(err)
	}
	var s string
	if err := v.Get(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func wantSays(t *testing.T, what, text string, says ...string) {
	t.Helper()
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("%s doesn't say %q:\n%s", what, s, text)
		}
	}
}

// slow has one job come back after a while.
func (h *hands) slow(seq int, wait time.Duration) {
	tries := 0
	h.submit = func(in batch.Submit) (batch.Outcome, error) {
		if in.Seq == seq {
			if tries++; tries == 1 {
				//nolint:forbidigo // a fake hand
				return batch.Outcome{}, temporal.NewApplicationErrorWithOptions("not yet", string(batch.Waiting), temporal.ApplicationErrorOptions{NextRetryDelay: wait})
			}
		}
		return batch.Outcome{Seq: in.Seq, State: batch.Succeeded, Billed: money.Cent, DayPrice: 2 * money.Cent}, nil
	}
}

// TestDetailsMove: while a shard is sending, the night's own page says how far
// it is, what it has cost and what the gate waits for.
func TestDetailsMove(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 7)
	h.slow(5, 10*time.Minute)
	h.look = func(in batch.LookRequest) (batch.Look, error) {
		if in.Batch != "digest/2026-11-22" {
			t.Errorf("looked at %s", in.Batch)
		}
		l := batch.Look{At: h.env.Now(), Sending: 1, Billed: 6 * money.Cent, DayPrice: 12 * money.Cent, Held: 3 * money.Cent}
		l.Jobs.Add(batch.Succeeded, 5)
		l.Jobs.Add(batch.Rejected, 1)
		l.Wait = batch.Wait{Reason: "floor", Detail: "the provider asked for 60 s", Until: h.env.Now().Add(time.Minute)}
		return l, nil
	}
	var early, later string
	h.env.RegisterDelayedCallback(func() { early = h.summary(t) }, 5*time.Second)
	h.env.RegisterDelayedCallback(func() { later = h.summary(t) }, 3*time.Minute)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	wantSays(t, "before the first look", early, "**digest/2026-11-22**: sending", "7 jobs, 7 to send", "cap $1.00")
	if strings.Contains(early, "in flight") {
		t.Errorf("it says what nobody has looked at:\n%s", early)
	}
	wantSays(t, "later", later, "**6 of 7 jobs are over**, 1 in flight, 0 unknown", "5 succeeded, 1 rejected", "7h57m30s left until the last one has to end",
		"**paid $0.06** so far, by day $0.12; $0.03 more is set aside, of $1.00 in all", "the gate waits for **floor**", "the provider asked for 60 s")
	if after := h.summary(t); strings.Contains(after, "in flight") || !strings.Contains(after, ": done") {
		t.Errorf("when it is over:\n%s", after)
	}
}

// TestLooksAreFew: a look is some events of history, and a night is long. One
// that fails ends nothing.
func TestLooksAreFew(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 3)
	h.slow(1, 7*time.Hour)
	looks := 0
	h.look = func(batch.LookRequest) (batch.Look, error) {
		looks++
		return batch.Look{}, fails(batch.OutOfReach)
	}
	r, err := h.run(t)
	if err != nil || r.Jobs.Succeeded != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if looks < 200 || looks > 220 { // one every two minutes
		t.Errorf("%d looks in 7 hours", looks)
	}
}

// TestDetailsSayWhy: what is wrong with a night is on its page, every mistake
// and every finding with what to do, and nobody has to read JSON for it.
func TestDetailsSayWhy(t *testing.T) {
	fault := batch.Fault{
		Kind: batch.BadInput, Op: "read manifest", Thing: "input", Hint: "correct what is named",
		Detail: "input:1:1: name: is missing\ninput:3:2: nme: is not a field",
	}
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 3)
	h.plan = func(batch.PlanRequest) (batch.Plan, error) {
		return batch.Plan{}, temporal.NewNonRetryableApplicationError(fault.Error(), string(fault.Kind), nil, fault) //nolint:forbidigo // a fake hand
	}
	if _, err := h.run(t); err == nil {
		t.Fatal("a bad manifest was taken")
	}
	wantSays(t, "a refused night", h.summary(t), "**refused**", "**BadInput**", "- input:1:1: name: is missing\n", "- input:3:2: nme: is not a field\n", "*correct what is named*")

	h = newHands(t, pacific(t, "2026-11-22 21:00:00"), 3)
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		r := batch.Result{
			Batch: in.Batch, State: workflows.StateFailed, Report: "file:///archive/report", Money: batch.Money{Billed: 8 * money.Cent, DayPrice: 12 * money.Cent},
			Audit: batch.Audit{Findings: []batch.Finding{
				{Rule: batch.DiscountMissed, Count: 7, Dollars: 3 * money.Cent, Cause: "they ended after the close", Remedy: "lower finish_by", Jobs: []string{"one", "two", "three", "four", "five", "six"}},
				{Rule: batch.BooksDisagree, Count: 1, Dollars: money.Cent, Cause: "one charge is missing", Remedy: "verify the ledger", Jobs: []string{"six"}},
			}},
		}
		r.Jobs.Add(batch.Succeeded, 3)
		f := batch.Fault{Kind: batch.DiscountMissed, Op: "audit", Thing: string(in.Batch), Detail: "7 jobs"}
		return batch.Result{}, temporal.NewNonRetryableApplicationError(f.Error(), string(f.Kind), nil, f, r) //nolint:forbidigo // a fake hand
	}
	if _, err := h.run(t); err == nil {
		t.Fatal("a bad night passed")
	}
	wantSays(t, "a failed night", h.summary(t), "**digest/2026-11-22**: failed", "3 succeeded; paid $0.08, by day $0.12", "report file:///archive/report.txt",
		"**DiscountMissed**: 7 jobs, $0.03. they ended after the close", "*lower finish_by*", "- one\n", "- and 2 more\n",
		"**BooksDisagree**: 1 job, $0.01. one charge is missing", "*verify the ledger*")
}
