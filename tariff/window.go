package tariff

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
)

// Night is the date on which a window opens, in the window's own zone, as
// "2006-01-02".
type Night string

// Window is a price window as data: the hours, in a zone, in which tokens are
// cheap, and how far inside of them we stay. Its JSON form is in json.go.
//
// StartAt, FinishBy and Buffer may be left open ([Unset], [UnsetBuffer]):
// every method reads the window as [Window.Fill] completes it. A provider
// without cheap hours has one that is [AlwaysOpen], one whose cheap hours come
// in several stretches one of [Several].
type Window struct {
	Zone     string         // IANA name, "America/Los_Angeles"
	Open     Clock          // first cheap second of the day, 20:00
	Close    Clock          // first dear second, 06:00; before Open means on the next day; equal to Open is invalid
	StartAt  Clock          // when a night's work starts, 21:00: an hour inside
	FinishBy Clock          // when the last job should have ended, 05:00: an hour inside
	Buffer   time.Duration  // nothing starts within Buffer after Open or ends within Buffer before Close; 15 min
	Weekdays []time.Weekday // nights on which it opens; empty means every night

	Intervals  []Interval  // instead of Open and Close: several stretches a night, in the order of the day; see [Several]
	Always     bool        // open at every hour, instead of all of the above but Zone
	Multiplier money.Ratio // of the day price of tokens, inside; 0: as the rate card says
}

// UnsetBuffer is a Buffer that wasn't given. The zero Buffer is none at all.
const UnsetBuffer time.Duration = math.MinInt64

// fourHours is the length from which a window has room for margins of an hour.
const fourHours = 4 * hour

// Fill completes what wasn't given. The margins of a window of four hours or
// more are those of the Swarms night-mode guide: a buffer of 15 minutes, start
// an hour after the opening, be done an hour before the close. A shorter
// window has a sixteenth of its length as the buffer, rounded down to the
// second (none below 16 seconds), and starts and finishes a buffer inside. Of
// several intervals the shortest decides on the buffer.
func (w Window) Fill() Window {
	if w.Always && w.Multiplier == 0 {
		w.Multiplier = money.One // no cheap hours, no discount
	}
	w = w.simple()
	if len(w.Intervals) > 0 {
		if shortest := w.shortest(); w.Buffer == UnsetBuffer && shortest > 0 {
			w.Buffer = defaultBuffer(shortest)
		}
		return w
	}
	length := w.length()
	if length == 0 {
		return w // nothing to measure from; Check says why
	}
	if w.Buffer == UnsetBuffer {
		w.Buffer = defaultBuffer(length)
	}
	margin := hour
	if length < fourHours {
		// The buffer may have been given, and be nonsense: clocks stay clocks.
		margin = min(max(Clock(w.Buffer/time.Second), 0), length)
	}
	if w.StartAt == Unset {
		w.StartAt = (w.Open + margin) % day
	}
	if w.FinishBy == Unset {
		w.FinishBy = (w.Close - margin + day) % day
	}
	return w
}

func defaultBuffer(length Clock) time.Duration {
	if length < fourHours {
		return time.Duration(length/16) * time.Second
	}
	return 15 * time.Minute
}

// length is from Open to Close by the clock, in seconds; 0 when either is
// missing or they are equal. The real length of a night is [Span.Length].
func (w Window) length() Clock { return Interval{Open: w.Open, Close: w.Close}.length() }

// String is the hours for people: "20:00 to 06:00 America/Los_Angeles".
func (w Window) String() string {
	if w.Always {
		return "always open, " + w.Zone
	}
	s := fmt.Sprintf("%s to %s %s", w.Open, w.Close, w.Zone)
	if len(w.Intervals) > 0 {
		all := make([]string, len(w.Intervals))
		for n, i := range w.Intervals {
			all[n] = i.String()
		}
		s = strings.Join(all, " and ") + ", " + w.Zone
	}
	if len(w.Weekdays) > 0 {
		s += " on " + dayList(w.Weekdays)
	}
	return s
}

// Starts is the time of day at which a night's work begins that was asked for
// before: the hour of a schedule that doesn't say its own.
func (w Window) Starts() Clock {
	switch w = w.Fill(); {
	case w.Always:
		return 0
	case len(w.Intervals) > 0:
		return (w.Intervals[0].Open + Clock(w.Buffer/time.Second)) % day
	}
	return w.StartAt
}

