package activities

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// LookNight says how far a night is. It changes nothing, and costs one reading
// of the batch's sums.
func (h *Hands) LookNight(ctx context.Context, in batch.LookRequest) (batch.Look, error) {
	t, err := h.Ledger.Totals(ctx, in.Batch)
	if err != nil {
		return batch.Look{}, raise(err)
	}
	now := h.now()
	return batch.Look{
		At: now, Jobs: t.Jobs, Sending: t.Sending, Billed: t.Charged, DayPrice: t.DayPrice, Held: t.Held,
		Wait: h.stiles.peek(in.Batch, now),
	}, nil
}

// peek is what the gate last had jobs of a batch wait for on this worker, if
// that isn't over.
func (s *stiles) peek(id batch.ID, now time.Time) batch.Wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.last[id]
	if t := s.open[id]; t != nil {
		w = t.waits(now)
	}
	if !w.Until.After(now) {
		return batch.Wait{}
	}
	return w
}
