package gate

import "github.com/offpeak/offpeak/ledger"

// The rules that end a job's night: stopped, key, budget, window; and credits,
// which may.

func (q *question) stopped() *ledger.Verdict {
	if q.Batch.Stopped == "" {
		return nil
	}
	return &ledger.Verdict{Action: ledger.Cancel, Reason: ledger.ReasonStopped, Detail: "the batch was stopped: " + line(q.Batch.Stopped)}
}

func (q *question) key() *ledger.Verdict {
	if q.Key.Closed == "" {
		return nil
	}
	return &ledger.Verdict{Action: ledger.Cancel, Reason: ledger.ReasonKey, Detail: "nothing is sent with this key: " + line(q.Key.Closed)}
}

// budget compares ceilings, not estimates: what is let through can't break a
// cap whatever it turns out to cost. A cap of zero allows nothing.
func (q *question) budget() *ledger.Verdict {
	caps, ceiling := q.Batch.Budget, q.Job.Ceiling
	if ceiling > caps.PerJob {
		return skip("may cost " + ceiling.Dollars() + ", above the cap of " + caps.PerJob.Dollars() + " a job")
	}
	if q.Held+q.Charged+ceiling <= caps.Batch {
		return nil
	}
	spoken := q.Charged.Dollars() + " charged"
	if q.Held > 0 {
		spoken += " and " + q.Held.Dollars() + " set aside"
	}
	// What is charged is gone; only what is set aside can come back, as other
	// runs settle below their ceilings.
	if q.Held <= 0 || q.Charged+ceiling > caps.Batch {
		return skip("may cost " + ceiling.Dollars() + ": no room under the batch's cap of " + caps.Batch.Dollars() + " with " + spoken)
	}
	return q.wait(ledger.ReasonBudget, q.Now.Add(q.rules.Moment),
		"may cost %s: waits for room under the batch's cap of %s with %s", ceiling.Dollars(), caps.Batch.Dollars(), spoken)
}

func skip(detail string) *ledger.Verdict {
	return &ledger.Verdict{Action: ledger.Skip, Reason: ledger.ReasonBudget, Detail: detail}
}

// window is admission by finish time: the price of a run is decided when it
// ends, so what counts is whether its slow end falls before the deadline.
func (q *question) window() *ledger.Verdict {
	if q.Now.After(q.last) {
		return &ledger.Verdict{Action: ledger.Park, Reason: ledger.ReasonWindow, Detail: q.tooLate()}
	}
	if q.Now.Before(q.Span.Earliest) {
		return q.wait(ledger.ReasonWindow, q.Span.Earliest, "the window is open for sends from %s", q.second(q.Span.Earliest))
	}
	return nil
}

// credits holds until someone adds credits or resumes; nobody can say when, so
// it asks again every CreditsEvery for as long as the night allows.
func (q *question) credits() *ledger.Verdict {
	if q.Key.Hold == "" {
		return nil
	}
	return q.wait(ledger.ReasonCredits, q.Now.Add(q.rules.CreditsEvery), "waits for credits: %s", line(q.Key.Hold))
}
