package tariff

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/money"
)

// AlwaysOpen is the window of a provider without cheap hours: every instant is
// as good as any other. Zone is where its dates are counted.
//
// A night of it is the 24 hours from when work begins, to the same time of day
// on the next date, and its name is the date on which it begins: work that is
// asked for at 23:50 isn't cut off at midnight, and what isn't done after a day
// goes on as the next date's. Tokens cost Multiplier times the day price, which
// is the day price itself unless it says otherwise.
func AlwaysOpen(zone string) Window {
	w := unset
	w.Zone, w.Always = zone, true
	return w
}

// unset is a window of which nothing was given.
var unset = Window{Open: Unset, Close: Unset, StartAt: Unset, FinishBy: Unset, Buffer: UnsetBuffer}

// checkAlways says what can't stand beside always.
func (w Window) checkAlways() []FieldError {
	var errs []FieldError
	add := func(field, value string) {
		errs = append(errs, FieldError{field, value, "can't stand beside always: a window that never closes has no hours; remove one of the two"})
	}
	for _, c := range []struct {
		field string
		clock Clock
	}{{"open", w.Open}, {"close", w.Close}, {"start_at", w.StartAt}, {"finish_by", w.FinishBy}} {
		if c.clock != Unset {
			add(c.field, c.clock.String())
		}
	}
	if w.Buffer != UnsetBuffer {
		add("buffer", w.Buffer.String())
	}
	if len(w.Weekdays) > 0 {
		add("weekdays", dayList(w.Weekdays))
	}
	if len(w.Intervals) > 0 {
		add("intervals", fmt.Sprint(len(w.Intervals)))
	}
	return errs
}

// dayFrom is the span of an always-open window in which work begins at t.
func (w Window) dayFrom(loc *time.Location, t time.Time) Span {
	opens := t.In(loc).Truncate(time.Second)
	y, m, d := opens.Date()
	hour, minute, sec := opens.Clock()
	closes := onDate(loc, y, m, d+1, hour, minute, sec)
	return Span{
		Night: Night(opens.Format(dateLayout)), Zone: w.Zone,
		Opens: opens, Earliest: opens, StartAt: opens, Deadline: closes, Closes: closes,
	}
}

// dayOn is the span of an always-open window that begins with a date.
func (w Window) dayOn(loc *time.Location, d int64) Span {
	y, m, day := time.Unix(d*secondsPerDay, 0).UTC().Date()
	return w.dayFrom(loc, onDate(loc, y, m, day, 0, 0, 0))
}

// onDate is a time of day on a date; where the clocks skip it, one soon after
// that is on the date too.
func onDate(loc *time.Location, y int, m time.Month, d, hour, minute, sec int) time.Time {
	want := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Format(dateLayout)
	t := time.Date(y, m, d, hour, minute, sec, 0, loc)
	for range 3 { // time.Date may take the offset from before the change, and so land on the date before
		if t.Format(dateLayout) >= want {
			break
		}
		t = t.Add(time.Hour)
	}
	return t
}

// In is the card by which runs are priced that end inside of w: its own, with
// the multiplier of the window where that has one.
func (c Card) In(w Window) Card {
	if m := w.Fill().Multiplier; m != 0 {
		c.Night = m
	}
	return c
}

// multiplierProblem says what is wrong with a multiplier; "" when nothing is.
func multiplierProblem(m money.Ratio) string {
	if m < 0 || m > money.One {
		return "must be above 0 and at most 1: what a token costs inside the window, of its day price; half price is 0.5"
	}
	return ""
}
