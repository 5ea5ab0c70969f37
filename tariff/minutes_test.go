package tariff_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/tariff"
)

// drawIntervals draws a valid window of several intervals, of whole minutes,
// many of them in the small hours, where clocks change: any weekdays, some
// touching, some past midnight.
func drawIntervals(t *rapid.T, zone string) tariff.Window {
	for {
		w := tariff.Several(zone)
		w.Buffer = time.Duration(rapid.IntRange(0, 20).Draw(t, "buffer")) * time.Minute
		clocks := rapid.SliceOfNDistinct(rapid.OneOf(rapid.SampledFrom([]int{0, 30, 60, 90, 120, 150, 180, 210, 240}), rapid.IntRange(0, 1439)), 4, 8, rapid.ID).Draw(t, "clocks")
		slices.Sort(clocks)
		if rapid.Bool().Draw(t, "past midnight") {
			clocks = append(clocks[1:], clocks[0])
		}
		for n := 0; n+1 < len(clocks); n += 2 {
			i := tariff.Interval{Open: tariff.Clock(clocks[n] * 60), Close: tariff.Clock(clocks[n+1] * 60)}
			if rapid.IntRange(0, 2).Draw(t, "some days") == 0 {
				i.Weekdays = rapid.SliceOfNDistinct(rapid.SampledFrom([]time.Weekday{0, 1, 2, 3, 4, 5, 6}), 1, 7, rapid.ID).Draw(t, "weekdays")
			}
			if n+2 < len(clocks) && rapid.IntRange(0, 3).Draw(t, "touching") == 0 {
				i.Close = tariff.Clock(clocks[n+2] * 60)
			}
			w.Intervals = append(w.Intervals, i)
		}
		if w.Check() == nil {
			return w
		}
	}
}

// minuteNight is the night to which a minute belongs: what a person with a
// calendar, a clock in the zone and the list of intervals would say.
func minuteNight(w tariff.Window, loc *time.Location, at time.Time) (tariff.Night, bool) {
	for _, i := range w.Intervals {
		if n, cheap := byTheClock(tariff.Window{Open: i.Open, Close: i.Close, Weekdays: i.Weekdays}, loc, at); cheap {
			return n, true
		}
	}
	return "", false
}

// counted is every night between two instants, worked out minute by minute.
func counted(w tariff.Window, loc *time.Location, from, to time.Time) []tariff.Span {
	var pieces []tariff.Piece
	var names []tariff.Night
	last, open := tariff.Night(""), false
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		n, cheap := minuteNight(w, loc, at)
		if cheap && (!open || n != last) {
			pieces, names = append(pieces, tariff.Piece{Opens: at}), append(names, n)
		}
		if cheap {
			pieces[len(pieces)-1].Closes = at.Add(time.Minute)
		}
		last, open = n, cheap
	}
	var nights []tariff.Span
	for k, p := range pieces {
		p.Earliest, p.Deadline = p.Opens.Add(w.Buffer), p.Closes.Add(-w.Buffer)
		if !p.Earliest.Before(p.Deadline) {
			continue
		}
		if len(nights) == 0 || nights[len(nights)-1].Night != names[k] {
			nights = append(nights, tariff.Span{Night: names[k], Zone: w.Zone, Opens: p.Opens, Earliest: p.Earliest, StartAt: p.Earliest})
		}
		s := &nights[len(nights)-1]
		s.Pieces, s.Closes, s.Deadline = append(s.Pieces, p), p.Closes, p.Deadline
	}
	for k := range nights {
		if len(nights[k].Pieces) == 1 {
			nights[k].Pieces = nil
		}
	}
	return nights
}

// meshed says whether a night goes on after the next one has begun.
func meshed(nights []tariff.Span) bool {
	seen := map[tariff.Night]bool{}
	for _, s := range nights {
		if seen[s.Night] {
			return true
		}
		seen[s.Night] = true
	}
	return false
}

