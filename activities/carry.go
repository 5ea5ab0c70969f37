package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/tariff"
)

// goOn plans a night of a batch that is in the books: terms, prices, jobs and
// request ids are those of its first plan, and no file is read. What is parked
// or skipped is planned anew; what succeeded or is unknown is never sent again.
func (h *Hands) goOn(ctx context.Context, in batch.PlanRequest, ref manifest.Reference) (batch.Plan, error) {
	b, err := h.Ledger.Batch(ctx, ref.Batch)
	if err != nil {
		return batch.Plan{}, err
	}
	bad := func(detail, hint string) error {
		return &batch.Fault{Kind: batch.BadInput, Op: "go on with", Thing: string(b.ID), Moved: batch.MovedNo, Detail: detail, Hint: hint}
	}
	window := b.Policy.Window
	if ref.Window != nil {
		window = ref.Window
		b.Card = b.Card.In(*window)
	}
	switch {
	case !b.Sealed:
		return batch.Plan{}, bad("its plan was cut short: not all of its jobs are in the books", "run its manifest again")
	case window == nil:
		return batch.Plan{}, bad("the books don't say what its window is: an earlier offpeak planned it", `hand over "window" beside "batch", as its manifest has it`)
	}
	if err := h.promptless(ctx, b.ID); err != nil {
		return batch.Plan{}, err
	}
	asked := in.Asked
	if ref.After.After(asked) {
		asked = ref.After
	}
	start, err := window.Decide(asked, b.Policy.RequestTimeout)
	if err != nil {
		return batch.Plan{}, bad(err.Error(), "")
	}
	if ref.After.After(in.Asked) {
		start.Reason = "left over from an earlier night; begins " + start.At.Format("Mon 2006-01-02 15:04 MST")
	}
	var t terms
	key := h.key
	switch api, ok, err := h.metered(b); {
	case err != nil:
		return batch.Plan{}, err
	case ok:
		t, key = meteredTerms(api), api.Scope()
	case h.Swarms == nil:
		return batch.Plan{}, h.noAPI(batch.Manifest{Name: b.ID.Name(), Provider: b.Provider})
	default:
		if err := h.limits(ctx, &t); err != nil {
			return batch.Plan{}, err
		}
	}
	want := b
	want.Key, want.Owner = key, ledger.Owner{WorkflowID: in.WorkflowID, RunID: in.RunID}
	want.Span, want.Policy.Window = start.Span, window
	if parent := (ledger.Owner{WorkflowID: in.Parent.WorkflowID, RunID: in.Parent.RunID}); parent.RunID != "" && b.Owner == parent {
		// Its last act was to start this run, which may come before its end does.
		if err := h.Ledger.TakeOver(ctx, b.ID, parent, want.Owner); err != nil {
			return batch.Plan{}, err
		}
	}
	if b, err = h.claim(ctx, want, in.Scheduled); err != nil {
		return batch.Plan{}, err
	}
	if err := h.Ledger.Reopen(ctx, b.ID); err != nil {
		return batch.Plan{}, err
	}
	plan, err := h.outline(ctx, b, start, nil, t)
	plan.Carried = true
	return plan, err
}

// promptless refuses a batch whose prompts were deleted while jobs of it can
// still be sent.
func (h *Hands) promptless(ctx context.Context, id batch.ID) error {
	note, deleted, err := h.purged(ctx, id, batch.KeptPrompts)
	if err != nil || !deleted {
		return err
	}
	left, _, _, err := h.Ledger.List(ctx, id, -1, 1, batch.Planned, batch.Reserved, batch.Parked, batch.Skipped)
	if err != nil || len(left) == 0 {
		return err
	}
	j, err := h.Ledger.Job(ctx, id, left[0].Job.Seq)
	if err != nil || len(j.Request) > 0 {
		return err
	}
	return &batch.Fault{
		Kind: batch.BadInput, Op: "go on with", Thing: string(id), Moved: batch.MovedNo, Detail: "its prompts were " + note.Said(),
		Hint: "run its manifest again, under the same name and for the same night: what was paid for isn't sent again",
	}
}