// FieldError says what is wrong with one field of a window or of a card.
type FieldError struct {
	Field   string // as in JSON: "start_at"
	Value   string // as given; "" when missing
	Message string // what is wrong and what to do
}

// Error is one line: field, value, message.
func (e FieldError) Error() string {
	if e.Value == "" {
		return e.Field + ": " + e.Message
	}
	return fmt.Sprintf("%s %q: %s", e.Field, clip(e.Value), e.Message)
}

// Check says everything that is wrong with the window at once; nil when
// nothing is. What wasn't given is judged by the default that Fill puts there.
// Along the night, open <= start_at < finish_by <= close must hold, and the
// buffer must leave time between them.
func (w Window) Check() []FieldError {
	var errs []FieldError
	add := func(field, value, format string, args ...any) {
		errs = append(errs, FieldError{field, value, fmt.Sprintf(format, args...)})
	}

	if _, err := location(w.Zone); err != nil {
		add("zone", w.Zone, `not a known time zone; use an IANA name such as "America/Los_Angeles"`)
	}
	errs = append(errs, checkDays("weekdays", w.Weekdays)...)
	if wrong := multiplierProblem(w.Multiplier); wrong != "" {
		add("multiplier", w.Multiplier.String(), "%s", wrong)
	}
	if w.Always {
		return append(errs, w.checkAlways()...)
	}
	w = w.simple()
	if len(w.Intervals) > 0 {
		if w.Buffer < 0 && w.Buffer != UnsetBuffer {
			add("buffer", w.Buffer.String(), "can't be below zero")
		}
		return append(errs, w.checkIntervals()...)
	}

	whole := true // every clock is missing or a time of day
	for _, c := range []struct {
		field string
		clock Clock
		must  bool
	}{{"open", w.Open, true}, {"close", w.Close, true}, {"start_at", w.StartAt, false}, {"finish_by", w.FinishBy, false}} {
		switch {
		case c.clock == Unset && c.must:
			whole = false
			add(c.field, "", "missing; a window needs open and close")
		case c.clock != Unset && !c.clock.valid():
			whole = false
			add(c.field, c.clock.String(), "not a time of day")
		}
	}
	if whole && w.Open == w.Close {
		whole = false
		add("close", w.Close.String(), "equal to open, which leaves no window; one that never closes is written as window: always")
	}
	if w.Buffer < 0 && w.Buffer != UnsetBuffer {
		add("buffer", w.Buffer.String(), "can't be below zero")
		w.Buffer = UnsetBuffer // the rest is judged as if it weren't there
	}
	if !whole {
		return errs
	}
	return append(errs, w.checkMargins()...)
}

// checkMargins judges start_at, finish_by and buffer of a window whose clocks
// are sound and whose buffer isn't negative.
func (w Window) checkMargins() []FieldError {
	f := w.Fill()
	length := f.length().duration()
	start, finish := f.StartAt.after(f.Open).duration(), f.FinishBy.after(f.Open).duration()
	hours := fmt.Sprintf("the window, %s to %s", f.Open, f.Close)

	if f.Buffer >= length/2+length%2 { // that is 2 x buffer >= length, without overflow
		return []FieldError{{"buffer", f.Buffer.String(), fmt.Sprintf(
			"leaves no time inside %s: twice the buffer must be less than its length of %s", hours, length)}}
	}
	var errs []FieldError
	if start >= length {
		errs = append(errs, FieldError{"start_at", f.StartAt.String(), "must be inside " + hours})
	}
	if finish == 0 || finish > length {
		errs = append(errs, FieldError{"finish_by", f.FinishBy.String(), "must be inside " + hours + ", after its opening"})
	}
	if errs != nil {
		return errs
	}
	switch {
	case start >= finish:
		errs = append(errs, FieldError{"start_at", f.StartAt.String(), fmt.Sprintf(
			"must come before finish_by %s along the night", f.FinishBy)})
	case start >= length-f.Buffer:
		errs = append(errs, FieldError{"start_at", f.StartAt.String(), fmt.Sprintf(
			"is within the buffer of %s before the close at %s, so nothing could end in time", f.Buffer, f.Close)})
	case finish <= f.Buffer:
		errs = append(errs, FieldError{"finish_by", f.FinishBy.String(), fmt.Sprintf(
			"is within the buffer of %s after the opening at %s, so nothing could start in time", f.Buffer, f.Open)})
	}
	return errs
}

func (c Clock) duration() time.Duration { return time.Duration(c) * time.Second }
