package nightly

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

const (
	defaultCatchUp = 6 * time.Hour
	leastCatchUp   = 10 * time.Second // the server takes no less
	mostCatchUp    = 24 * time.Hour   // of daily work: the next one is due by then
)

// scheduled is a request that was read and checked.
type scheduled struct {
	id, kind string
	name     batch.Name
	ref      string
	workflow string
	input    any
	window   tariff.Window
	slow     time.Duration
	at       tariff.Clock
	zone     string
	loc      *time.Location
	days     []time.Weekday // as asked for: nights, or days of daily work
	on       []time.Weekday // the calendar days on which it fires; empty means all
	catchUp  time.Duration
}

// check reads a request and says everything that is wrong with it at once.
func (r ScheduleRequest) check(now time.Time) (scheduled, error) {
	s := scheduled{id: r.ID, kind: KindNight, workflow: workflows.NightlyBatchName, days: r.Days, catchUp: r.CatchUp}
	var (
		ps  Problems
		bad error // of what is to be started
	)
	add := func(field, value, format string, args ...any) {
		ps = append(ps, tariff.FieldError{Field: field, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	at, zone := r.At, r.Zone
	kind := r.Daily
	if r.Reconcile {
		kind = or(kind, KindReconcile)
	}
	if kind != "" {
		d, there := dailyOf(kind)
		if !there || r.Reconcile && kind != KindReconcile {
			add("daily", kind, "is no kind of daily work: use one of %s", kindList())
		}
		s.kind, s.workflow, s.input = kind, d.workflow, d.input
		s.window = tariff.SwarmsWindow()
		if len(r.Night.Manifest) > 0 || r.Night.Ref != "" {
			add("night", "", "daily work goes through everything that there is, and takes no manifest")
		}
		s.id, at = or(s.id, kind), or(at, d.at)
	} else if s.input, s.name, s.window, s.slow, bad = r.Night.read(); bad == nil {
		s.window = s.window.Fill()
		s.ref = r.Night.Ref
		for _, wrong := range s.window.Check() { // a manifest's own was checked with it
			add("window."+wrong.Field, wrong.Value, "%s", wrong.Message)
		}
		s.id, at = or(s.id, string(s.name)), or(at, s.window.Starts().String())
	}
	zone = or(zone, s.window.Zone)

	if s.id != "" && batch.Name(s.id).Valid() != nil {
		add("id", s.id, "is no schedule id: use 1 to %d of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", batch.MaxName)
	}
	var err error
	if at != "" {
		if s.at, err = tariff.ParseClock(at); err != nil {
			add("at", at, "is no time of day: write it as 21:00 or 21:00:30, from 00:00 to 23:59:59")
		}
	}
	if s.zone = zone; zone != "" {
		if s.loc, err = tariff.Location(zone); err != nil {
			add("zone", zone, `not a known time zone; use an IANA name such as "America/Los_Angeles"`)
		}
	}
	for _, d := range r.Days {
		if d < time.Sunday || d > time.Saturday {
			add("days", fmt.Sprint(int(d)), "not a day of the week")
		}
	}
	if r.CatchUp != 0 && r.CatchUp < leastCatchUp {
		add("catch_up", r.CatchUp.String(), "too short: Temporal takes %s or more", leastCatchUp)
	}
	if len(ps) == 0 && bad == nil {
		ps = append(ps, s.checkYear(now)...)
	}
	return s, refusal(s.id, ps, bad)
}

// refusal is one fault for everything; nil when nothing is wrong.
func refusal(id string, ps Problems, bad error) error {
	if bad == nil && len(ps) == 0 {
		return nil
	}
	var f *batch.Fault
	if !errors.As(bad, &f) {
		return &batch.Fault{Kind: batch.BadInput, Op: "check schedule", Thing: id, Detail: ps.Error(), Hint: "correct what is named; nothing was made", Err: ps}
	}
	if len(ps) > 0 {
		both := *f
		both.Detail = f.Error() + "\n" + ps.Error()
		both.Err = errors.Join(f, ps)
		both.Op, both.Thing = "check schedule", id
		return &both
	}
	return f
}

// checkYear looks at each date of the year to come: a schedule that is right
// today and starts by day after the next change of the clocks is no good.
func (s *scheduled) checkYear(now time.Time) (ps Problems) {
	once := map[string]bool{}
	add := func(field, value, format string, args ...any) {
		if !once[field] { // the first date says it
			once[field] = true
			ps = append(ps, tariff.FieldError{Field: field, Value: value, Message: fmt.Sprintf(format, args...)})
		}
	}
	const year = 366
	room, shifts := mostCatchUp, map[int]bool{}
	today := now.In(s.loc)
	for i := range year {
		d := time.Date(today.Year(), today.Month(), today.Day()+i, 0, 0, 0, 0, time.UTC)
		t, there := s.due(d)
		if !there {
			add("at", s.at.String(), "there is no such time on %s in %s: the clocks go forward and nothing would start; choose another", d.Format("Mon "+time.DateOnly), s.zone)
			continue
		}
		if s.kind != KindNight {
			shifts[0] = true
			continue
		}
		if len(s.window.Intervals) > 0 {
			left, opens, wrong := s.severalOn(d, t)
			if wrong != "" {
				add("at", s.at.String(), "%s", wrong)
			} else if opens {
				room, shifts[0] = min(room, left), true
			}
			continue
		}
		w := s.window
		w.Weekdays = nil // which nights are wanted is asked below
		span, in := w.Containing(t)
		if !in {
			add("at", s.at.String(), "is outside the window on %s: %s %s is no cheap hour, %s is",
				d.Format("Mon "+time.DateOnly), s.at, s.zone, w)
			continue
		}
		begins := t
		if begins.Before(span.Earliest) {
			begins = span.Earliest
		}
		left := span.Deadline.Sub(begins) - s.slow
		if left < 0 {
			add("at", s.at.String(), "is too late on %s: a job of up to %s has to end by %s", d.Format("Mon "+time.DateOnly), s.slow, span.Deadline.Format("15:04 MST"))
			continue
		}
		room = min(room, left+begins.Sub(t))
		opens, _ := time.Parse(time.DateOnly, string(span.Night)) // it is a date: the window made it
		shifts[int(opens.Sub(d)/(24*time.Hour))] = true
	}
	if len(ps) > 0 {
		return ps
	}
	if len(shifts) != 1 {
		add("at", s.at.String(), "%s in %s falls on one night in summer and on another in winter; choose another time, or the window's own zone", s.at, s.zone)
		return ps
	}
	for shift := range shifts {
		ps = append(ps, s.weekdays(shift)...)
	}
	if s.catchUp == 0 {
		s.catchUp = max(min(defaultCatchUp, room), leastCatchUp)
	} else if s.catchUp > room {
		why := fmt.Sprintf("after %s the shortest night of the year leaves %s to start in", s.at, room)
		if s.kind != KindNight {
			why = "the next one is due by then"
		}
		add("catch_up", s.catchUp.String(), "longer than %s: %s, and a start beyond that would be by day", room, why)
	}
	return ps
}

// on0 is the instant of At on a date; there is false when the clocks skip it.
func (s *scheduled) due(d time.Time) (t time.Time, there bool) {
	h, m, sec := int(s.at)/3600, int(s.at)/60%60, int(s.at)%60
	t = time.Date(d.Year(), d.Month(), d.Day(), h, m, sec, 0, s.loc)
	return t, t.Hour() == h && t.Minute() == m && t.Second() == sec
}

// weekdays turns the nights that are wanted into the days of the calendar on
// which they start: a night that opens on Sunday at 20:00 and starts at 01:00
// starts on a Monday. Shift is how many days the night is from its start: -1
// there.
func (s *scheduled) weekdays(shift int) (ps Problems) {
	if s.kind == KindNight {
		for _, d := range s.days {
			if nights := s.window.Nights(); len(nights) > 0 && !slices.Contains(nights, d) {
				ps = append(ps, tariff.FieldError{Field: "days", Value: weekday(d), Message: "the window doesn't open that night"})
			}
		}
		if len(s.days) == 0 {
			s.days = s.window.Nights()
		}
	}
	s.days = slices.Clone(s.days)
	slices.Sort(s.days)
	s.days = slices.Compact(s.days)
	if len(s.days) == 7 {
		s.days = nil
	}
	for _, d := range s.days {
		s.on = append(s.on, shifted(d, -shift))
	}
	return ps
}

func shifted(d time.Weekday, days int) time.Weekday { return (d + time.Weekday(days) + 7) % 7 }

// weekday is "mon".
func weekday(d time.Weekday) string {
	return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}[d]
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
