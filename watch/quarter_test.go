package watch_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/watch"
)

// run is one run of a simulated world: on the books at once when it is ours,
// and in the provider's log when its row shows.
type run struct {
	ended   time.Time
	shows   time.Time
	ours    bool
	dollars money.USD
}

// quarter is a world of three months around a change of the clocks.
type quarter struct {
	from, to string // days
	runs     []run
	watches  []time.Time // 07:00 Pacific, but for the gaps
}

func drawQuarter(t *rapid.T, late bool) quarter {
	zone := watch.Zone()
	q := quarter{from: rapid.SampledFrom([]string{"2026-10-01", "2027-02-01"}).Draw(t, "quarter")}
	q.to = watch.Shift(q.from, 91)
	level := money.USD(rapid.Int64Range(0, 40).Draw(t, "dollars a day")) * money.Dollar
	away := 0
	for _, day := range watch.Dates(q.from, q.to) {
		begin, end, _ := watch.Bounds(day, zone)
		if rapid.IntRange(0, 14).Draw(t, "a new level") == 0 {
			level = money.USD(rapid.Int64Range(0, 60).Draw(t, "dollars a day")) * money.Dollar
		}
		spend := level
		if rapid.IntRange(0, 9).Draw(t, "a spike") == 0 {
			spend *= money.USD(rapid.Int64Range(2, 12).Draw(t, "times"))
		}
		for n := rapid.IntRange(0, 3).Draw(t, "runs"); n > 0; n-- {
			r := run{
				ended:   begin.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(begin))-1).Draw(t, "at"))),
				ours:    rapid.IntRange(0, 3).Draw(t, "ours") > 0,
				dollars: spend/3 + money.USD(rapid.Int64Range(0, 999_999).Draw(t, "micros")),
			}
			r.shows = r.ended
			if late && !r.ours {
				r.shows = r.ended.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "hours late")) * time.Hour)
			}
			q.runs = append(q.runs, r)
		}
		if away--; away < 0 && len(q.watches) > 0 && rapid.IntRange(0, 19).Draw(t, "nobody watches") == 0 {
			away = rapid.IntRange(1, 10).Draw(t, "mornings")
		}
		if away <= 0 {
			y, m, d := begin.Date()
			q.watches = append(q.watches, time.Date(y, m, d+1, 7, 0, 0, 0, zone))
		}
	}
	return q
}

// sums are what is known at an instant.
func (q quarter) sums(now time.Time) watch.Sums {
	s := watch.Sums{Account: "key", Logged: true, Ours: map[string]batch.Spend{}, Foreign: map[string]batch.Spend{}, First: q.from}
	for _, r := range q.runs {
		by := s.Foreign
		if r.ours {
			by = s.Ours
		}
		if !now.Before(r.shows) {
			day := watch.DayOf(r.ended, watch.Zone())
			d := by[day]
			d.Runs++
			d.Dollars += r.dollars
			by[day] = d
		}
	}
	return s
}

// TestQuarter lives through a quarter, morning by morning: with gaps, late rows,
// and days of 23 and 25 hours.
func TestQuarter(t *testing.T) {
	t.Parallel()
	rule := watch.Rule{Floor: watch.DefaultFloor}
	rapid.Check(t, func(t *rapid.T) {
		late := rapid.Bool().Draw(t, "late rows")
		q := drawQuarter(t, late)
		open, told := map[string]bool{}, map[string]int{} // incidents; how often a day's total was told
		m := watch.Memory{States: map[string]batch.WatchedDay{}}
		var last batch.AccountWatch
		for _, now := range q.watches {
			day := watch.Shift(watch.DayOf(now, watch.Zone()), -1)
			a := rule.Account(q.sums(now), day, watch.Range(day, m.Last), watch.Zone())
			fresh := map[string]bool{}
			for i, n := range watch.Alerts(a, m, now) {
				if !n.Over && n.Key == watch.TotalKey("key") {
					for _, d := range a.Days {
						if strings.Contains(n.Title+strings.Join(n.Lines, "; "), " on "+d.Day) {
							told[d.Day]++
						}
					}
				}
				if n.Account != "key" || n.Kind != batch.AlertUsage || n.Title == "" {
					t.Fatalf("alert %d of %s: %+v", i, day, n)
				}
				if fresh[n.Key] {
					t.Fatalf("on %s two alerts of one incident", day)
				}
				open[n.Key], fresh[n.Key] = !n.Over, !n.Over
			}
			// An incident is open while the last day is loud. One that is told only
			// when it has passed stays open until the next morning.
			for key, state := range map[string]batch.DayState{watch.TotalKey("key"): a.State, watch.ForeignKey("key"): a.Elsewhere} {
				if state.Loud() && !open[key] || state == batch.DayNormal && open[key] && !fresh[key] {
					t.Fatalf("on %s %s is %s, and its incident is open: %v", day, key, state, open[key])
				}
			}
			for _, d := range a.Days {
				if d.Judged {
					m.States[d.Day] = d
				}
			}
			m.Last, last = day, a
			if m.ForeignSince == "" {
				m.ForeignSince = a.ForeignSince
			}
		}
		if q.watches == nil {
			return
		}
		// What was told is what the whole table says in the end: every loud day that
		// somebody watched afterwards, once, and no other. Late rows may change a
		// verdict after it was told.
		end := rule.Account(q.sums(q.watches[len(q.watches)-1]), last.Days[len(last.Days)-1].Day, q.from, watch.Zone())
		var total money.USD
		for i, d := range end.Days {
			total += d.Total
			if loud := d.State.Loud(); !late && (told[d.Day] == 1) != loud {
				t.Fatalf("%s is %s, and was told %d times", d.Day, d.State, told[d.Day])
			}
			if i < watch.Trailing {
				continue
			}
			var before money.USD
			for _, b := range end.Days[i-watch.Trailing : i] {
				before += b.Total
			}
			if 7*d.Total > 2*before && d.Total > rule.Floor && d.State != batch.DayHigh {
				t.Fatalf("%s cost %s, more than twice the mean before it, and is %s", d.Day, d.Total, d.State)
			}
		}
		// No dollar is lost between two days, or counted on both.
		all := money.USD(0)
		for _, r := range q.runs {
			from, to, _ := watch.Bounds(watch.DayOf(r.ended, watch.Zone()), watch.Zone())
			if r.ended.Before(from) || !r.ended.Before(to) {
				t.Fatalf("a run at %s is of %s to %s", r.ended, from, to)
			}
			if watch.DayOf(r.ended, watch.Zone()) <= end.Days[len(end.Days)-1].Day && !q.watches[len(q.watches)-1].Before(r.shows) {
				all += r.dollars
			}
		}
		if total != all {
			t.Fatalf("the days come to %s, the runs to %s", total, all)
		}
		lengths := map[int]int{}
		for _, d := range end.Days {
			lengths[d.Hours]++
		}
		if n := len(end.Days); n > 60 && lengths[23]+lengths[25] != 1 || lengths[24] < n-1 {
			t.Fatalf("days of so many hours: %v", maps.Clone(lengths))
		}
	})
}
