package activities

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
)

// limited keeps Retry-After to the letter. The second refusal in a row may
// come from a window that its Retry-After doesn't speak of (the headers know
// none for the hour), so the limits are asked for.
func (s *submission) limited(ctx context.Context, c ledger.Closing, f *batch.Fault, r provider.Receipt) error {
	until := c.EndedAt.Add(f.After)
	err := s.insist(ctx, func() error {
		return s.Ledger.Floor(ctx, s.key, until, fmt.Sprintf("HTTP 429, retry after %s", f.After))
	})
	if err != nil {
		return err
	}
	var j ledger.Job
	err = s.insist(ctx, func() (err error) {
		j, err = s.Ledger.Return(ctx, c, ledger.Returning{Why: said(f), NotBefore: until, Limited: true})
		return err
	})
	if err != nil {
		return err
	}
	if j.Limited >= 2 {
		s.askLimits(ctx, r.Limits.Exceeded)
	}
	return s.back(until, f)
}

// refused closes the key before anything else can leave with it. Nothing ran,
// and the job has no fault: the gate parks it like all others of the batch, and
// a run with a key that works sends it.
func (s *submission) refused(ctx context.Context, c ledger.Closing, f *batch.Fault) error {
	why := said(f)
	s.Log.Error("the provider refused the key: nothing else is sent", zap.String("batch", string(s.in.Batch)), zap.String("key", s.key), zap.String("detail", why))
	return s.insist(ctx, func() error {
		if err := s.Ledger.CloseKey(ctx, s.key, why); err != nil {
			return err
		}
		if err := s.Ledger.StopBatch(ctx, s.in.Batch, "the provider refused the key: "+why); err != nil {
			return err
		}
		_, err := s.Ledger.Return(ctx, c, ledger.Returning{Why: why})
		return err
	})
}

// broke holds the key until credits are back. A 402 at the door is free; one
// from behind the run leaves its outcome in doubt.
func (s *submission) broke(ctx context.Context, j ledger.Job, c ledger.Closing, f *batch.Fault, r provider.Receipt) error {
	s.Log.Error("credits are used up: nothing is sent until there are more", zap.String("batch", string(s.in.Batch)), zap.String("key", s.key))
	if err := s.insist(ctx, func() error { return s.Ledger.HoldKey(ctx, s.key, said(f)) }); err != nil {
		return err
	}
	if f.Moved != batch.MovedNo && f.Moved != "" {
		return s.doubt(ctx, j, c, f, r)
	}
	return s.insist(ctx, func() error { _, err := s.Ledger.Return(ctx, c, ledger.Returning{Why: said(f)}); return err })
}

// unsent spaces tries of which not a byte left.
func (s *submission) unsent(ctx context.Context, j ledger.Job, c ledger.Closing, f *batch.Fault) error {
	c.Kind = batch.NotSent
	until := s.now()
	if j.Tries+1 < maxTries {
		until = until.Add(s.jitter(j.Tries + 1))
	}
	err := s.insist(ctx, func() error {
		_, err := s.Ledger.Return(ctx, c, ledger.Returning{Why: said(f), NotBefore: until, Counts: true})
		return err
	})
	if err != nil {
		return err
	}
	return s.back(until, f)
}
