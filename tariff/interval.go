package tariff

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Interval is one stretch of cheap hours of a window that has several. Weekdays
// are the days on which it opens; empty: those of the window.
type Interval struct {
	Open     Clock          // first cheap second
	Close    Clock          // first dear one; before Open means on the next day; equal to Open is invalid
	Weekdays []time.Weekday // instead of the window's
}

// Several is the window of a provider whose cheap hours are in several
// stretches, in the order of the day. A night of it is made of those that open
// on one date, and is named by that date; work waits between them.
//
// Intervals may touch (nights, and all of Saturday): where one ends as another
// of the same date begins, a run may pass from one into the other. They may not
// overlap on any day of the week. StartAt and FinishBy don't exist here: work
// keeps Buffer away from both ends of each stretch. One interval alone is the
// same as Open and Close.
func Several(zone string, intervals ...Interval) Window {
	w := unset
	w.Zone, w.Intervals = zone, intervals
	return w
}

// String is the interval for people: "20:00 to 06:00 on sat, sun".
func (i Interval) String() string {
	s := fmt.Sprintf("%s to %s", i.Open, i.Close)
	if len(i.Weekdays) > 0 {
		s += " on " + dayList(i.Weekdays)
	}
	return s
}

// length is from Open to Close by the clock, in seconds; 0 when either is
// missing or they are equal.
func (i Interval) length() Clock {
	if !i.Open.valid() || !i.Close.valid() {
		return 0
	}
	return i.Close.after(i.Open)
}

// holds says whether the clock is inside the interval at a second of local
// time, and on which day it opened.
func (i Interval) holds(local int64) (day int64, ok bool) {
	sinceOpen := local - int64(i.Open)
	day = floorDiv(sinceOpen, secondsPerDay)
	return day, sinceOpen-day*secondsPerDay < int64(i.length()) && i.opensOn(day)
}

func (i Interval) opensOn(d int64) bool {
	return len(i.Weekdays) == 0 || slices.Contains(i.Weekdays, weekdayOf(d))
}

// hours are the intervals of the window, each with its weekdays.
func (w Window) hours() []Interval {
	if len(w.Intervals) == 0 {
		return []Interval{{w.Open, w.Close, w.Weekdays}}
	}
	all := slices.Clone(w.Intervals)
	for n := range all {
		if len(all[n].Weekdays) == 0 {
			all[n].Weekdays = w.Weekdays
		}
	}
	return all
}

