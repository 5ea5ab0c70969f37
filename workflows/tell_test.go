package workflows_test

import (
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// wrong are the keys of what is told to be wrong.
func wrong(alerts []batch.Alert) []string {
	var keys []string
	for _, a := range alerts {
		if !a.Over && !a.Kind.Once() {
			keys = append(keys, string(a.Severity)+" "+a.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// TestEveryEndIsTold: however a night ends, people are told what is wrong, and
// the night ends as it would have ended without.
func TestEveryEndIsTold(t *testing.T) {
	t.Parallel()
	failed := func(h *hands) {
		h.audit = func(in batch.AuditRequest) (batch.Result, error) {
			r := batch.Result{Batch: in.Batch, Night: in.Span.Night, State: workflows.StateFailed}
			r.Audit.Findings = []batch.Finding{{Rule: batch.DiscountMissed, Count: 1, Dollars: 1000, Remedy: "r"}}
			f := batch.Fault{Kind: batch.DiscountMissed, Op: "audit", Detail: "1 job"}
			return batch.Result{}, temporal.NewNonRetryableApplicationError("as staged", string(batch.DiscountMissed), nil, f, r) //nolint:forbidigo // a fake hand
		}
	}
	for _, c := range []struct {
		name   string
		stage  func(*hands)
		want   []string
		report bool
		fails  bool
	}{
		{"a good night", func(*hands) {}, nil, true, false},
		{"the audit failed", failed, []string{"critical audit/digest/2026-11-22"}, true, true},
		{"refused for credits", func(h *hands) {
			h.credits = func(batch.CreditsRequest) error { return fails(batch.CreditsTooLow) }
		}, []string{"critical credits-low/digest/2026-11-22"}, false, true},
		{"it can't be planned", func(h *hands) {
			h.plan = func(batch.PlanRequest) (batch.Plan, error) { return batch.Plan{}, fails(batch.KeyRefused) }
		}, []string{"critical night-failed/default-test-workflow-id"}, false, true},
		{"another run has it", func(h *hands) {
			h.plan = func(batch.PlanRequest) (batch.Plan, error) { return batch.Plan{}, fails(batch.NightClaimed) }
		}, nil, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHands(t, pacific(t, "2026-11-22 21:30:00"), 3)
			c.stage(h)
			if _, err := h.run(t); (err != nil) != c.fails {
				t.Errorf("it ended with %v", err)
			}
			if got := wrong(h.raised); !slices.Equal(got, c.want) {
				t.Errorf("told %v, want %v", got, c.want)
			}
			if has := slices.ContainsFunc(h.raised, func(a batch.Alert) bool { return a.Kind == batch.AlertReport }); has != c.report {
				t.Errorf("a report: %t", has)
			}
		})
	}
}

// TestAReconciliationTells: a later judgement raises what it finds, and ends
// what it doesn't find any more.
func TestAReconciliationTells(t *testing.T) {
	t.Parallel()
	h := newHands(t, pacific(t, "2026-11-23 10:00:00"), 3)
	h.env.ExecuteWorkflow(workflows.ReconcileBatchName, batch.ReconcileInput{Batch: "digest/2026-11-22"})
	if err := h.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var over []string
	for _, a := range h.raised {
		if a.Over {
			over = append(over, a.Key)
		}
	}
	if len(wrong(h.raised)) != 0 || !slices.Contains(over, "audit/digest/2026-11-22") || !slices.Contains(over, "unknown/digest/2026-11-22") {
		t.Errorf("told %v, ended %v", wrong(h.raised), over)
	}
	h = newHands(t, pacific(t, "2026-11-23 10:00:00"), 3)
	h.compare = func(batch.ReconcileRequest) (batch.Reconciliation, error) {
		return batch.Reconciliation{}, fails(batch.NightClaimed)
	}
	h.env.ExecuteWorkflow(workflows.ReconcileBatchName, batch.ReconcileInput{Batch: "digest/2026-11-22"})
	if h.env.GetWorkflowError() == nil || len(h.raised) != 0 {
		t.Errorf("of a night that still runs it tells %v", h.raised)
	}
}

// TestACancelledNightIsNoAlert: a person did it. What is wrong with what ran
// before is told all the same.
func TestACancelledNightIsNoAlert(t *testing.T) {
	t.Parallel()
	h := newHands(t, pacific(t, "2026-11-22 12:00:00"), 3)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour) // it waits for its hour
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		r := batch.Result{Batch: in.Batch, Night: in.Span.Night, State: workflows.StateDone, Audit: batch.Audit{Passed: true}}
		r.Jobs.Cancelled, r.Jobs.Parked, r.Carried = 2, 1, &batch.Carry{Jobs: 1, Not: batch.NotCancelled}
		return r, nil
	}
	if _, err := h.run(t); !temporal.IsCanceledError(err) {
		t.Errorf("it ended with %v", err)
	}
	if got := wrong(h.raised); len(got) != 0 || len(h.raised) == 0 {
		t.Errorf("told %v of %d", got, len(h.raised))
	}
}
