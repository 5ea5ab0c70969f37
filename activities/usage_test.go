package activities_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// nights runs one job a night for so many nights, from 2026-11-22 on. The runs
// end just after 21:00, on the calendar day of the same date.
func (w *world) nights(n int) *world {
	w.Helper()
	for i := range n {
		w.at(nine.AddDate(0, 0, i))
		w.planned(manifest(1, ""))
		w.send(0)
	}
	return w
}

// watched asks as the story does, at seven in the morning after a day.
func (w *world) watched(day, run string) batch.UsageWatch {
	w.Helper()
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		w.Fatal(err)
	}
	if at := d.Add(39 * time.Hour); w.clock.Now().Before(at) { // 15:00 UTC of the day after is 07:00 PST
		w.at(at)
	}
	out, err := w.hands.WatchUsage(w.Context(), batch.WatchRequest{Day: batch.Yesterday, Asked: w.clock.Now(), RunID: run})
	if err != nil {
		w.Fatal(err)
	}
	if out.Day != day {
		w.Fatalf("yesterday is %s, want %s", out.Day, day)
	}
	return out
}

// limits has the hands judge days as cheap as those of a test.
func (w *world) limits(u activities.Usage) *world {
	w.deps.Usage = u
	w.hands = activities.New(w.deps)
	return w
}

func keys(alerts []batch.Alert) (out []string) {
	for _, a := range alerts {
		if a.Kind == batch.AlertAdvice && a.Over {
			continue // each morning on which there is none
		}
		k := a.Key[:strings.Index(a.Key, "/")] + a.Key[strings.LastIndex(a.Key, "/"):]
		if a.Over {
			k += " over"
		}
		out = append(out, k)
	}
	return out
}

// Eight days as usual, and one on which somebody else spends much more with
// the same key: by books, log, usage report and credits that all are real.
func TestWatchUsage(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.UsageReport = true }).limits(activities.Usage{}).nights(9)
	quiet := w.watched("2026-11-30", "run-a")
	a := quiet.Accounts[0]
	last := a.Days[len(a.Days)-1]
	if quiet.Report != "read" || len(quiet.Differences) != 0 || quiet.Log != "" || quiet.Rows != 9 {
		t.Errorf("%+v", quiet)
	}
	if last.Total != price || *last.Mean != price || last.State != batch.DayNormal || last.Foreign.Runs != 0 || a.Since != "2026-11-22" || a.ForeignSince != "" {
		t.Errorf("the last day: %+v of %+v", last, a)
	}
	key := "/" + w.deps.Swarms.KeyID()
	if got := keys(quiet.Alerts); !slices.Equal(got, []string{"usage/total over", "usage/foreign over", "credits-low" + key + " over"}) {
		t.Errorf("on a quiet morning: %v", got)
	}

	for range 3 {
		w.bought("scraper")
	}
	w.bought("report [00000000-0000-4000-8000-000000000000]") // of other books
	loud := w.watched("2026-12-01", "run-b")
	a = loud.Accounts[0]
	last = a.Days[len(a.Days)-1]
	if got := keys(loud.Alerts); !slices.Equal(got, []string{"usage/total", "usage/foreign", "credits-low" + key + " over"}) {
		t.Errorf("on the morning after: %v", got)
	}
	if last.Ours.Runs != 0 || last.Foreign.Runs != 4 || last.State != batch.DayHigh || last.ForeignState != batch.DayHigh || a.ForeignSince != "2026-12-01" {
		t.Errorf("the last day: %+v of %+v", last, a)
	}
	if n := len(a.Foreign); n != 2 || a.Foreign[0].Name != "scraper" || a.Foreign[0].Runs != 3 || a.Foreign[0].Model != "ConcurrentWorkflow" {
		t.Errorf("who it was: %+v", a.Foreign)
	}
	var sum money.USD
	for _, s := range a.Foreign {
		sum += s.Dollars
	}
	if sum != last.Foreign.Dollars || last.Total != sum || len(loud.Differences) != 0 {
		t.Errorf("%s of %s; %+v", sum, last.Foreign.Dollars, loud.Differences)
	}

	// An attempt that is made again after its result was written has the same to
	// tell; another run, on the same day, has nothing new.
	if again := w.watched("2026-12-01", "run-b"); !slices.Equal(keys(again.Alerts), keys(loud.Alerts)) {
		t.Errorf("made again: %v", keys(again.Alerts))
	}
	if twice := w.watched("2026-12-01", "run-c"); !slices.Equal(keys(twice.Alerts), []string{"credits-low" + key + " over"}) {
		t.Errorf("asked again: %v", keys(twice.Alerts))
	}
	// The day after is usual: both incidents are over. So is a look back, at once.
	if over := w.watched("2026-12-02", "run-d"); !slices.Equal(keys(over.Alerts), []string{"usage/total over", "usage/foreign over", "credits-low" + key + " over"}) {
		t.Errorf("the day after: %v", keys(over.Alerts))
	}
	back, err := w.hands.WatchUsage(t.Context(), batch.WatchRequest{Day: "2026-12-01", Asked: w.clock.Now(), RunID: "run-e"})
	if err != nil || !back.Back || len(back.Alerts) != 0 || back.Accounts[0].State != batch.DayHigh {
		t.Errorf("a look back: %+v, %v", back, err)
	}
	notes, err := w.books.Dailies(t.Context(), "watch", 10)
	var kept batch.UsageWatch
	if err != nil || len(notes) != 3 || json.Unmarshal(notes[0].Result, &kept) != nil || kept.Day != "2026-12-02" {
		t.Errorf("kept: %+v, %v", notes, err)
	}
}

