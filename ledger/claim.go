package ledger

import (
	"context"
	"fmt"

	"github.com/offpeak/offpeak/batch"
)

// Claim is a wish to run a batch on a night: Batch with ID, Provider, Key,
// Owner, Digest, Span, Card, Budget and Policy filled in; the rest is ignored.
type Claim struct{ Batch Batch }

// Claim gives a night to one workflow, once. Schedules append to workflow ids
// and the Temporal UI has no reuse policy, so that only this row keeps two
// workflows from running the same batch.
//
//   - New: the batch is written down and returned.
//   - Owned by the same workflow id, whatever the run id: a retry or a re-run.
//     RunID, Key, Span, Card, Budget and Policy become the claim's, because a
//     re-run is judged by tonight's terms; jobs, sums, Stopped and Result stay.
//   - Owned by another workflow: NightClaimed, naming its workflow id and run
//     id, with the existing batch, so that the caller can find out whether the
//     owner still runs (TakeOver).
//   - Another digest or provider: ManifestDiffers, with the existing batch.
func (l *Ledger) Claim(ctx context.Context, c Claim) (Batch, error) {
	const op = "claim"
	want := c.Batch
	if _, err := batch.ParseID(string(want.ID)); err != nil {
		return Batch{}, internal(op, string(want.ID), "%v", err)
	}
	if want.Owner.WorkflowID == "" || want.Key == "" || want.Digest == "" {
		return Batch{}, internal(op, string(want.ID), "owner, key and digest must be given")
	}
	var out Batch
	err := l.write(ctx, nil, func(w *work) error {
		have, found, err := w.batches.get(want.ID)
		if err != nil {
			return err
		}
		out = have
		switch {
		case !found:
			have = Batch{
				ID: want.ID, Provider: clean(want.Provider), Owner: want.Owner, Digest: want.Digest,
				PlannedAt: w.now,
			}
			w.tallies.put(want.ID, Tally{Batch: want.ID})
		case have.Owner.WorkflowID != want.Owner.WorkflowID:
			return &batch.Fault{
				Kind: batch.NightClaimed, Op: op, Thing: have.Owner.WorkflowID + "/" + have.Owner.RunID,
				Detail: fmt.Sprintf("%s belongs to this workflow", want.ID),
				Hint:   "follow that run, or end it and start again",
			}
		case have.Provider != clean(want.Provider):
			return &batch.Fault{
				Kind: batch.ManifestDiffers, Op: op, Thing: string(want.ID),
				Detail: fmt.Sprintf("planned for provider %s, now asked for with %s", have.Provider, clean(want.Provider)),
				Hint:   "give it another name for another provider",
			}
		case have.Digest != want.Digest:
			return &batch.Fault{
				Kind: batch.ManifestDiffers, Op: op, Thing: string(want.ID),
				Detail: fmt.Sprintf("planned with digest %.12s, now asked for with %.12s", have.Digest, want.Digest),
				Hint:   "give changed work another name, or run it on another night",
			}
		}
		have.Owner.RunID, have.Key = want.Owner.RunID, want.Key
		have.Span, have.Card, have.Budget, have.Policy = want.Span, want.Card, want.Budget, want.Policy
		w.batches.put(want.ID, have)
		out = have
		return nil
	})
	return out, err
}

// TakeOver gives a night from an owner that has ended to another: the caller
// has made sure that from isn't running. NightClaimed when somebody else was
// quicker; taking over what is already to's is fine.
func (l *Ledger) TakeOver(ctx context.Context, id batch.ID, from, to Owner) error {
	const op = "take over"
	return l.onBatch(ctx, op, id, func(w *work, b *Batch) error {
		if b.Owner == to {
			return nil
		}
		if b.Owner != from {
			return &batch.Fault{
				Kind: batch.NightClaimed, Op: op, Thing: b.Owner.WorkflowID + "/" + b.Owner.RunID,
				Detail: fmt.Sprintf("%s changed hands meanwhile", id), Hint: "follow that run",
			}
		}
		b.Owner = to
		return nil
	})
}

// StopBatch has nothing more sent for a batch; what is in flight ends. Stopped
// twice, the first reason stays. Reopen lets it go on.
func (l *Ledger) StopBatch(ctx context.Context, id batch.ID, why string) error {
	return l.onBatch(ctx, "stop", id, func(w *work, b *Batch) error {
		if b.Stopped == "" {
			b.Stopped = reason(why, "stopped")
		}
		return nil
	})
}

// Reopen readies a batch for a re-run: parked and skipped jobs become planned
// again, with their tries and waits forgotten, and a stop or a pause is lifted.
// What succeeded, was rejected or cancelled, or is unknown stays as it is.
func (l *Ledger) Reopen(ctx context.Context, id batch.ID) error {
	return l.onBatch(ctx, "reopen", id, func(w *work, b *Batch) error {
		t, _, err := w.tallies.get(id)
		if err != nil {
			return err
		}
		b.Stopped, b.Paused = "", batch.Pause{}
		if t.Ended.Parked+t.Ended.Skipped == 0 {
			return nil
		}
		_, err = w.reopen(id, batch.Parked, batch.Skipped)
		return err
	})
}

// Judged keeps a batch's judgement (a batch.Result as JSON); the last one
// counts.
func (l *Ledger) Judged(ctx context.Context, id batch.ID, result []byte) error {
	return l.onBatch(ctx, "keep the result of", id, func(w *work, _ *Batch) error {
		w.results.put(id, Result{Batch: id, JSON: result})
		return nil
	})
}

// onBatch changes a batch's row.
func (l *Ledger) onBatch(ctx context.Context, op string, id batch.ID, change func(*work, *Batch) error) error {
	return l.write(ctx, nil, func(w *work) error {
		b, found, err := w.batches.get(id)
		if err != nil {
			return err
		}
		if !found {
			return noBatch(op, id)
		}
		before := b
		if err := change(w, &b); err != nil {
			return err
		}
		if b.Owner != before.Owner || b.Stopped != before.Stopped || b.Paused != before.Paused ||
			b.Budget != before.Budget || b.Sealed != before.Sealed || b.Jobs != before.Jobs || b.Estimate != before.Estimate || b.Ceiling != before.Ceiling {
			w.batches.put(id, b)
		}
		return nil
	})
}
