package activities

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// remember keeps a reading of the credits that was complete at an instant, for
// the reconciliation and for what is in doubt.
func (h *Hands) remember(ctx context.Context, at time.Time, c batch.Credits) error {
	return h.Ledger.Balance(ctx, ledger.Balance{Key: h.key, At: at, Total: c.Total})
}

// open finds the reading of the credits from which the batch spent: the last
// one before its first request.
func (r *reconciliation) open(ctx context.Context) error {
	if r.batch.Key != r.key {
		return nil // it may be another account
	}
	var first time.Time
	err := r.Ledger.Charges(ctx, r.batch.ID, func(c ledger.Charge) error {
		if !c.SentAt.IsZero() && (first.IsZero() || c.SentAt.Before(first)) {
			first = c.SentAt
		}
		return nil
	})
	if err != nil || first.IsZero() {
		return err
	}
	readings, err := r.Ledger.Balances(ctx, r.key, first.Add(-24*time.Hour), first)
	if n := len(readings); err == nil && n > 0 {
		r.opening = readings[n-1]
	}
	return err
}

// credits reads them once more. One that can't be read is worth a note.
func (r *reconciliation) credits(ctx context.Context) error {
	r.pulse.now(Beat{Doing: "asking for the credits"})
	got, _, err := r.Swarms.Credits(ctx)
	at := r.now()
	if err == nil && !got.Total.Known {
		err = &batch.Fault{Kind: batch.OutOfReach, Op: "check credits", Detail: "the provider doesn't say how many there are"}
	}
	if err != nil {
		var f *batch.Fault
		if ctx.Err() != nil || !errors.As(err, &f) {
			return errors.Join(ctx.Err(), err)
		}
		r.Log.Warn("the credits can't be read", zap.String("batch", string(r.batch.ID)), zap.Error(err))
		r.out.Notes = append(r.out.Notes, batch.Note{
			Topic: batch.NoteCredits, Text: "the account's credits couldn't be read: " + said(f), Remedy: "reconcile again when they can be",
		})
		return nil
	}
	if err := r.remember(ctx, at, batch.Credits{Total: got.Total.USD}); err != nil {
		return err
	}
	if r.opening.At.IsZero() {
		return nil
	}
	r.out.Credits = batch.Drawdown{From: r.opening.At, To: at, Before: r.opening.Total, After: got.Total.USD}
	return nil
}
