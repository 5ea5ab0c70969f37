package activities

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
)

// admit asks the gate until it has an answer other than "wait a moment". The
// attempt's number is 0 when the job isn't to be sent; its state says why.
func (s *submission) admit(ctx context.Context) (int, error) {
	open, cancel := s.whileOpen(ctx)
	defer cancel()
	s.pulse.now(Beat{Doing: "waiting for its turn"})
	s.plight.before.Add(1)
	defer s.plight.before.Add(-1)
	if err := s.gate.pass(open, s.reserved); err != nil {
		return 0, s.interrupted(ctx)
	}
	over, attempt := false, 0
	defer func() { s.gate.leave(over) }()
	defer func() {
		if attempt == 0 { // else whoever sends gives the place back
			s.depart()
		}
	}()
	for {
		if open.Err() != nil {
			return 0, s.interrupted(ctx)
		}
		if w := s.gate.holds(); w.Until.Sub(s.now()) >= short {
			if s.lane {
				if s.standBy(open, w.Until) != nil {
					return 0, s.interrupted(ctx)
				}
				continue
			}
			return 0, held("submit", thing(s.in), w, w.Until.Sub(s.now()))
		}
		if s.others.due() {
			s.askAgain(open)
		}
		if err := s.place(ctx, open); err != nil {
			return 0, err
		}
		answers := s.gate.heard()
		v, n, err := s.Ledger.Admit(ctx, s.ask(), s.judge)
		if err != nil {
			return 0, err
		}
		s.Log.Debug("gate", zap.String("batch", string(s.in.Batch)), zap.Int("seq", s.in.Seq),
			zap.String("action", string(v.Action)), zap.String("reason", string(v.Reason)), zap.String("detail", v.Detail))
		if v.Action != ledger.Wait {
			over, attempt = true, n
			return attempt, nil
		}
		s.depart() // what waits for its own batch must not hold up another
		s.pulse.now(Beat{Doing: "waiting: " + string(v.Reason)})
		wait, what := v.Until.Sub(s.now()), asWait(v)
		if s.ownWindow(v) {
			s.gate.stepAside(what)
			return 0, held("submit", thing(s.in), what, wait)
		}
		if v.Reason == ledger.ReasonBudget && s.lane { // its place in the lane may be that of one whose room is set aside: see purse
			s.gate.stepAside(what)
			return 0, held("submit", thing(s.in), what, wait)
		}
		if v.Reason == ledger.ReasonRetry { // this job's own: it holds up nobody else
			return 0, held("submit", thing(s.in), what, wait)
		}
		if v.Reason == ledger.ReasonCredits && s.creditsAreBack(ctx) {
			continue
		}
		if v.Reason != ledger.ReasonPilot {
			s.gate.hold(what)
		} else if !s.gate.holdForPilot(what, answers) {
			continue
		}
		if !s.lane && (wait >= short || s.tooOld(wait)) {
			return 0, held("submit", thing(s.in), what, wait)
		}
		err = s.standBy(open, v.Until)
		if err == nil && v.Reason == ledger.ReasonBudget { // who has its room may stand behind, and make room when it is paid for
			err = s.gate.again(open, s.reserved)
		}
		if err != nil {
			return 0, s.interrupted(ctx)
		}
	}
}

// place waits for a place among this worker's requests in flight. The place
// comes before the question, for a gate that says go has the job sending. It is
// waited for by the machine's clock, which limits the attempt of the activity.
// One that couldn't end in time needs none: the gate parks it.
func (s *submission) place(ctx, open context.Context) error {
	if s.group > 0 || !s.fits(s.now()) {
		return nil
	}
	if s.flow.try() {
		s.aloft = true
		return nil
	}
	why := crowded(s.flow.why())
	s.plight.strained.Add(1)
	defer s.plight.strained.Add(-1)
	s.pulse.now(Beat{Doing: "waiting: " + string(ledger.ReasonStrain)})
	s.Log.Debug("gate", zap.String("batch", string(s.in.Batch)), zap.Int("seq", s.in.Seq),
		zap.String("action", string(ledger.Wait)), zap.String("reason", string(ledger.ReasonStrain)), zap.String("detail", why))
	limited, stop := context.WithTimeout(open, patience)
	defer stop()
	switch err := s.flow.enter(limited); {
	case err == nil:
		s.aloft = true
		return nil
	case open.Err() != nil:
		return s.interrupted(ctx)
	}
	return held("submit", thing(s.in), batch.Wait{Reason: string(ledger.ReasonStrain), Detail: why}, short)
}

// asWait is the gate's answer for whoever looks.
func asWait(v ledger.Verdict) batch.Wait {
	return batch.Wait{Reason: string(v.Reason), Detail: v.Detail, Until: v.Until}
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
	rules.Foreign = s.others.list()
	v := gate.Decide(st, rules)
	s.others.saw(st.Key.Windows, st.Now, v.Action == ledger.Go)
	if v.Action == ledger.Cancel && st.Key.Closed != "" {
		v.Action = ledger.Park
	}
	return v
}

// fits says whether a request that begins then can still end by the deadline.
func (s *submission) fits(begin time.Time) bool {
	return s.in.Span.Fits(begin, s.slow(begin))
}

// ownWindow says whether the window makes this job wait and not a quicker one:
// it passes by what is left of these cheap hours.
func (s *submission) ownWindow(v ledger.Verdict) bool {
	return v.Reason == ledger.ReasonWindow && len(s.in.Span.Pieces) > 0 && s.shape != "" && s.in.Span.Fits(s.now(), 0)
}

// tooOld says whether this attempt of the activity is too old to begin
// anything after another wait.
func (s *submission) tooOld(wait time.Duration) bool {
	return !s.lane && s.now().Sub(s.began)+wait > patience
}
