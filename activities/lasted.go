package activities

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
)

// What RecallDurations reads of the books when a worker starts: enough to know
// the shapes of the last nights, little enough not to be noticed.
const (
	recalledRuns    = 5000
	recalledBatches = 30
	recalledPage    = 500
)

// RecallDurations learns from the newest charges of this worker's key how long
// runs take, so that a worker that is started near the close knows as much as
// one that was there all night.
func (h *Hands) RecallDurations(ctx context.Context) error {
	batches, err := h.Ledger.Batches(ctx, recalledBatches)
	if err != nil {
		return err
	}
	runs := 0
	for _, b := range batches {
		for after, more := -1, b.Key == h.key; more && runs < recalledRuns; {
			var page []ledger.Entry
			if page, _, more, err = h.Ledger.List(ctx, b.ID, after, recalledPage, batch.Succeeded); err != nil {
				return err
			}
			for _, e := range page {
				after = e.Job.Seq
				for _, c := range e.Charges {
					if c.Source == ledger.FromAnswer && !c.SentAt.IsZero() && c.EndedAt.After(c.SentAt) {
						runs++
						h.took.See(shape(e.Job), c.EndedAt.Sub(c.SentAt))
					}
				}
			}
		}
	}
	h.Log.Debug("durations recalled", zap.Int("runs", runs))
	return nil
}

// shape is what a job has in common with those that take as long.
func shape(j ledger.Job) gate.Shape { return gate.ShapeOf(j.Type, j.Models, j.Agents) }

// lasted learns from a run that had a request of its own: one of several in a
// request ends with the slowest of them.
func (s *submission) lasted(j ledger.Job, took time.Duration) {
	if s.group == 0 {
		s.took.See(shape(j), min(took, s.in.RequestTimeout))
	}
}

// slow is how long this job may take when it begins then: what its shape has
// taken so far, or its request timeout.
func (s *submission) slow(begin time.Time) time.Duration {
	if s.group > 0 || s.shape == "" {
		return s.in.RequestTimeout
	}
	return s.took.Slow(s.shape, s.in.RequestTimeout, s.in.Span.Left(begin))
}
