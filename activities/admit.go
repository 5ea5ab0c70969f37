package activities

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
)

// admit asks the gate until it has an answer other than "wait a moment". The
// attempt's number is 0 when the job isn't to be sent; its state says why.
func (s *submission) admit(ctx context.Context) (int, error) {
	open, cancel := s.whileOpen(ctx)
	defer cancel()
	s.pulse.now(Beat{Doing: "waiting for its turn"})
	if err := s.gate.pass(open); err != nil {
		return 0, s.interrupted(ctx)
	}
	over := false
	defer func() { s.gate.leave(over) }()
	for {
		if open.Err() != nil {
			return 0, s.interrupted(ctx)
		}
		if until, why := s.gate.until(); until.Sub(s.now()) >= short {
			if s.lane {
				if s.standBy(open, until) != nil {
					return 0, s.interrupted(ctx)
				}
				continue
			}
			return 0, waiting("submit", thing(s.in), why, until.Sub(s.now()))
		}
		v, attempt, err := s.Ledger.Admit(ctx, s.ask(), s.judge)
		if err != nil {
			return 0, err
		}
		s.Log.Debug("gate", zap.String("batch", string(s.in.Batch)), zap.Int("seq", s.in.Seq),
			zap.String("action", string(v.Action)), zap.String("reason", string(v.Reason)), zap.String("detail", v.Detail))
		if v.Action != ledger.Wait {
			over = true
			return attempt, nil
		}
		s.pulse.now(Beat{Doing: "waiting: " + string(v.Reason)})
		wait := v.Until.Sub(s.now())
		if v.Reason == ledger.ReasonRetry { // this job's own: it holds up nobody else
			return 0, waiting("submit", thing(s.in), v.Detail, wait)
		}
		if v.Reason == ledger.ReasonCredits && s.creditsAreBack(ctx) {
			continue
		}
		s.gate.hold(v.Until, v.Detail)
		if !s.lane && (wait >= short || s.tooOld(wait)) {
			return 0, waiting("submit", thing(s.in), v.Detail, wait)
		}
		if err := s.standBy(open, v.Until); err != nil {
			return 0, s.interrupted(ctx)
		}
	}
}

// ask is the job's question to the gate.
func (s *submission) ask() ledger.Ask {
	return ledger.Ask{
		Batch: s.in.Batch, Seq: s.in.Seq, Span: s.in.Span, Slow: s.slow(s.now()), Caps: s.Caps, Batched: s.group > 0,
	}
}

// judge asks the gate. What a refused key stops is parked and not cancelled:
// nobody decided against the jobs, and with another key they can still run.
func (s *submission) judge(st ledger.Standing) ledger.Verdict {
	rules := s.Rules
	rules.Zone = s.in.Span.Location()
	v := gate.Decide(st, rules)
	if v.Action == ledger.Cancel && st.Key.Closed != "" {
		v.Action = ledger.Park
	}
	return v
}

// fits says whether a request that begins then can still end by the deadline.
func (s *submission) fits(begin time.Time) bool {
	return !begin.Add(s.slow(begin)).After(s.in.Span.Deadline)
}

// tooOld says whether this attempt of the activity is too old to begin
// anything after another wait.
func (s *submission) tooOld(wait time.Duration) bool {
	return !s.lane && s.now().Sub(s.began)+wait > patience
}