// Nights are the days of the week on which the window opens; empty: all.
func (w Window) Nights() []time.Weekday {
	if len(w.Intervals) == 0 {
		return w.Weekdays
	}
	var days []time.Weekday
	for _, i := range w.hours() {
		if len(i.Weekdays) == 0 {
			return nil
		}
		days = append(days, i.Weekdays...)
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// simple is the window with a list of one interval written as open and close.
func (w Window) simple() Window {
	if len(w.Intervals) == 1 && w.Open == Unset && w.Close == Unset {
		w.Open, w.Close, w.Weekdays, w.Intervals = w.Intervals[0].Open, w.Intervals[0].Close, w.hours()[0].Weekdays, nil
	}
	return w
}

// shortest is the length of the shortest interval; 0 when one has none.
func (w Window) shortest() Clock {
	least := day
	for _, i := range w.hours() {
		least = min(least, i.length())
	}
	return least
}

// checkIntervals says what is wrong with a list of intervals, and with what
// stands beside it.
func (w Window) checkIntervals() []FieldError {
	var errs []FieldError
	add := func(field, value, format string, args ...any) {
		errs = append(errs, FieldError{field, value, fmt.Sprintf(format, args...)})
	}
	for _, c := range []struct {
		field, why string
		clock      Clock
	}{
		{"open", "each interval has its own", w.Open},
		{"close", "each interval has its own", w.Close},
		{"start_at", "work starts a buffer after each opening", w.StartAt},
		{"finish_by", "the last job ends a buffer before each close", w.FinishBy},
	} {
		if c.clock != Unset {
			add(c.field, c.clock.String(), "can't stand beside intervals: %s", c.why)
		}
	}
	whole := true
	for n, i := range w.Intervals {
		at := fmt.Sprintf("intervals[%d]", n)
		sound := true
		for _, c := range []struct {
			field string
			clock Clock
		}{{".open", i.Open}, {".close", i.Close}} {
			switch {
			case c.clock == Unset:
				sound = false
				add(at+c.field, "", "missing; an interval needs open and close")
			case !c.clock.valid():
				sound = false
				add(at+c.field, c.clock.String(), "not a time of day")
			}
		}
		if sound && i.Open == i.Close {
			sound = false
			add(at+".close", i.Close.String(), "equal to open, which leaves no interval; a whole day is two of them, 00:00 to 12:00 and 12:00 to 00:00")
		}
		errs = append(errs, checkDays(at+".weekdays", i.Weekdays)...)
		if n > 0 && sound && w.Intervals[n-1].Open.valid() && i.Open < w.Intervals[n-1].Open {
			add(at+".open", i.Open.String(), "comes before the one above it, which opens at %s: write intervals in the order of the day", w.Intervals[n-1].Open)
		}
		whole = whole && sound
	}
	if !whole {
		return errs
	}
	errs = append(errs, w.overlaps()...)
	if f := w.Fill(); w.Buffer >= 0 && 2*int64(f.Buffer/time.Second) >= int64(f.shortest()) {
		add("buffer", f.Buffer.String(), "leaves no time inside the shortest interval: twice the buffer must be less than its length of %s", f.shortest().duration())
	}
	return errs
}

// overlaps names each interval that isn't clear of one above it, with the first
// day of the week on which they meet.
func (w Window) overlaps() []FieldError {
	var errs []FieldError
	all := w.hours()
	for n, b := range all {
		for m, a := range all[:n] {
			if d, meet := a.meets(b); meet {
				on := ""
				if len(a.Weekdays)+len(b.Weekdays) > 0 {
					on = ", on " + weekdayName(d)
				}
				errs = append(errs, FieldError{fmt.Sprintf("intervals[%d]", n), w.Intervals[n].String(), fmt.Sprintf(
					"overlaps intervals[%d], %s%s: an hour belongs to one interval", m, w.Intervals[m], on)})
				break
			}
		}
	}
	return errs
}

// meets says whether two intervals are ever open at once, and on which day of
// the week the later one of the two opens then.
func (i Interval) meets(other Interval) (time.Weekday, bool) {
	const week, monday = 7 * secondsPerDay, 4
	for d := int64(monday); d < monday+7; d++ {
		for e := int64(monday); e < monday+7; e++ {
			if !i.opensOn(d) || !other.opensOn(e) {
				continue
			}
			// How long after the one the other opens, round the week.
			ahead := (e*secondsPerDay + int64(other.Open) - d*secondsPerDay - int64(i.Open) + 2*week) % week
			switch {
			case ahead < int64(i.length()):
				return weekdayOf(e), true
			case week-ahead < int64(other.length()):
				return weekdayOf(d), true
			}
		}
	}
	return 0, false
}

func dayList(days []time.Weekday) string {
	names := make([]string, len(days))
	for i, d := range days {
		names[i] = weekdayName(d)
	}
	return strings.Join(names, ", ")
}

// checkDays says what is wrong with days of the week.
func checkDays(field string, days []time.Weekday) []FieldError {
	var errs []FieldError
	for i, d := range days {
		if d < time.Sunday || d > time.Saturday {
			errs = append(errs, FieldError{field, fmt.Sprint(int(d)), "not a day of the week"})
		} else if slices.Contains(days[:i], d) {
			errs = append(errs, FieldError{field, weekdayName(d), "named twice"})
		}
	}
	return errs
}
