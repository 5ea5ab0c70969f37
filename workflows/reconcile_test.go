package workflows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// TestTheLogHasTimeToCatchUp: the books are compared a log's lag after the last
// job, once, and the audit gets the comparison.
func TestTheLogHasTimeToCatchUp(t *testing.T) {
	start := pacific(t, "2026-11-22 21:00:00")
	h := newHands(t, start, 13)
	h.lag = 2 * time.Minute
	h.compare = func(in batch.ReconcileRequest) (batch.Reconciliation, error) {
		return batch.Reconciliation{Batch: in.Batch, Found: 3}, nil
	}
	var waiting batch.Progress
	h.env.RegisterDelayedCallback(func() {
		if v, err := h.env.QueryWorkflow(workflows.ProgressQuery); err != nil || v.Get(&waiting) != nil {
			t.Error(err)
		}
	}, time.Minute)
	late := h.order(90*time.Second, workflows.PauseUpdate, ada(""))
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	wantTimes(t, "comparison", h.comparedAt, 1, start.Add(h.lag), start.Add(h.lag+time.Second))
	got := h.compared[0]
	if got.Batch != "digest/2026-11-22" || got.Span.Night != "2026-11-22" || got.WorkflowID == "" || got.RunID == "" {
		t.Errorf("compared %+v", got)
	}
	if len(h.audited) != 1 || h.audited[0].Books == nil || h.audited[0].Books.Found != 3 || h.audited[0].Again {
		t.Errorf("audited %+v", h.audited)
	}
	if waiting.State != workflows.StateReconciling || !waiting.Waiting.Equal(start.Add(h.lag)) || waiting.Jobs.Succeeded != 13 {
		t.Errorf("meanwhile: %+v", waiting)
	}
	late.wantRefused(t, "nothing is sent any more, the night is reconciling")
}

// TestTheLogIsWaitedForAfterABrokenNight, too: something was sent.
func TestTheLogIsWaitedForAfterABrokenNight(t *testing.T) {
	start := pacific(t, "2026-11-22 21:00:00")
	h := newHands(t, start, 3)
	h.lag = 2 * time.Minute
	h.submit = func(batch.Submit) (batch.Outcome, error) { return batch.Outcome{}, fails(batch.Internal) }
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	wantTimes(t, "comparison", h.comparedAt, 1, start.Add(h.lag), start.Add(h.lag+time.Second))
	if len(h.audited) != 1 || h.audited[0].Stop == "" || h.audited[0].Books == nil {
		t.Errorf("audited %+v", h.audited)
	}
}

// TestNothingToWaitFor: a run that sent nothing, and one that was cancelled,
// compare at once.
func TestNothingToWaitFor(t *testing.T) {
	asked := pacific(t, "2026-11-22 10:00:00")
	none := newHands(t, asked, 3)
	none.lag = 2 * time.Minute
	none.plan = func(in batch.PlanRequest) (batch.Plan, error) {
		p, err := none.usualPlan(in)
		p.Pending = 0
		return p, err
	}
	if _, err := none.run(t); err != nil {
		t.Fatal(err)
	}
	wantTimes(t, "comparison", none.comparedAt, 1, asked, asked.Add(time.Second))

	cancelled := newHands(t, asked, 3)
	cancelled.lag = 2 * time.Minute
	cancelled.env.RegisterDelayedCallback(cancelled.env.CancelWorkflow, time.Hour)
	if _, err := cancelled.run(t); !temporal.IsCanceledError(err) {
		t.Fatal(err)
	}
	wantTimes(t, "comparison", cancelled.comparedAt, 1, asked.Add(time.Hour), asked.Add(time.Hour+time.Second))
	if a := cancelled.audited; len(a) != 1 || !a[0].Cancelled || a[0].Books == nil {
		t.Errorf("audited %+v", a)
	}
}

// TestCancelWhileTheLogCatchesUp: no more waiting; the books are compared and
// judged.
func TestCancelWhileTheLogCatchesUp(t *testing.T) {
	start := pacific(t, "2026-11-22 21:00:00")
	h := newHands(t, start, 3)
	h.lag = time.Hour
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, 10*time.Minute)
	if _, err := h.run(t); !temporal.IsCanceledError(err) {
		t.Fatalf("got %v, want a cancellation", err)
	}
	wantTimes(t, "comparison", h.comparedAt, 1, start.Add(10*time.Minute), start.Add(10*time.Minute+time.Second))
	if len(h.sent) != 3 || len(h.audited) != 1 || h.audited[0].Books == nil {
		t.Errorf("%d submits, audits %+v", len(h.sent), h.audited)
	}
}

// TestBooksThatCantBeCompared: the audit judges the ledger alone.
func TestBooksThatCantBeCompared(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 3)
	h.compare = func(batch.ReconcileRequest) (batch.Reconciliation, error) {
		return batch.Reconciliation{}, fails(batch.Internal)
	}
	r, err := h.run(t)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.compared) != 1 || len(h.audited) != 1 || h.audited[0].Books != nil || r.Jobs.Succeeded != 3 {
		t.Errorf("compared %+v, audited %+v, result %+v", h.compared, h.audited, r)
	}
}

