package gate

import (
	"fmt"

	"github.com/offpeak/offpeak/ledger"
)

// The rules that end a job's night: stopped, key, budget, window; and those that
// may: halted, paused, credits.

func (q *question) stopped() *ledger.Verdict {
	if q.Batch.Stopped == "" {
		return nil
	}
	return &ledger.Verdict{Action: ledger.Cancel, Reason: ledger.ReasonStopped, Detail: "the batch was stopped: " + line(q.Batch.Stopped)}
}

// halted and paused hold until somebody says otherwise. They ask again every
// moment, so that a resumed night goes on at once; the deadline parks what
// still waits.
func (q *question) halted() *ledger.Verdict {
	if !q.Halt.On() {
		return nil
	}
	what := "everything is halted "
	if q.Halt.Key != "" {
		what = "the key is halted "
	}
	return q.wait(ledger.ReasonHalted, q.Now.Add(q.rules.Moment), "%s", what+line(q.Halt.String()))
}

func (q *question) paused() *ledger.Verdict {
	if !q.Batch.Paused.On() {
		return nil
	}
	return q.wait(ledger.ReasonPaused, q.Now.Add(q.rules.Moment), "%s", "the batch is paused "+line(q.Batch.Paused.String()))
}

func (q *question) key() *ledger.Verdict {
	if q.Key.Closed == "" {
		return nil
	}
	return &ledger.Verdict{Action: ledger.Cancel, Reason: ledger.ReasonKey, Detail: "nothing is sent with this key: " + line(q.Key.Closed)}
}

// budget compares ceilings, not estimates: what is let through can't break a
// cap whatever it turns out to cost. A cap of zero on a job or on a batch
// allows nothing.
func (q *question) budget() *ledger.Verdict {
	ceiling := q.Job.Ceiling
	if limit := q.Batch.Budget.PerJob; ceiling > limit {
		return skip("may cost " + ceiling.Dollars() + ", above the cap of " + limit.Dollars() + " a job")
	}
	var wait *ledger.Verdict
	for _, r := range q.Rooms() {
		if r.Held+r.Charged+ceiling <= r.Cap {
			continue
		}
		spoken := r.Charged.Dollars() + " charged"
		if r.Held > 0 {
			spoken += " and " + r.Held.Dollars() + " set aside"
		}
		// What is charged is gone; only what is set aside can come back, as other
		// runs settle below their ceilings.
		if r.Held <= 0 || r.Charged+ceiling > r.Cap {
			return skip("may cost " + ceiling.Dollars() + ": no room under " + r.Name + " of " + r.Cap.Dollars() + " with " + spoken)
		}
		if wait == nil {
			wait = q.wait(ledger.ReasonBudget, q.Now.Add(q.rules.Poll),
				"may cost %s: waits for room under %s of %s with %s", ceiling.Dollars(), r.Name, r.Cap.Dollars(), spoken)
		}
	}
	return wait
}

func skip(detail string) *ledger.Verdict {
	return &ledger.Verdict{Action: ledger.Skip, Reason: ledger.ReasonBudget, Detail: detail}
}

// window is admission by finish time: the price of a run is decided when it
// ends, so what counts is whether its slow end falls before the deadline. In a
// night of several pieces it waits for the next one that is long enough, and
// parks after the last.
func (q *question) window() *ledger.Verdict {
	at, ok := q.Span.Slot(q.Now, q.Slow)
	switch {
	case !ok:
		return &ledger.Verdict{Action: ledger.Park, Reason: ledger.ReasonWindow, Detail: q.tooLate()}
	case !at.After(q.Now):
		return nil
	case q.Now.Before(q.Span.Earliest):
		return q.wait(ledger.ReasonWindow, at, "the window is open for sends from %s", q.second(at))
	}
	why := "these cheap hours are over"
	if p, open := q.Span.Open(q.Now); open && q.Now.Before(p.Deadline) {
		why = fmt.Sprintf("could not end by %s: may take %s", q.minute(p.Deadline), q.Slow)
		if q.Now.Before(p.Earliest) {
			why = "these cheap hours have just begun"
		}
	}
	return q.wait(ledger.ReasonWindow, at, "%s; the window is open again for sends from %s", why, q.second(at))
}

// credits holds until someone adds credits or resumes; nobody can say when, so
// it asks again every CreditsEvery for as long as the night allows.
func (q *question) credits() *ledger.Verdict {
	if q.Key.Hold == "" {
		return nil
	}
	return q.wait(ledger.ReasonCredits, q.Now.Add(q.rules.CreditsEvery), "waits for credits: %s", line(q.Key.Hold))
}
