package gate

import (
	"time"

	"github.com/offpeak/offpeak/ledger"
)

// The rules of when to go again after a refusal, and who goes first: retry,
// floor, pilot.

// retry keeps a job's own backoff: Temporal may hand an attempt over early.
func (q *question) retry() *ledger.Verdict {
	if !q.Job.NotBefore.After(q.Now) {
		return nil
	}
	return q.wait(ledger.ReasonRetry, q.Job.NotBefore, "its next try is due at %s", q.second(q.Job.NotBefore))
}

// floor keeps Retry-After to the letter. Behind it jobs aren't released as a
// herd, which would only meet the limit again: the first goes alone until an
// answer comes (or none for PilotGrace: a refusal would have come at once),
// and for one span of the shortest window the others follow at a pace: first
// the one that this window sustains, then ever faster, up to ten times that. So
// a limit that still holds is met by few, and what the window allows is out
// within about a seventh of it when the wait was for somebody else's sake.
func (q *question) floor() *ledger.Verdict {
	k := q.Key
	if k.Floor.IsZero() {
		return nil
	}
	if k.Floor.After(q.Now) {
		why := ""
		if k.FloorWhy != "" {
			why = ": " + line(k.FloorWhy)
		}
		return q.wait(ledger.ReasonFloor, k.Floor, "nothing is sent before %s%s", q.second(k.Floor), why)
	}
	if k.LastSent.Before(k.Floor) {
		return nil // this one is the first
	}
	if k.InFlight > 0 && k.Proven.Before(k.Floor) {
		probe := k.LastSent // when older requests are still going, only the last is surely behind the floor
		if !k.Oldest.Before(k.Floor) {
			probe = k.Oldest
		}
		if silent := probe.Add(q.rules.PilotGrace); silent.After(q.Now) {
			return q.wait(ledger.ReasonFloor, earlier(q.Now.Add(q.rules.Poll), silent),
				"one request goes ahead after the wait until %s", q.second(k.Floor))
		}
	}
	w := shortest(k.Windows)
	if w == nil {
		return nil
	}
	gap := releaseGap(*w, k.LastSent.Sub(k.Floor))
	next := earlier(k.LastSent.Add(gap), k.Floor.Add(w.Span))
	if next.After(q.Now) {
		return q.wait(ledger.ReasonFloor, next, "sends go %s apart after the wait until %s", gap.Round(time.Millisecond), q.second(k.Floor))
	}
	return nil
}

// A release behind a floor begins at the sustained pace and is releaseTop times
// as fast after a releaseRamp-th of the window.
const (
	releaseTop  = 10
	releaseRamp = 10
)

// releaseGap is how long after a send that left that long behind the floor the
// next one may go. It depends on that send alone and not on who asks when.
func releaseGap(w ledger.Window, behind time.Duration) time.Duration {
	ramp := max(w.Span/releaseRamp, 1)
	gap := w.Span / time.Duration(w.Limit)
	// The pace grows in hundredths, so that it needs no fraction: 100 at first, 1000 in the end.
	pace := 100 + (releaseTop-1)*100*min(max(behind, 0), ramp)/ramp
	return gap / pace * 100
}

// pilot lets one request go ahead each night until the key is proven, so that
// a key that was revoked by day is refused once and not a hundred times.
func (q *question) pilot() *ledger.Verdict {
	k := q.Key
	if k.InFlight <= 0 || !k.Proven.Before(q.Span.Opens) {
		return nil
	}
	silent := k.Oldest.Add(q.rules.PilotGrace)
	if !silent.After(q.Now) {
		return nil
	}
	return q.wait(ledger.ReasonPilot, earlier(q.Now.Add(q.rules.Poll), silent), "the night's first request goes ahead until the key is proven")
}

func shortest(ws []ledger.Window) *ledger.Window {
	var found *ledger.Window
	for i := range ws {
		if w := &ws[i]; w.Limit > 0 && w.Span > 0 && (found == nil || w.Span < found.Span) {
			found = w
		}
	}
	return found
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
