package nightly

import (
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// A window of several intervals opens at other times on some days of the week
// than on others, while a schedule fires at one. So it need not fire inside of
// the cheap hours: a night waits for them. It has to fire on the date of its
// night, and while that night is still to come or goes on.

// severalOn judges a start at t for the night of date d. It returns what is
// wrong, and how much later the start may be made and still reach that night;
// there is false when the window doesn't open on that date.
func (s *scheduled) severalOn(d, t time.Time) (left time.Duration, there bool, wrong string) {
	night := tariff.Night(d.Format(time.DateOnly))
	span, err := s.window.On(night)
	if err != nil {
		return 0, false, ""
	}
	start, err := s.window.Decide(t, s.slow)
	switch {
	case err != nil:
		return 0, true, err.Error()
	case start.Span.Night != night:
		return 0, true, fmt.Sprintf("on %s it would start the night of %s: %s %s isn't before the end of that date's cheap hours, %s, or lies in those of the night before; take %s, when its first ones begin",
			d.Format("Mon "+time.DateOnly), start.Span.Night, s.at, s.zone, span.Hours(), s.window.Starts())
	}
	for _, p := range slices.Backward(span.Parts()) {
		if last := p.Deadline.Add(-s.slow); !last.Before(p.Earliest) {
			return last.Sub(t), true, ""
		}
	}
	return 0, true, fmt.Sprintf("on %s no stretch of the cheap hours, %s, has room for a job of up to %s", d.Format("Mon "+time.DateOnly), span.Hours(), s.slow)
}

// nightOf is the night that a start at t is for: the one that t lies in, or of a
// window of several intervals the one that it would wait for.
func nightOf(w tariff.Window, t time.Time) (tariff.Span, bool) {
	if len(w.Fill().Intervals) == 0 {
		return w.Containing(t)
	}
	start, err := w.Decide(t, 0)
	return start.Span, err == nil
}
