package tariff_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/tariff"
)

// changes lists the instants at which the clocks of a zone change.
func changes(t *testing.T, zone string) []time.Time {
	var at []time.Time
	loc := mustLoad(t, zone)
	for i := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).In(loc); i.Before(decadeTo); {
		_, end := i.ZoneBounds()
		if end.IsZero() {
			break
		}
		_, before := end.Add(-time.Second).Zone()
		if _, after := end.Zone(); before != after {
			at = append(at, end)
		}
		i = end
	}
	return at
}

// longestRun works out a night minute by minute: the longest stretch of cheap
// minutes around a change that all belong to it, and the margins inside.
func longestRun(w tariff.Window, loc *time.Location, night tariff.Night, around time.Time) (tariff.Span, bool) {
	w = w.Fill()
	var run, best []time.Time
	for at := around.Add(-96 * time.Hour); at.Before(around.Add(96 * time.Hour)); at = at.Add(time.Minute) {
		if n, cheap := byTheClock(w, loc, at); !cheap || n != night {
			run = nil
			continue
		}
		if run = append(run, at); len(run) > len(best) {
			best = run
		}
	}
	if best == nil {
		return tariff.Span{}, false
	}
	s := tariff.Span{Night: night, Opens: best[0], Closes: best[len(best)-1].Add(time.Minute), Zone: w.Zone}
	// The first minute at which the clock stands at c or past it, along the night.
	reached := func(c tariff.Clock) time.Time {
		for _, at := range best {
			h, m, _ := at.In(loc).Clock()
			now := (tariff.Clock(h*3600+m*60) - w.Open + 86_400) % 86_400
			if now >= (c-w.Open+86_400)%86_400 {
				return at
			}
		}
		return s.Closes
	}
	s.Earliest = s.Opens.Add(w.Buffer)
	s.StartAt = maxTime(s.Earliest, reached(w.StartAt))
	s.Deadline = reached(w.FinishBy)
	if last := s.Closes.Add(-w.Buffer); last.Before(s.Deadline) {
		s.Deadline = last
	}
	return s, s.StartAt.Before(s.Deadline)
}

// drawWindowAround draws a valid window of whole minutes, its edges mostly in
// the small hours, where clocks change.
func drawWindowAround(t *rapid.T, zone string) tariff.Window {
	clock := func(name string) tariff.Clock {
		return tariff.Clock(rapid.OneOf(rapid.IntRange(0, 4*60), rapid.IntRange(0, 1439)).Draw(t, name) * 60)
	}
	for {
		w := tariff.Window{
			Zone: zone, Open: clock("open"), Close: clock("close"),
			StartAt: tariff.Unset, FinishBy: tariff.Unset,
			Buffer: time.Duration(rapid.IntRange(0, 20).Draw(t, "buffer")) * time.Minute,
		}
		if rapid.Bool().Draw(t, "margins") {
			w.StartAt, w.FinishBy = clock("start at"), clock("finish by")
		}
		if w.Check() == nil {
			return w
		}
	}
}

// Around every kind of change of the clocks, the span of a night is what
// counting minutes gives: also in Samoa, which left out a whole day in 2011.
func TestNightsAroundAnyChange(t *testing.T) {
	all := map[string][]time.Time{}
	var names []string
	for _, zone := range append([]string{"Pacific/Apia"}, zones...) {
		if c := changes(t, zone); len(c) > 0 {
			all[zone], names = c, append(names, zone)
		}
	}
	if len(names) < 12 {
		t.Fatalf("only %v change their clocks", names)
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(names).Draw(t, "zone")
		change := rapid.SampledFrom(all[zone]).Draw(t, "change")
		w := drawWindowAround(t, zone)
		loc := mustLoad(t, zone)
		day := rapid.IntRange(-1, 1).Draw(t, "day")
		night := tariff.Night(change.In(loc).AddDate(0, 0, day).Format("2006-01-02"))

		want, ok := longestRun(w, loc, night, change.Truncate(time.Minute))
		got, err := w.On(night)
		if (err == nil) != ok {
			t.Fatalf("On(%s) = %+v, %v; counting minutes gives %+v, %v", night, got, err, want, ok)
		}
		if !ok {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v on %s, clocks change at %s (-counted +got):\n%s", w, night, change, diff)
		}
	})
}
