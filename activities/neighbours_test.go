package activities

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
)

// peaks against the plain way to say it: of all values, the most among the last
// one before an instant and those since.
func TestPeaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p peaks
		type value struct {
			at   time.Time
			used int64
		}
		var all []value
		at := time.Unix(1_000_000, 0)
		for range rapid.IntRange(1, 60).Draw(t, "values") {
			at = at.Add(time.Duration(rapid.IntRange(1, 1000).Draw(t, "later")) * time.Millisecond)
			v := rapid.Int64Range(0, 20).Draw(t, "used")
			p.add(at, v)
			all = append(all, value{at, v})
		}
		since := all[0].at.Add(time.Duration(rapid.Int64Range(0, int64(at.Sub(all[0].at))).Draw(t, "since")))
		var want int64
		for i, e := range all {
			if i+1 == len(all) || all[i+1].at.After(since) {
				want = max(want, e.used)
			}
		}
		if got := p.since(since); got != want {
			t.Fatalf("since %s at most %d, want %d of %v", since, got, want, all)
		}
	})
}

// What others use is found whatever of ours is under way, and forgotten when
// they stop.
func TestNeighbours(t *testing.T) {
	var n neighbours
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	ours := func(used int64, after time.Duration) {
		n.saw([]ledger.Window{
			{Name: "minute", Span: time.Minute, Limit: 100, Used: used, ToldAt: at.Add(after)},
			{Name: "1m" + batch.OwnLimit, Span: time.Minute, Limit: 10, Used: used, ToldAt: at.Add(-time.Hour)},
		}, at.Add(after), false)
	}
	theirs := func(remaining int64, since, after time.Duration) int64 {
		n.heard([]provider.Window{{Name: "minute", Span: time.Minute, Limit: 100, Remaining: remaining}}, at.Add(since), at.Add(after))
		all := n.list()
		if len(all) == 0 {
			return -1
		}
		if f := all[0]; len(all) > 1 || f.Window != "minute" || !f.At.Equal(at.Add(after)) {
			t.Fatalf("%+v", all)
		}
		return all[0].Used
	}
	if got := theirs(0, 0, time.Second); got != -1 {
		t.Errorf("%d of others, before our own part was known", got)
	}
	ours(10, 0)
	if got := theirs(60, 0, time.Second); got != 30 {
		t.Errorf("%d of others, want 30", got)
	}
	ours(50, 2*time.Second) // forty leave while the next is under way
	if got := theirs(55, time.Second, 3*time.Second); got != 30 {
		t.Errorf("%d of others in the middle of a burst, want the 30 of before", got)
	}
	theirs(50, 10*time.Second, 11*time.Second)
	if got := theirs(50, 26*time.Second, 27*time.Second); got != 0 {
		t.Errorf("%d of others a quarter of a minute after they stopped, want none", got)
	}
	if n.due() {
		t.Error("the minute was told just now, and is asked for")
	}
	n.saw([]ledger.Window{{Name: "hour", Span: time.Hour, Limit: 100, Used: 10, ToldAt: at}}, at.Add(59*time.Second), false)
	if n.due() {
		t.Error("the hour is asked for within a minute")
	}
	n.saw([]ledger.Window{{Name: "hour", Span: time.Hour, Limit: 100, Used: 10, ToldAt: at}}, at.Add(time.Minute), false)
	if !n.due() {
		t.Error("the hour isn't asked for after a minute")
	}
	n.saw([]ledger.Window{{Name: "hour", Span: time.Hour, Limit: 100, Used: 81, ToldAt: at}}, at.Add(6*time.Second), false)
	if !n.due() {
		t.Error("the hour isn't asked for every six seconds when it is nearly full")
	}
}