// Any window of several intervals, around every kind of change of the clocks
// and far from it, is what counting minutes gives: which instants are cheap,
// the pieces of each night, when work that is asked for begins, and whether a
// run of any length may begin at any minute.
func TestIntervalsMinuteByMinute(t *testing.T) {
	all := map[string][]time.Time{"UTC": {decadeFrom}}
	names := []string{"UTC"}
	for _, zone := range zones {
		if c := changes(t, zone); len(c) > 0 {
			all[zone], names = c, append(names, zone)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(names).Draw(t, "zone")
		change := rapid.SampledFrom(all[zone]).Draw(t, "change").Truncate(time.Minute)
		w, loc := drawIntervals(t, zone), mustLoad(t, zone)
		from, to := change.Add(-4*24*time.Hour), change.Add(4*24*time.Hour)
		nights := counted(w, loc, from, to)
		for meshed(nights) { // closed for less than the hour that comes twice: no window that anybody has
			w = drawIntervals(t, zone)
			nights = counted(w, loc, from, to)
		}
		nights = slices.DeleteFunc(nights, func(s tariff.Span) bool { // not whole in these days
			return s.Opens.Before(from.Add(36*time.Hour)) || s.Closes.After(to.Add(-36*time.Hour))
		})
		for k, want := range nights {
			got, err := w.On(want.Night)
			if err != nil {
				t.Fatalf("On(%s): %v; counting minutes gives %+v", want.Night, err, want)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatalf("%+v on %s, clocks change at %s (-counted +got):\n%s", w, want.Night, change, diff)
			}
			if next, err := w.Next(want.Opens.Add(-1)); err != nil || next.Night != want.Night {
				t.Fatalf("a nanosecond before %s, Next is %+v, %v", want.Night, next, err)
			}
			if k > 0 && nights[k-1].Closes.After(want.Opens) {
				t.Fatalf("%+v and %+v overlap", nights[k-1], want)
			}
		}
		if len(nights) == 0 {
			return
		}
		asked := nights[0].Opens.Add(time.Duration(rapid.Int64Range(0, int64(nights[len(nights)-1].Closes.Sub(nights[0].Opens))).Draw(t, "asked")))
		if _, cheap := minuteNight(w, loc, asked); w.Cheap(asked) != cheap {
			t.Fatalf("Cheap(%s) = %v, by the clock it is %v", asked.In(loc), !cheap, cheap)
		}
		decided(t, w, nights, asked)
	})
}

// decided holds Decide against the counted nights: the first minute in the
// margins, from asked on, at which a run can begin and end in the same piece.
func decided(t *rapid.T, w tariff.Window, nights []tariff.Span, asked time.Time) {
	slow := time.Duration(rapid.Int64Range(1, int64(8*time.Hour)).Draw(t, "slow")) // at the very close, no time at all is a matter of taste
	for _, s := range nights {
		for _, p := range s.Parts() {
			at := maxTime(asked, p.Earliest)
			if at.Add(slow).After(p.Deadline) {
				continue
			}
			got, err := w.Decide(asked, slow)
			if err != nil || got.Span.Night != s.Night || !got.At.Equal(at) {
				t.Fatalf("asked %s with %s: %+v, %v; counted %s of %s", asked, slow, got, err, at, s.Night)
			}
			if !got.Span.Fits(got.At, slow) || got.Span.Fits(got.At, got.Span.Left(got.At)+1) {
				t.Fatalf("a job of %s at %s of %+v", slow, got.At, got.Span)
			}
			if end := at.Add(slow); !w.Cheap(end) && !end.Equal(p.Closes) {
				t.Fatalf("a job of %s would end by day, at %s", slow, end)
			}
			return
		}
	}
	if got, err := w.Decide(asked, slow); err == nil && cmp.Compare(got.Span.Night, nights[len(nights)-1].Night) <= 0 {
		t.Fatalf("asked %s with %s: %+v; counted none", asked, slow, got)
	}
}