// TestReconcileBatch compares and judges again, and sends nothing.
func TestReconcileBatch(t *testing.T) {
	asked := pacific(t, "2026-11-24 09:00:00")
	h := newHands(t, asked, 3)
	span, err := h.window.On("2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	h.compare = func(in batch.ReconcileRequest) (batch.Reconciliation, error) {
		return batch.Reconciliation{Batch: in.Batch, Span: span, Found: 2}, nil
	}
	h.env.ExecuteWorkflow(workflows.ReconcileBatchName, batch.ReconcileInput{Batch: "digest/2026-11-22"})
	var r batch.Result
	if err := h.env.GetWorkflowResult(&r); err != nil {
		t.Fatal(err)
	}
	if r.Batch != "digest/2026-11-22" || r.Night != "2026-11-22" || len(h.sent)+len(h.groups)+len(h.asked) != 0 {
		t.Errorf("%+v; %d submits", r, len(h.sent))
	}
	if in := h.compared[0]; !in.Span.Opens.IsZero() || in.WorkflowID == "" || in.RunID == "" {
		t.Errorf("compared %+v", in)
	}
	if a := h.audited[0]; !a.Again || a.Cancelled || a.Books == nil || a.Books.Found != 2 || !a.Span.Opens.Equal(span.Opens) {
		t.Errorf("audited %+v", a)
	}
	v, err := h.env.QueryWorkflow(workflows.ProgressQuery)
	var p batch.Progress
	if err != nil || v.Get(&p) != nil || p.State != workflows.StateDone || p.Batch != r.Batch || p.Jobs.Succeeded != 3 {
		t.Errorf("progress %+v, %v", p, err)
	}
}

// TestReconcileBatchFails with the type of what the hands say, and judges
// nothing that wasn't compared.
func TestReconcileBatchFails(t *testing.T) {
	for _, c := range []struct {
		compare, audit batch.Kind
		audits         int
	}{
		{batch.NightClaimed, "", 0},
		{batch.NotFound, "", 0},
		{"", batch.OutcomesUnknown, 1},
		{"", batch.BooksDisagree, 1},
	} {
		h := newHands(t, pacific(t, "2026-11-24 09:00:00"), 3)
		want := c.audit
		if c.compare != "" {
			want = c.compare
			h.compare = func(batch.ReconcileRequest) (batch.Reconciliation, error) {
				return batch.Reconciliation{}, fails(c.compare)
			}
		}
		h.audit = func(batch.AuditRequest) (batch.Result, error) { return batch.Result{}, fails(c.audit) }
		h.env.ExecuteWorkflow(workflows.ReconcileBatchName, batch.ReconcileInput{Batch: "digest/2026-11-22"})
		wantType(t, h.env.GetWorkflowError(), want)
		if len(h.audited) != c.audits {
			t.Errorf("%s: %d audits", want, len(h.audited))
		}
	}
}

// judged is how the hands fail an audit: the fault first, then the result.
func judged(in batch.AuditRequest, k batch.Kind) error {
	return temporal.NewNonRetryableApplicationError("long message", string(k), nil,
		batch.Fault{Kind: k, Op: "audit", Detail: "2 jobs"},
		batch.Result{Batch: in.Batch, State: workflows.StateFailed, Audit: batch.Audit{Findings: []batch.Finding{{Rule: k, Jobs: []string{"a", "b"}, Count: 2}}}})
}

func (h *hands) runNight(t *testing.T, input ...any) (batch.NightBooks, error) {
	t.Helper()
	h.env.ExecuteWorkflow(workflows.ReconcileNightName, input...)
	if !h.env.IsWorkflowCompleted() {
		t.Fatal("it didn't end")
	}
	var b batch.NightBooks
	if err := h.env.GetWorkflowError(); err != nil {
		return b, err
	}
	if err := h.env.GetWorkflowResult(&b); err != nil {
		t.Fatal(err)
	}
	return b, nil
}

// TestReconcileNight takes every batch of the night in hand, one after the
// other; with no input it means yesterday.
func TestReconcileNight(t *testing.T) {
	asked := pacific(t, "2026-11-23 07:00:00")
	for _, input := range [][]any{nil, {batch.NightInput{}}, {batch.NightInput{Night: "yesterday"}}} {
		h := newHands(t, asked, 3)
		var was batch.NightRequest
		h.nights = func(in batch.NightRequest) ([]batch.ID, error) {
			was = in
			return []batch.ID{"a/2026-11-22", "b/2026-11-22", "c/2026-11-22"}, nil
		}
		b, err := h.runNight(t, input...)
		if err != nil {
			t.Fatal(err)
		}
		if was.Night != batch.Yesterday || !was.Asked.Equal(asked) {
			t.Errorf("asked for %+v", was)
		}
		if b.Night != "2026-11-22" || b.Of != 3 || len(b.Batches) != 3 || b.Batches[2].Batch != "c/2026-11-22" || len(b.Failed)+len(b.Busy) != 0 || b.Now != "" {
			t.Errorf("%+v", b)
		}
		for i, c := range h.compared {
			if c.Batch != b.Batches[i].Batch || c.WorkflowID != "reconcile/"+string(c.Batch) {
				t.Errorf("compared %+v", c)
			}
		}
		if len(h.compared) != 3 || len(h.audited) != 3 || len(h.sent) != 0 {
			t.Errorf("%d comparisons, %d audits, %d submits", len(h.compared), len(h.audited), len(h.sent))
		}
	}
}