// Advice is told once a month, by the last seven nights, as long as it holds.
func TestWatchAdvises(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Accounts[0].Tier = "free" }).limits(activities.Usage{}).faults(simulator.Rule{Match: "*", Kind: simulator.KindRate429, RetryAfter: "3", Times: 4}).planned(manifest(2, ""))
	w.send(0)
	w.send(1)
	var told []string
	for i := range 40 {
		out := w.watched(time.Date(2026, 11, 22+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), fmt.Sprint("run-", i))
		for _, a := range out.Alerts {
			if a.Kind == batch.AlertAdvice && !a.Over {
				told = append(told, out.Day)
			}
		}
		if len(out.Advice) != 1 || out.Advice[0].Rule != "premium-tier" {
			t.Fatalf("on %s: %+v", out.Day, out.Advice)
		}
	}
	if !slices.Equal(told, []string{"2026-11-22", "2026-12-22"}) {
		t.Errorf("told on %v", told)
	}
}

// A morning on which the log can't be read judges the books alone, says nothing
// of others, and ends no incident of theirs. The next one finds what it missed.
func TestWatchWithoutTheLog(t *testing.T) {
	w := newWorld(t, nil).limits(activities.Usage{CreditsLow: 2000 * money.Dollar}).nights(8)
	w.watched("2026-11-29", "run-a")
	w.at(nine.AddDate(0, 0, 8))
	for range 4 {
		w.bought("scraper")
	}
	w.faults(logDown)
	blind := w.watched("2026-11-30", "run-b")
	a := blind.Accounts[0]
	if !strings.Contains(blind.Log, "503") || a.Logged || a.Elsewhere != batch.DayUnknown || a.State != batch.DayNormal || blind.Report != "not available: the provider answers 404" {
		t.Errorf("%+v", blind)
	}
	if got := keys(blind.Alerts); !slices.Equal(got, []string{"usage/total over", "credits-low/" + w.deps.Swarms.KeyID()}) {
		t.Errorf("told %v", got)
	}
	w.faults()
	if got := keys(w.watched("2026-12-01", "run-c").Alerts); !slices.Contains(got, "usage/foreign") || !slices.Contains(got, "usage/total") {
		t.Errorf("told on the next morning: %v", got)
	}
}

// Where the log leaves out a run of ours, or has one that the books don't, the
// day is named with both amounts.
func TestWatchFindsDifferences(t *testing.T) {
	w := newWorld(t, nil).limits(activities.Usage{}).nights(1)
	w.at(nine.AddDate(0, 0, 1))
	leaves := w.api.Switches()
	leaves.LogDrop = simulator.Certain
	if err := w.api.SetSwitches(leaves); err != nil {
		t.Fatal(err)
	}
	w.planned(manifest(1, ""))
	w.send(0)
	got := w.watched("2026-11-23", "run-a").Differences
	if len(got) != 1 || got[0].Day != "2026-11-23" || got[0].By != price || got[0].First.Dollars != price || got[0].Second.Dollars != 0 || !strings.Contains(got[0].Cause, "--night 2026-11-23") {
		t.Errorf("%+v", got)
	}
}

// A day that isn't over, or isn't one, is refused.
func TestWatchRefuses(t *testing.T) {
	w := newWorld(t, nil)
	for _, day := range []string{"2026-11-22", "2027-01-01", "soon"} { // nine is 21:00 of the 22nd
		_, err := w.hands.WatchUsage(t.Context(), batch.WatchRequest{Day: day, Asked: w.clock.Now(), RunID: "run-a"})
		if kindOf(t, err) != batch.BadInput || !strings.Contains(err.Error(), day) {
			t.Errorf("%s: %v", day, err)
		}
	}
	// Books without anything are no reason to fail.
	out := w.watched("2026-11-22", "run-a")
	if len(out.Accounts) != 1 || len(out.Accounts[0].Days) != 0 || out.Accounts[0].State != batch.DayYoung {
		t.Errorf("%+v", out)
	}
}
