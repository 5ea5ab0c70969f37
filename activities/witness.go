package activities

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// When absence from the provider's log proves that a request didn't run:
//
//  1. The run must be over, and the lag that the policy grants the log must
//     have passed since (due).
//  2. The log must not be behind (sight.behind).
//  3. Somebody must testify: the log itself, by a request of ours that ended
//     after this one could (sight.keepsUp); or the credits, by not having been
//     billed for anything that the books don't know of (funds).
//  4. The credits must not contradict: when they fell by more than the books
//     know of, the row may be one that the log lost.
//
// The lag alone proves nothing: a night in which nothing else was answered has
// no other way to tell a log that keeps up from one that is an hour late. While
// nobody testifies, the job waits and others go on, whose answers do.
//
// That the log shows a run that ended later shortens no lag: rows need not come
// in the order in which runs ended.

// due says whether the log must show a run by now, if it keeps to its lag.
func (s *submission) due(d ledger.Doubt, seen sight) bool {
	return !seen.began.Before(s.over(d).Add(s.batch.Policy.LogLag)) && !seen.began.Before(d.AbsentAfter)
}

// over is the latest moment at which a doubted run may have ended: when the
// server answered, else after the request timeout.
//
// AbsentAfter is the moment of an answer, or the end of timeout and lag.
func (s *submission) over(d ledger.Doubt) time.Time {
	if d.Answered {
		return d.AbsentAfter
	}
	end := d.SentAt.Add(s.in.RequestTimeout)
	if by := d.AbsentAfter.Add(-s.batch.Policy.LogLag); by.After(end) {
		return by
	}
	return end
}

// didntRun says whether it is proven that a job, which the log should show by
// now and doesn't, wasn't run; else why it isn't.
func (s *submission) didntRun(ctx context.Context, j ledger.Job, seen sight) (proven bool, why string, err error) {
	fell, err := s.fell(ctx, seen.funds, j.Doubt.SentAt)
	if err != nil {
		return false, "", err
	}
	switch {
	case fell.moved():
		return false, "not in the provider's log, and the credits fell by " + fell.loose.Dollars() + " that nothing accounts for", nil
	case seen.keepsUp(s.over(j.Doubt)), fell.unbilled(s.cheapest(j)):
		return true, "", nil
	}
	why = fell.silent
	switch {
	case why != "":
	case fell.loose > fell.within:
		why = "others spent with this key"
	case fell.loose < -fell.within:
		why = "they fell by " + (-fell.loose).Dollars() + " less than was charged"
	default:
		why = "what rounding may hide is more than it costs"
	}
	return false, "not in the provider's log, which shows nothing that ended later, so that it may be behind; the credits don't tell: " + why, nil
}

// cheapest is what a run of a job costs at the least: its agents, whose price
// knows no discount, or a micro-dollar.
func (s *submission) cheapest(j ledger.Job) money.USD {
	return max(s.batch.Card.PerAgent*money.USD(max(j.Agents, 1)), money.Micro)
}
