package activities

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// standBy waits before the gate until then: a lane's job also for long, where a
// single one hands itself back to Temporal. Of a lane only as many as may ask
// stay before the gate, the others queue up again behind them.
func (s *submission) standBy(open context.Context, until time.Time) error {
	if s.lane && s.gate.crowded() {
		return s.gate.again(open, s.reserved)
	}
	waiting, end := s.gate.orAnswered(open)
	defer end()
	if err := s.Clock.Wait(waiting, until.Sub(s.now())); err != nil {
		return open.Err() // nil: an answer came that was waited for
	}
	return nil
}

// whileOpen is the lane's, or one for this job alone.
func (s *submission) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.open != nil {
		return s.open, func() {}
	}
	return s.Hands.whileOpen(ctx)
}

// crowded says that more stand before the gate than may ask.
func (s *stile) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inside > s.room
}

// again gives the turn up and waits for another one. The caller leaves in any
// case, as after pass.
func (s *stile) again(ctx context.Context, reserved bool) error {
	s.leave(false)
	err := s.pass(ctx, reserved)
	if err != nil {
		s.mu.Lock()
		s.inside++
		s.mu.Unlock()
	}
	return err
}

// elsewhere is what the books said to a step of a job, unless they refused it
// because the job has moved since it was read: then another attempt has it in
// hand, one that was given up for dead and still lives, and this one looks
// again in a moment.
func (s *submission) elsewhere(ctx context.Context, j ledger.Job, err error) error {
	if batch.KindOf(err) != batch.Internal {
		return err
	}
	now, unread := s.Ledger.Glance(context.WithoutCancel(ctx), j.Batch, j.Seq)
	if unread != nil || now.State == j.State && now.Attempts == j.Attempts {
		return err
	}
	return waiting("submit", thing(s.in), "another attempt has it in hand", short)
}
