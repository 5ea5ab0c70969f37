package activities

import (
	"context"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// SteerNight writes a person's order into the books. Once it has returned, no
// worker's gate lets anything through against it: each send reads the batch's
// row in the transaction that also admits it. Given again, it changes nothing.
func (h *Hands) SteerNight(ctx context.Context, in batch.Steer) (batch.Steered, error) {
	out, err := h.steer(ctx, in)
	return out, raise(err)
}

func (h *Hands) steer(ctx context.Context, in batch.Steer) (batch.Steered, error) {
	var (
		b   ledger.Batch
		n   int
		err error
	)
	switch in.Do {
	case batch.SteerPause:
		b, err = h.Ledger.Pause(ctx, in.Batch, in.By, in.Why)
	case batch.SteerResume:
		b, err = h.Ledger.Resume(ctx, in.Batch)
	case batch.SteerRaise:
		b, n, err = h.Ledger.Raise(ctx, in.Batch, in.Cap)
	case batch.SteerCancel:
		if err = h.Ledger.StopBatch(ctx, in.Batch, "cancelled "+batch.Pause{By: in.By, Why: in.Why}.String()); err == nil {
			b, err = h.Ledger.Batch(ctx, in.Batch)
		}
	default:
		err = &batch.Fault{Kind: batch.Internal, Op: "steer", Thing: string(in.Batch), Detail: "nobody knows how to " + in.Do}
	}
	if err != nil {
		return batch.Steered{}, err
	}
	h.Log.Warn("a person steers the night", zap.String("batch", string(in.Batch)), zap.String("do", in.Do),
		zap.String("by", in.By), zap.String("why", in.Why), zap.String("cap", b.Budget.Batch.String()), zap.Int("reopened", n))
	return batch.Steered{Paused: b.Paused, Cap: b.Budget.Batch, Reopened: n}, nil
}