// carried says what becomes of the jobs that a night parked: they run in the
// next one by themselves, unless only a person can mend what kept them.
func (h *Hands) carried(b ledger.Batch, in batch.AuditRequest, v audit.Verdict) *batch.Carry {
	if v.Jobs.Parked == 0 {
		return nil
	}
	c := &batch.Carry{Jobs: v.Jobs.Parked}
	switch {
	case in.Cancelled:
		c.Not = batch.NotCancelled
	case b.Stopped != "":
		c.Not = batch.NotStopped + b.Stopped
	case b.Paused.On():
		c.Not = "the batch is paused " + b.Paused.String()
	case in.Again:
		c.Not = "a reconciliation sends nothing"
	case v.Discount.Landed == 0 && v.Discount.Missed > 0:
		c.Not = "no run got the night price: find out why before more is sent"
	case b.Policy.Window == nil || !b.Policy.CarryOver:
		c.Not = "policy.carry_over is off"
	}
	if c.Not != "" {
		return c
	}
	after := in.Span.Closes // also of a night that ended early: what it parked had its chance
	if now := h.now(); now.After(after) {
		after = now
	}
	start, err := b.Policy.Window.Decide(after, b.Policy.RequestTimeout)
	if err != nil {
		c.Not = err.Error()
		return c
	}
	if daysBetween(b.ID.Night(), start.Span.Night) > batch.MaxCarries {
		c.Not = fmt.Sprintf("they were carried for %d days without being done", batch.MaxCarries)
		return c
	}
	c.WorkflowID, c.Begins = b.ID.CarryID(start.Span.Night), start.At
	h.Log.Info("parked jobs are carried over", zap.String("batch", string(b.ID)), zap.Int("jobs", c.Jobs), zap.String("workflow", c.WorkflowID), zap.Time("begins", c.Begins))
	return c
}

// daysBetween counts calendar days between two nights.
func daysBetween(from, to tariff.Night) int {
	first, err := time.Parse(time.DateOnly, string(from))
	last, err2 := time.Parse(time.DateOnly, string(to))
	if err != nil || err2 != nil {
		return 0 // can't be: both are dates of ours
	}
	return int(last.Sub(first) / (24 * time.Hour))
}

// makeWay has a night that carries a batch on, and only waits for its hour,
// leave the batch to a run that is to send now. What that one leaves over is
// carried on again.
func (h *Hands) makeWay(ctx context.Context, have ledger.Batch, to ledger.Owner) (bool, error) {
	if h.GiveWay == nil || !strings.HasPrefix(have.Owner.WorkflowID, have.ID.CarryPrefix()) || have.Owner.WorkflowID == to.WorkflowID {
		return false, nil
	}
	gave, err := h.GiveWay(ctx, have.Owner.WorkflowID, have.Owner.RunID, to.WorkflowID)
	if err != nil {
		return false, &batch.Fault{
			Kind: batch.OutOfReach, Op: "claim", Thing: string(have.ID), Moved: batch.MovedNo, Err: err,
			Detail: "whether " + have.Owner.WorkflowID + ", which waits to carry it on, gives way can't be found out",
		}
	}
	if gave {
		h.Log.Info("a night that waited to carry the batch on gives way", zap.String("batch", string(have.ID)), zap.String("night", have.Owner.WorkflowID), zap.String("to", to.WorkflowID))
	}
	return gave, nil
}

// carriedOn adds to a refused claim that the batch goes on by itself.
func carriedOn(have ledger.Batch, refused error) error {
	var f *batch.Fault
	if errors.As(refused, &f) && strings.HasPrefix(have.Owner.WorkflowID, have.ID.CarryPrefix()) {
		own := *f
		own.Detail = "what it left over runs in a later night by itself, as " + have.Owner.WorkflowID
		own.Hint = "starter status " + string(have.ID) + " says how far it is: while it waits for its hour it gives way, and it has begun"
		return &own
	}
	return refused
}
