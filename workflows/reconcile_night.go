package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// ReconcileNight reconciles every batch of a night, one ReconcileBatch child
// after the other: each reads the provider's whole log. A schedule starts it
// every morning with {"night": "yesterday"}; with no input at all it means the
// same. Yesterday is then meant from when the schedule was due, so that what is
// caught up with, or made up for, is the night that was missed.
//
// A batch whose night, or whose reconciliation, still runs is named and left
// alone. When others don't pass, all are judged first, and the night then fails
// with the kind of the gravest and names them; NightBooks is in the error's
// details.
func ReconcileNight(ctx workflow.Context, in batch.NightInput) (batch.NightBooks, error) {
	if in.Night == "" {
		in.Night = batch.Yesterday
	}
	m := &morning{books: batch.NightBooks{Night: in.Night, Batches: []batch.Result{}, Failed: []batch.BatchFailed{}}}
	if err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (batch.NightBooks, error) { return m.books, nil }); err != nil {
		return batch.NightBooks{}, err
	}
	ids, err := NightBatches.Do(ctx, batch.NightRequest{Night: in.Night, Asked: due(ctx)})
	if err != nil {
		return batch.NightBooks{}, cause(err)
	}
	m.books.Of = len(ids)
	if len(ids) > 0 {
		m.books.Night = string(ids[0].Night())
	}
	for _, id := range ids {
		m.books.Now = id
		m.show(ctx)
		one := batch.ReconcileInput{Batch: id}
		result, err := ReconcileOne.Start(ctx, one, one.WorkflowID()).Get(ctx)
		if ctx.Err() != nil {
			return m.books, ctx.Err()
		}
		m.ended(id, result, err)
	}
	m.books.Now = ""
	m.show(ctx)
	workflow.GetLogger(ctx).Info("night reconciled", "night", m.books.Night, "batches", m.books.Of,
		"judged", len(m.books.Batches), "busy", len(m.books.Busy), "failed", len(m.books.Failed))
	return m.books, m.verdict()
}

// morning is the state of one run of ReconcileNight.
type morning struct{ books batch.NightBooks }

// ended notes how one batch ended.
func (m *morning) ended(id batch.ID, r batch.Result, err error) {
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) || isKind(err, batch.NightClaimed) {
		m.books.Busy = append(m.books.Busy, id)
		return
	}
	if err != nil {
		f := batch.BatchFailed{Batch: id, Kind: batch.Internal, Why: clip(err.Error())}
		var app *temporal.ApplicationError
		if errors.As(err, &app) {
			f.Kind, f.Why = batch.Kind(app.Type()), clip(app.Message())
			var fault batch.Fault
			if app.HasDetails() && app.Details(&fault, &r) == nil && fault.Detail != "" {
				f.Why = clip(fault.Detail)
			}
		}
		m.books.Failed = append(m.books.Failed, f)
	}
	if r.Batch != "" {
		m.books.Batches = append(m.books.Batches, lean(r, m.books.Of))
	}
}

// many batches in one result leave out the jobs' names: a payload holds 2 MB.
// Each batch's own result, and its report, has them.
const many = 20

func lean(r batch.Result, of int) batch.Result {
	if of <= many {
		return r
	}
	r.Audit.Findings = slices.Clone(r.Audit.Findings)
	for i := range r.Audit.Findings {
		r.Audit.Findings[i].Jobs = []string{}
	}
	r.Reconciled = nil
	return r
}

// clip keeps a reason to one that fits beside others.
func clip(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "..."
	}
	return s
}

// gravity is the audit's own order of its kinds; whatever else went wrong, a
// batch that couldn't be judged at all, comes after it.
var gravity = []batch.Kind{batch.NothingToJudge, batch.DiscountMissed, batch.BillingMissing, batch.OutcomesUnknown, batch.BooksDisagree}

// verdict fails a night of which a batch failed.
func (m *morning) verdict() error {
	failed := m.books.Failed
	if len(failed) == 0 {
		return nil
	}
	kind := failed[0].Kind
	rank := func(k batch.Kind) int {
		if i := slices.Index(gravity, k); i >= 0 {
			return i
		}
		return len(gravity)
	}
	var names []string
	for _, f := range failed {
		if rank(f.Kind) < rank(kind) {
			kind = f.Kind
		}
		if len(names) < batch.MaxFindingJobs {
			names = append(names, fmt.Sprintf("%s (%s)", f.Batch, f.Kind))
		}
	}
	if more := len(failed) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	fault := batch.Fault{
		Kind: kind, Op: "reconcile night", Thing: m.books.Night,
		Detail: fmt.Sprintf("%d of %d batches didn't pass: %s", len(failed), m.books.Of, strings.Join(names, ", ")),
		Hint:   "starter reconcile BATCH says what is wrong with one and what to do",
	}
	//nolint:forbidigo // the verdict is made of the children's, which the hands raised: no hand has seen them all
	return temporal.NewNonRetryableApplicationError(fault.Error()+". "+fault.Hint, string(kind), nil, fault, m.books)
}

// show is the night in Markdown, for the Temporal UI.
func (m *morning) show(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %d of %d batches judged", m.books.Night, len(m.books.Batches), m.books.Of)
	if m.books.Now != "" {
		fmt.Fprintf(&b, ", now %s", m.books.Now)
	}
	b.WriteString("\n\n")
	for _, f := range m.books.Failed {
		fmt.Fprintf(&b, "- **%s** %s: %s\n", f.Kind, f.Batch, f.Why)
	}
	for _, id := range m.books.Busy {
		fmt.Fprintf(&b, "- %s: still running, left alone\n", id)
	}
	show(ctx, b.String())
}
