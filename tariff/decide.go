package tariff

import (
	"errors"
	"fmt"
	"time"
)

// Start is when a night begins, and why then.
type Start struct {
	Span   Span      `json:"span"`
	At     time.Time `json:"at"`     // the instant of the first send
	Reason string    `json:"reason"` // one line for people: "asked for at 10:00 PST; waits for 21:00 PST (05:00 UTC)"
}

// spansTried is how many nights Decide looks at: the next one may be shorter
// than most because of a change of the clocks, and the ones after it aren't.
const spansTried = 3

// Of several intervals, with weekdays of their own, a week is looked at: the
// nights of a weekend may be the only ones that are long enough.
const weekTried = 8

// Decide says when work that is asked for now should begin. Slow is how long
// the slowest job may take: since the price is decided when a run ends, a
// start is worth making only if such a job still ends by the deadline.
//
// Asked for inside the window, it starts at once, though not within the buffer
// after the opening. Asked for by day, or too late to be worth starting, it
// waits for StartAt of the next night; it never starts by day. If no night
// holds a job as slow as that, the error names both lengths.
func (w Window) Decide(asked time.Time, slow time.Duration) (Start, error) {
	if slow < 0 {
		return Start{}, fmt.Errorf("decide start: slowest job takes %s, which is below zero", slow)
	}
	w, loc, err := w.ready()
	if err != nil {
		return Start{}, fmt.Errorf("decide start: %w", err)
	}
	asked = asked.In(loc).Round(0) // no monotonic clock: this is kept and compared across machines
	why := "asked for at " + clockText(asked)

	if s, ok := w.during(loc, asked); ok {
		at, left := s.Slot(asked, slow)
		p, open := s.Open(asked)
		switch {
		case !left:
			why += fmt.Sprintf(", too late for a job of %s to end by %s", slow, clockText(s.Deadline))
		case !at.After(asked) && w.Always:
			return Start{Span: s, At: at, Reason: why + ", and the window never closes; starts at once"}, nil
		case !at.After(asked):
			return Start{Span: s, At: at, Reason: why + ", inside the window; starts at once"}, nil
		case open && at.Before(p.Closes):
			why += fmt.Sprintf(", within %s of the opening; starts at %s", w.Buffer, withUTC(at))
			return Start{Span: s, At: at, Reason: why}, nil
		case open:
			why += fmt.Sprintf(", too late in these cheap hours for a job of %s; waits for %s", slow, waitText(asked, at))
			return Start{Span: s, At: at, Reason: why}, nil
		default:
			why += ", between two stretches of cheap hours; waits for " + waitText(asked, at)
			return Start{Span: s, At: at, Reason: why}, nil
		}
	}

	var longest time.Duration
	tried := spansTried
	if len(w.Intervals) > 0 {
		tried = weekTried
	}
	for after, i := asked, 0; i < tried; i++ {
		s, err := w.next(loc, after)
		if err != nil {
			return Start{}, fmt.Errorf("decide start: %w", err)
		}
		if at, ok := s.Slot(s.StartAt, slow); ok {
			return Start{Span: s, At: at, Reason: why + "; waits for " + waitText(asked, at)}, nil
		}
		longest, after = max(longest, s.longest()), s.Opens
	}
	if len(w.Intervals) > 0 {
		return Start{}, fmt.Errorf("decide start: %w: slowest job may take %s, the longest stretch of cheap hours, less a buffer of %s at both ends, has %s; "+
			"shorten the request timeout or the buffer", ErrTooSlow, slow, w.Buffer, longest)
	}
	return Start{}, fmt.Errorf("decide start: %w: slowest job may take %s, a night from start_at %s to finish_by %s with a buffer of %s has %s; "+
		"shorten the request timeout or move start_at and finish_by apart", ErrTooSlow, slow, w.StartAt, w.FinishBy, w.Buffer, longest)
}

// ErrTooSlow is wrapped by Decide's error when no night holds a job as slow as
// the slowest may be.
var ErrTooSlow = errors.New("no night is long enough for one job")

// clockText is "21:00 PST", with seconds where there are some.
func clockText(t time.Time) string {
	if t.Second() != 0 {
		return t.Format("15:04:05 MST")
	}
	return t.Format("15:04 MST")
}

// bareClock is clockText without the zone.
func bareClock(t time.Time) string {
	if t.Second() != 0 {
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// withUTC is "21:00 PST (05:00 UTC)".
func withUTC(t time.Time) string {
	s := clockText(t)
	if utc := clockText(t.UTC()); utc != s {
		s += " (" + utc + ")"
	}
	return s
}

// waitText names the day too when the wait is so long that the time alone
// would mislead.
func waitText(asked, at time.Time) string {
	if at.Sub(asked) >= 24*time.Hour {
		return at.Format("Mon 2006-01-02 ") + withUTC(at)
	}
	return withUTC(at)
}
