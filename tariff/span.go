package tariff

import (
	"fmt"
	"slices"
	"time"
)

// Span is one night of a window as instants: a half-open interval
// [Opens, Closes). On the night that summer time begins the Swarms window is 9
// hours long, on the night that it ends 11, else 10.
//
// Of a window that is always open it is a day, see [AlwaysOpen].
//
// In every span that this package returns, Opens <= Earliest <= StartAt <
// Deadline <= Closes - Buffer, and each instant from Opens up to Closes is
// cheap; of a night with Pieces, each instant of a piece. Its times are in the
// window's zone.
type Span struct {
	Night    Night     `json:"night"`
	Opens    time.Time `json:"opens"`
	Closes   time.Time `json:"closes"`
	StartAt  time.Time `json:"start_at"` // when work begins if it was asked for before
	Deadline time.Time `json:"deadline"` // when the last job must have ended: the earlier of FinishBy and Closes - Buffer
	Earliest time.Time `json:"earliest"` // Opens + Buffer: no start before

	Zone string `json:"zone,omitempty"` // the window's: instants keep only their offset through JSON

	// Pieces are the cheap stretches of a night that has several, in order: it
	// opens with the first and closes with the last, and between them it is day.
	// Empty: there is one, from Opens to Closes.
	Pieces []Piece `json:"pieces,omitempty"`
}

// Location is the window's zone, for showing times to people. A span that
// doesn't name it has the zone of its instants.
func (s Span) Location() *time.Location {
	if loc, err := location(s.Zone); err == nil {
		return loc
	}
	return s.Opens.Location()
}

// Same says whether two spans are the same instants, however their zones are
// written.
func (s Span) Same(t Span) bool {
	return s.Night == t.Night && s.Opens.Equal(t.Opens) && s.Closes.Equal(t.Closes) &&
		s.StartAt.Equal(t.StartAt) && s.Deadline.Equal(t.Deadline) && s.Earliest.Equal(t.Earliest) &&
		slices.EqualFunc(s.Pieces, t.Pieces, func(a, b Piece) bool {
			return a.Opens.Equal(b.Opens) && a.Closes.Equal(b.Closes) && a.Earliest.Equal(b.Earliest) && a.Deadline.Equal(b.Deadline)
		})
}

// Length is how long the window is really open that night.
func (s Span) Length() time.Duration {
	open := time.Duration(0)
	for _, p := range s.Parts() {
		open += p.Closes.Sub(p.Opens)
	}
	return open
}

// Cheap says whether a run that ends at t gets the night price, by the
// provider's own rule: the wall clock in the zone is in [Open, Close) (Swarms
// night-mode guide: hour >= 20 or hour < 6), of a night on which the window
// opens. A window that isn't valid is never cheap.
func (w Window) Cheap(t time.Time) bool {
	loc, err := location(w.Zone)
	if err != nil {
		return false
	}
	_, ok := w.cheap(loc, t)
	return ok
}

// cheap is Cheap, with the night that t belongs to.
func (w Window) cheap(loc *time.Location, t time.Time) (night int64, ok bool) {
	_, offset := t.In(loc).Zone()
	if w.Always {
		return floorDiv(t.Unix()+int64(offset), secondsPerDay), true
	}
	local := t.Unix() + int64(offset)
	if len(w.Intervals) == 0 {
		return Interval{w.Open, w.Close, w.Weekdays}.holds(local)
	}
	for _, i := range w.hours() {
		if night, ok = i.holds(local); ok {
			return night, true
		}
	}
	return night, false
}

func (w Window) opensOn(d int64) bool {
	return len(w.Weekdays) == 0 || slices.Contains(w.Weekdays, weekdayOf(d))
}

// On is the window's span on night n. It is an error if the window isn't
// valid, if it doesn't open on that day of the week, or if a change of the
// clocks takes so much of that night that its buffer or its working hours
// don't fit any more.
func (w Window) On(n Night) (Span, error) {
	w, loc, err := w.ready()
	if err != nil {
		return Span{}, err
	}
	d, err := n.day()
	if err != nil {
		return Span{}, err
	}
	return w.on(loc, d)
}

// Containing is the span that t lies in. It agrees with [Window.Cheap] except
// for what On leaves out: scraps of a night that a change of the clocks cut in
// two, and nights that it made too short. Those are cheap too, but nothing is
// planned into them. Between the pieces of a night t lies in none. Of a window
// that is always open it is the day that begins
// at t.
func (w Window) Containing(t time.Time) (Span, bool) {
	w, loc, err := w.ready()
	if err != nil {
		return Span{}, false
	}
	return w.containing(loc, t)
}

