package gate

import (
	"time"

	"github.com/offpeak/offpeak/ledger"
)

// Foreign is what others who share the key use of one window: the part of the
// provider's own count that isn't ours. The provider's count alone is old by
// the time it is read, for our own sends go on; what others use changes slowly,
// and our own part is in the books to the last send.
type Foreign struct {
	Window string    // the provider's name of it
	Used   int64     // requests of others within the window
	Reset  time.Time // when the provider's oldest request leaves it; zero when not said
	At     time.Time // when that was heard
}

// Overlap is how many requests others have in a window: the provider's count
// without ours. Ours is the most that the provider can have counted of ours
// when it counted: all that this ledger had in the window at some instant
// between the sending of the request that brought the count and its answer.
//
// Whether the provider counts a request when it comes or when it ends isn't
// known for sure (Swarms docs, rate-limit-headers, 2026-07-13, say the latter).
// If it counts late, this is too low by what is in flight, and the provider is
// laxer by just as much.
func Overlap(limit, remaining, ours int64) int64 {
	return max(limit-max(remaining, 0)-max(ours, 0), 0)
}

// foreign is what others use of a window, as far as that is known: a span after
// it was heard all of it has left the window.
func (q *question) foreign(w ledger.Window) (Foreign, bool) {
	for _, f := range q.rules.Foreign {
		if f.Window != w.Name {
			continue
		}
		// Another worker's answer may be a little newer; one that is much newer
		// tells more than this.
		known := f.At.Add(w.Span).After(q.Now) && !f.At.Add(q.rules.Trust).Before(w.ToldAt)
		return f, known
	}
	return Foreign{}, false
}

// besides is a window's room beside others. A twentieth of what they use is
// kept free for what they do until the next answer tells. When that leaves
// nothing and nothing of ours is under way that would bring news, one request
// goes ahead as soon as the count is due to have changed.
func (q *question) besides(w ledger.Window, f Foreign) room {
	r := room{window: w, foreign: f.Used, end: w.Frees}
	if f.Used > 0 {
		r.left = w.Limit - w.Used - f.Used - max(1, f.Used/20)
	} else {
		r.left = w.Limit - w.Used
	}
	if r.left > 0 || w.Used >= w.Limit {
		return r
	}
	news := f.At.Add(min(q.rules.Trust, w.Span))
	if f.Reset.After(f.At) {
		news = earlier(news, f.Reset)
	}
	switch {
	case news.After(q.Now) && (r.end.IsZero() || news.Before(r.end)):
		r.end = news
	case !news.After(q.Now) && q.Key.InFlight <= 0:
		r.left = 1
	}
	return r
}
