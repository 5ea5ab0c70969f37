package gate

import (
	"time"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// room is what one rate-limit window has left, by one of the two counts.
type room struct {
	window ledger.Window
	told   bool      // by the provider's count, else by ours
	left   int64     // requests that may still be sent
	end    time.Time // when this count stops being true; zero when unknown

	foreign int64 // requests of others in it, where that is known
}

// rooms lists the counts to keep. Ours is exact for what this ledger sent. The
// provider's also sees other users of the key: where a worker has told theirs
// from ours, their part is added to ours, else the provider's count is a second
// one to keep. It counts a run only when it has ended (Swarms docs, rate limits,
// 2026-07-13), so what is in flight is taken off it. A limit of zero is no
// limit, or none that is known.
func (q *question) rooms() []room {
	var all []room
	for _, w := range q.Key.Windows {
		if w.Limit <= 0 || w.Span <= 0 {
			continue
		}
		if f, known := q.foreign(w); known {
			all = append(all, q.besides(w, f))
			continue
		}
		all = append(all, room{window: w, left: w.Limit - w.Used, end: w.Frees})
		if end := q.believedUntil(w); end.After(q.Now) {
			all = append(all, room{window: w, told: true, left: w.Remaining - int64(q.Key.InFlight), end: end})
		}
	}
	return all
}

// believedUntil is when the provider's count of a window is too old to hold
// anything back: at its reset, or a span after it was told. A count without a
// reset time (the Swarms headers give one for the minute only) ages sooner,
// for its window slides and nobody says when it frees.
func (q *question) believedUntil(w ledger.Window) time.Time {
	switch {
	case w.Remaining < 0 || w.ToldAt.IsZero():
		return time.Time{}
	case w.Reset.IsZero():
		return w.ToldAt.Add(min(w.Span, q.rules.Trust))
	}
	return earlier(w.Reset, w.ToldAt.Add(w.Span))
}

// quota keeps every window. Of several full ones it names the one that frees
// last: nothing leaves before.
func (q *question) quota() *ledger.Verdict {
	var worst *ledger.Verdict
	for _, r := range q.rooms() {
		if r.left > 0 {
			continue
		}
		v := q.full(r)
		if v.Action == ledger.Park {
			return v
		}
		if worst == nil || v.Until.After(worst.Until) {
			worst = v
		}
	}
	return worst
}

func (q *question) full(r room) *ledger.Verdict {
	w := r.window
	switch {
	case r.told:
		return q.wait(ledger.ReasonQuota, r.end, "the provider has %d of %d requests per %s left and %d are in flight; counts anew at %s",
			w.Remaining, w.Limit, w.Name, q.Key.InFlight, q.second(r.end))
	case r.foreign > 0 && w.Used < w.Limit:
		return q.wait(ledger.ReasonQuota, r.end, "%d of %d requests per %s are used and %d by others; looks again at %s",
			w.Used, w.Limit, w.Name, r.foreign, q.second(r.end))
	case r.end.After(q.Now):
		return q.wait(ledger.ReasonQuota, r.end, "%d of %d requests per %s are used; one frees at %s", w.Used, w.Limit, w.Name, q.second(r.end))
	}
	// All that fill it are in flight: they count from their end, whenever that is.
	return q.wait(ledger.ReasonQuota, q.Now.Add(q.rules.Moment), "%d of %d requests per %s are in flight", w.Used, w.Limit, w.Name)
}

// slowDown spreads the last tenth of a window evenly over what is left of it.
// Whoever has more to send than the window allows loses nothing, for the rest
// waits for the window's end anyway; and a limit that someone else also uses up
// is seen before it is met. It ends before the last useful instant of the
// night, so it never parks a job. A window of fewer than ten has no last tenth.
//
// The next instant depends on the last send, not on now: the same question
// asked later never gets a later answer.
func (q *question) slowDown() *ledger.Verdict {
	var latest time.Time
	var tight room
	for _, r := range q.rooms() {
		if next := q.spread(r); next.After(q.Now) && next.After(latest) {
			latest, tight = next, r
		}
	}
	if latest.IsZero() {
		return nil
	}
	return q.wait(ledger.ReasonSlowDown, latest, "%d of %d requests per %s are left: the next goes at %s",
		tight.left, tight.window.Limit, tight.window.Name, q.second(latest))
}

func (q *question) spread(r room) time.Time {
	sent, below := q.Key.LastSent, share(r.window.Limit, q.rules.SlowDownBelow)
	if below < 1 || r.left < 1 || sent.IsZero() || !under(r.left, r.window.Limit, q.rules.SlowDownBelow) {
		return time.Time{}
	}
	var gap time.Duration
	if end := r.end; end.IsZero() {
		gap = r.window.Span / time.Duration(below) // a tenth over a whole span: what a burst leaves
	} else {
		gap = end.Sub(sent) / time.Duration(r.left)
	}
	gap = min(gap, q.rules.SlowestPace, q.last.Sub(sent)/time.Duration(r.left))
	return sent.Add(gap)
}

// under is left/limit < r, exactly and without overflow for r up to one.
func under(left, limit int64, r money.Ratio) bool {
	whole := share(limit, r)
	if limit%int64(money.One)*int64(r)%int64(money.One) != 0 {
		return left <= whole // the share lies between whole and the next integer
	}
	return left < whole
}

// share is r of n, rounded down.
func share(n int64, r money.Ratio) int64 {
	one, k := int64(money.One), int64(r)
	return n/one*k + n%one*k/one
}