func (w Window) containing(loc *time.Location, t time.Time) (Span, bool) {
	if w.Always {
		return w.dayFrom(loc, t), true
	}
	d, ok := w.cheap(loc, t)
	if !ok {
		return Span{}, false
	}
	s, err := w.on(loc, d)
	if err != nil {
		return Span{}, false
	}
	if _, ok := s.Open(t); !ok {
		return Span{}, false
	}
	return s, true
}

// During is the night that has begun and isn't over at t: [Window.Containing],
// and of a night in several pieces also what lies between them.
func (w Window) During(t time.Time) (Span, bool) {
	w, loc, err := w.ready()
	if err != nil {
		return Span{}, false
	}
	return w.during(loc, t)
}

// during is the night that has begun and isn't over at t: the one that contains
// t, or between two pieces of which it lies.
func (w Window) during(loc *time.Location, t time.Time) (Span, bool) {
	if len(w.Intervals) == 0 {
		return w.containing(loc, t)
	}
	// A night is over within two days of its date, and no zone has ever been more
	// than 16 hours from UTC.
	today := floorDiv(t.Unix(), secondsPerDay)
	for d := today - 3; d <= today+1; d++ {
		if s, err := w.on(loc, d); err == nil && !t.Before(s.Opens) && t.Before(s.Closes) {
			return s, true
		}
	}
	return Span{}, false
}

// Next is the first span whose Opens is after t.
func (w Window) Next(t time.Time) (Span, error) {
	w, loc, err := w.ready()
	if err != nil {
		return Span{}, err
	}
	return w.next(loc, t)
}

func (w Window) next(loc *time.Location, t time.Time) (Span, error) {
	// A night's local date is within a day of t's date in UTC. A year is more
	// than any rule on weekdays and any change of the clocks can close.
	from := floorDiv(t.Unix(), secondsPerDay) - 2
	for d := from; d < from+370; d++ {
		if s, err := w.on(loc, d); err == nil && s.Opens.After(t) {
			return s, nil
		}
	}
	return Span{}, fmt.Errorf("find next night after %s: window %s doesn't open within a year", t.In(loc).Format(time.RFC3339), w)
}

// ready is the window filled, once it has passed Check.
func (w Window) ready() (Window, *time.Location, error) {
	if err := w.invalid(); err != nil {
		return w, nil, fmt.Errorf("window is not valid: %w", err)
	}
	loc, err := location(w.Zone)
	return w.Fill(), loc, err
}

// on is On for a window that is ready.
func (w Window) on(loc *time.Location, d int64) (Span, error) {
	if w.Always {
		return w.dayOn(loc, d), nil
	}
	if len(w.Intervals) > 0 {
		if s, ok := w.several(loc, d); ok {
			return s, nil
		}
		return Span{}, fmt.Errorf("window doesn't open on %s, a %s: its hours are %s", nightOf(d), weekdayOf(d), w)
	}
	if !w.opensOn(d) {
		return Span{}, fmt.Errorf("window doesn't open on %s, a %s; its weekdays are %s", nightOf(d), weekdayOf(d), dayList(w.Weekdays))
	}
	p := w.piece(loc, d)
	if len(p) == 0 {
		return Span{}, fmt.Errorf("window doesn't open on %s: its hours, %s to %s in %s, are skipped by a change of the clocks",
			nightOf(d), w.Open, w.Close, w.Zone)
	}
	s := Span{Night: nightOf(d), Opens: p.opens(loc), Closes: p.closes(loc), Zone: w.Zone}
	s.Earliest = s.Opens.Add(w.Buffer)
	s.StartAt = later(s.Earliest, p.reaches(loc, w.StartAt.after(w.Open)))
	s.Deadline = earlier(s.Closes.Add(-w.Buffer), p.reaches(loc, w.FinishBy.after(w.Open)))
	if !s.StartAt.Before(s.Deadline) {
		return Span{}, fmt.Errorf("window is too short on %s: a change of the clocks leaves %s of %s to %s in %s, no time between start_at %s and finish_by %s with a buffer of %s",
			nightOf(d), s.Length(), w.Open, w.Close, w.Zone, w.StartAt, w.FinishBy, w.Buffer)
	}
	return s, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