// TestReconcileNightFails with the gravest kind, after every batch was judged,
// and names all that didn't pass; what still runs is no failure.
func TestReconcileNightFails(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-25 07:00:00"), 3)
	h.nights = func(in batch.NightRequest) ([]batch.ID, error) {
		if in.Night != "2026-11-22" {
			t.Errorf("asked for %s", in.Night)
		}
		return []batch.ID{"a/2026-11-22", "b/2026-11-22", "c/2026-11-22", "d/2026-11-22", "e/2026-11-22"}, nil
	}
	h.compare = func(in batch.ReconcileRequest) (batch.Reconciliation, error) {
		switch in.Batch.Name() {
		case "a":
			return batch.Reconciliation{}, fails(batch.Internal)
		case "d":
			return batch.Reconciliation{}, fails(batch.NightClaimed)
		}
		return batch.Reconciliation{Batch: in.Batch}, nil
	}
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		switch in.Batch.Name() {
		case "b":
			return batch.Result{}, judged(in, batch.BooksDisagree)
		case "c":
			return batch.Result{}, judged(in, batch.DiscountMissed)
		}
		return batch.Result{Batch: in.Batch, Money: batch.Money{Billed: money.Dollar}}, nil
	}
	_, err := h.runNight(t, batch.NightInput{Night: "2026-11-22"})
	wantType(t, err, batch.DiscountMissed)
	for _, says := range []string{"3 of 5 batches", "a/2026-11-22 (Internal)", "b/2026-11-22 (BooksDisagree)", "c/2026-11-22 (DiscountMissed)"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q isn't said: %v", says, err)
		}
	}
	v, err := h.env.QueryWorkflow(workflows.ProgressQuery)
	var b batch.NightBooks
	if err != nil || v.Get(&b) != nil {
		t.Fatal(err)
	}
	var ids []batch.ID
	for _, r := range b.Batches {
		ids = append(ids, r.Batch)
	}
	if !slices.Equal(ids, []batch.ID{"b/2026-11-22", "c/2026-11-22", "e/2026-11-22"}) || !slices.Equal(b.Busy, []batch.ID{"d/2026-11-22"}) {
		t.Errorf("judged %v, busy %v", ids, b.Busy)
	}
	if len(b.Failed) != 3 || b.Failed[1].Why != "2 jobs" || len(b.Batches[0].Audit.Findings) != 1 {
		t.Errorf("failed %+v", b.Failed)
	}
}

// TestReconcileNightOfMany leaves names out where there are too many batches
// for one payload.
func TestReconcileNightOfMany(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-25 07:00:00"), 3)
	h.nights = func(batch.NightRequest) ([]batch.ID, error) {
		ids := make([]batch.ID, 25)
		for i := range ids {
			ids[i] = batch.NewID(batch.Name("b"+strings.Repeat("x", i)), "2026-11-22")
		}
		return ids, nil
	}
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		return batch.Result{}, judged(in, batch.OutcomesUnknown)
	}
	_, err := h.runNight(t, batch.NightInput{Night: "2026-11-22"})
	wantType(t, err, batch.OutcomesUnknown)
	if !strings.Contains(err.Error(), "25 of 25 batches") || !strings.Contains(err.Error(), "5 more") {
		t.Error(err)
	}
	v, err := h.env.QueryWorkflow(workflows.ProgressQuery)
	var b batch.NightBooks
	if err != nil || v.Get(&b) != nil {
		t.Fatal(err)
	}
	if f := b.Batches[0].Audit.Findings; len(b.Batches) != 25 || f[0].Count != 2 || len(f[0].Jobs) != 0 {
		t.Errorf("%+v", b.Batches[0])
	}
}

// TestReconcileNightOfNone: a night without a batch is no failure, and keeps
// the name that it was asked for.
func TestReconcileNightOfNone(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-25 07:00:00"), 3)
	h.nights = func(batch.NightRequest) ([]batch.ID, error) { return nil, nil }
	if b, err := h.runNight(t, batch.NightInput{Night: "2026-11-22"}); err != nil || b.Night != "2026-11-22" || b.Of != 0 {
		t.Errorf("%+v, %v", b, err)
	}
}
