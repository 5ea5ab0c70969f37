package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// reconcile has the night's books compared with the provider's, once its log
// has had the time to show the last run. Nothing is sent here, and nothing but
// the audit waits for it. Books that can't be compared are no reason not to
// judge: the audit then judges what the ledger says, and nil comes back.
//
// A cancelled night doesn't wait for the log. One that is cancelled here stops
// waiting, or comparing, and is judged.
func (n *night) reconcile(ctx workflow.Context) *batch.Reconciliation {
	cancelled := ctx.Err() != nil
	if lag := n.terms.Policy.LogLag; n.sent && !cancelled && lag > 0 {
		n.progress.Waiting = workflow.Now(ctx).Add(lag)
		n.enter(ctx, StateReconciling)
		cancelled = sleepUntil(ctx, n.progress.Waiting, "The provider's log may take "+lag.String()+" to show the last run") != nil
	}
	if cancelled {
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	n.progress.Waiting = time.Time{}
	n.enter(ctx, StateReconciling)
	info := workflow.GetInfo(ctx).WorkflowExecution
	books, err := Reconcile.Do(ctx, batch.ReconcileRequest{Batch: n.terms.Batch, Span: n.span, WorkflowID: info.ID, RunID: info.RunID})
	if err != nil {
		n.log.Error("the books weren't compared with the provider's; the audit judges the ledger alone", "batch", n.terms.Batch, "error", err)
		return nil
	}
	return &books
}

// ReconcileBatch compares a batch's books with the provider's once more, long
// after its night if need be, and has the night judged again: what was unknown
// and is in the log by now is settled, and nothing is sent. A person starts it,
// or ReconcileNight.
//
// It ends as the night does: with the result, or with the gravest finding's
// kind as the error type and the result in the error's details. A batch whose
// night still runs is refused as NightClaimed.
func ReconcileBatch(ctx workflow.Context, in batch.ReconcileInput) (batch.Result, error) {
	result, err := reconcileBatch(ctx, in)
	end := batch.NightEnd{Batch: in.Batch, Result: result, Again: true}
	if err != nil {
		if end.Result = judged(err); end.Result.Batch == "" {
			end.Fault = faultOf(err)
		}
	}
	announceEnd(ctx, end)
	return result, err
}

func reconcileBatch(ctx workflow.Context, in batch.ReconcileInput) (batch.Result, error) {
	p := batch.Progress{Batch: in.Batch}
	if err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (batch.Progress, error) { return p, nil }); err != nil {
		return batch.Result{}, err
	}
	searched := false // the namespace has the attributes, as the hands said
	enter := func(state string) {
		p.State = state
		show(ctx, fmt.Sprintf("**%s**: %s", in.Batch, state))
		if !searched {
			return
		}
		if err := attributes(ctx, in.Batch, state); err != nil {
			workflow.GetLogger(ctx).Warn("search attributes not set", "error", err)
		}
	}
	fail := func(err error) (batch.Result, error) {
		enter(StateFailed)
		var b strings.Builder
		fmt.Fprintf(&b, "**%s**: %s\n", in.Batch, StateFailed)
		tellFault(&b, err, judged(err).Audit.Findings)
		show(ctx, b.String())
		return batch.Result{}, cause(err)
	}
	enter(StateReconciling)
	info := workflow.GetInfo(ctx).WorkflowExecution
	books, err := Reconcile.Do(ctx, batch.ReconcileRequest{Batch: in.Batch, WorkflowID: info.ID, RunID: info.RunID})
	if err != nil {
		return fail(err)
	}
	p.Span, searched = books.Span, books.Attributes
	enter(StateAuditing)
	result, err := AuditDiscount.Do(ctx, batch.AuditRequest{Batch: in.Batch, Span: books.Span, Again: true, Books: &books})
	if err != nil {
		return fail(err)
	}
	p.Jobs, p.Billed, p.DayPrice = result.Jobs, result.Money.Billed, result.Money.DayPrice
	enter(StateDone)
	return result, nil
}
