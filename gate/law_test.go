package gate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// standing draws one that is near every edge at once: times within seconds or
// hours of each other, amounts within cents of the caps.
func standing(t *rapid.T) ledger.Standing {
	s := clear()
	instant := func(label string) time.Time {
		if rapid.IntRange(0, 4).Draw(t, label+" zero") == 0 {
			return time.Time{}
		}
		base := rapid.SampledFrom([]time.Time{at(20, 0, 0), at(20, 15, 0), at(22, 0, 0), at(4, 50, 0), at(5, 0, 0)}).Draw(t, label+" base")
		unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, time.Hour}).Draw(t, label+" unit")
		return base.Add(time.Duration(rapid.Int64Range(-90, 90).Draw(t, label)) * unit)
	}
	calm := rapid.Bool().Draw(t, "calm") // no switch pulled and no cap near: else hardly anything would go
	flag := func(label string) string {
		if calm {
			return ""
		}
		return rapid.SampledFrom([]string{"", "", "", label}).Draw(t, label)
	}
	for s.Now = instant("now"); s.Now.IsZero(); s.Now = instant("now") {
	}
	if rapid.Bool().Draw(t, "in pieces") {
		s.Span = inPieces()
	}
	s.Slow = time.Duration(rapid.Int64Range(-5, 700).Draw(t, "slow")) * time.Second
	s.Batch.Stopped, s.Key.Closed, s.Key.Hold = flag("stopped"), flag("closed"), flag("hold")
	if flag("paused") != "" {
		s.Batch.Paused = batch.Pause{By: "ada", At: s.Now}
	}
	if flag("halted") != "" {
		s.Halt = ledger.Halt{Key: rapid.SampledFrom([]string{"", "k"}).Draw(t, "switch"), Pause: batch.Pause{By: "ada", At: s.Now}}
	}
	// Other batches' sums are at least this one's own.
	s.Purse.Held = s.Held + money.USD(rapid.Int64Range(0, int64(5*money.Dollar)).Draw(t, "purse held"))
	s.Purse.Charged = s.Charged + money.USD(rapid.Int64Range(0, int64(5*money.Dollar)).Draw(t, "purse charged"))
	s.Night.Held, s.Night.Charged = s.Purse.Held+s.Held, s.Purse.Charged+s.Charged
	limit := func(label string) money.USD {
		if calm {
			return 0
		}
		return rapid.SampledFrom([]money.USD{0, 0, 30 * money.Dollar, 60 * money.Dollar, 120 * money.Dollar}).Draw(t, label)
	}
	s.Batch.Budget.Day, s.Caps.Key, s.Caps.Night = limit("budget.day"), limit("cap of the key"), limit("cap of the night")
	s.Job.Ceiling = money.USD(rapid.Int64Range(0, int64(6*money.Dollar)).Draw(t, "ceiling"))
	if !calm {
		s.Held = money.USD(rapid.Int64Range(0, int64(50*money.Dollar)).Draw(t, "held"))
		s.Charged = money.USD(rapid.Int64Range(0, int64(51*money.Dollar)).Draw(t, "charged"))
	}
	s.Job.NotBefore = instant("not before")
	k := &s.Key
	k.Proven, k.Floor, k.LastSent, k.Oldest = instant("proven"), instant("floor"), instant("last"), instant("oldest")
	k.InFlight = rapid.IntRange(0, 5).Draw(t, "in flight")
	for range rapid.IntRange(0, 3).Draw(t, "windows") {
		k.Windows = append(k.Windows, ledger.Window{
			Name:      "w",
			Span:      rapid.SampledFrom([]time.Duration{2 * time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "span"),
			Limit:     rapid.Int64Range(0, 120).Draw(t, "limit"),
			Used:      rapid.Int64Range(0, 125).Draw(t, "used"),
			Frees:     instant("frees"),
			Remaining: rapid.Int64Range(-1, 120).Draw(t, "remaining"),
			Reset:     instant("reset"),
			ToldAt:    instant("told"),
		})
		if w := &k.Windows[len(k.Windows)-1]; w.Frees.After(s.Now.Add(w.Span)) {
			w.Frees = s.Now.Add(w.Span) // what ended by now has left the window by then
		}
	}
	return s
}

func TestLaws(t *testing.T) {
	seen := map[ledger.Action]map[ledger.Reason]int{}
	law := func(t *rapid.T) {
		s := standing(t)
		rules := gate.DefaultRules()
		if rapid.Bool().Draw(t, "others are known") {
			rules.Foreign = []gate.Foreign{{
				Window: "w", Used: rapid.Int64Range(0, 120).Draw(t, "theirs"), At: s.Now.Add(-time.Duration(rapid.Int64Range(0, 90).Draw(t, "heard")) * time.Second),
			}}
		}
		v := gate.Decide(s, rules)
		if seen[v.Action] == nil {
			seen[v.Action] = map[ledger.Reason]int{}
		}
		seen[v.Action][v.Reason]++
		if v.Reason == "" || v.Detail == "" {
			t.Fatalf("no reason: %+v", v)
		}
		if diff := cmp.Diff(v, gate.Decide(s, rules)); diff != "" {
			t.Fatalf("the same question, another answer: %s", diff)
		}
		last := s.Span.Deadline.Add(-max(s.Slow, 0))
		switch v.Action {
		case ledger.Go:
			mayGo(t, s, rules)
		case ledger.Wait:
			if !v.Until.After(s.Now) {
				t.Fatalf("waits until %s, which is over: %s", v.Until, v.Detail)
			}
			if v.Until.After(last) {
				t.Fatalf("waits until %s, too late: %s", v.Until, v.Detail)
			}
			if v.Reason == ledger.ReasonWindow && !mayBegin(s, v.Until) {
				t.Fatalf("waits for the window until %s, when a run of %s may not begin: %s", v.Until, s.Slow, v.Detail)
			}
		case ledger.Park:
			later := s
			later.Now = s.Now.Add(time.Duration(rapid.Int64Range(1, int64(3*time.Hour)).Draw(t, "later")))
			if w := gate.Decide(later, rules); w.Action != ledger.Park {
				t.Fatalf("parked at %s (%s), but %s at %s (%s)", s.Now, v.Detail, w.Action, later.Now, w.Detail)
			}
		}
		if v.Action != ledger.Wait && !v.Until.IsZero() {
			t.Fatalf("%s has an until", v.Action)
		}
	}
	for round := 0; round < 20 && len(seen) < 5; round++ { // a hundred draws needn't meet every action
		rapid.Check(t, law)
	}
	for _, a := range []ledger.Action{ledger.Go, ledger.Wait, ledger.Park, ledger.Skip, ledger.Cancel} {
		if len(seen[a]) == 0 {
			t.Errorf("the draw never met %s: these laws prove less than they say", a)
		}
	}
}

func above(s ledger.Standing, limit money.USD, p ledger.Purse) bool {
	return limit > 0 && p.Held+p.Charged+s.Job.Ceiling > limit
}

// inPieces is a night whose window is shut from 22:30 to 02:00, and once more
// for ten minutes before its last hours.
func inPieces() tariff.Span {
	piece := func(opens, closes time.Time) tariff.Piece {
		return tariff.Piece{Opens: opens, Closes: closes, Earliest: opens.Add(5 * time.Minute), Deadline: closes.Add(-5 * time.Minute)}
	}
	first, last := piece(at(20, 0, 0), at(22, 30, 0)), piece(at(4, 40, 0), at(6, 0, 0))
	return tariff.Span{
		Night: "2026-11-22", Opens: first.Opens, Earliest: first.Earliest, StartAt: first.Earliest, Deadline: last.Deadline, Closes: last.Closes,
		Pieces: []tariff.Piece{first, piece(at(2, 0, 0), at(4, 30, 0)), last},
	}
}

// mayBegin says whether a run of this job that begins then ends in the same
// cheap hours, by their margins.
func mayBegin(s ledger.Standing, begin time.Time) bool {
	return slices.ContainsFunc(s.Span.Parts(), func(p tariff.Piece) bool {
		return !begin.Before(p.Earliest) && !begin.Add(max(s.Slow, 0)).After(p.Deadline)
	})
}

func mayGo(t *rapid.T, s ledger.Standing, rules gate.Rules) {
	k := s.Key
	switch {
	case !mayBegin(s, s.Now):
		t.Fatalf("goes at %s with a run of %s, outside of %+v", s.Now, s.Slow, s.Span)
	case s.Batch.Stopped != "" || k.Closed != "" || k.Hold != "":
		t.Fatal("goes although stopped, closed or out of credits")
	case s.Batch.Paused.On() || s.Halt.On():
		t.Fatal("goes although paused or halted")
	case s.Job.Ceiling > s.Batch.Budget.PerJob || s.Held+s.Charged+s.Job.Ceiling > s.Batch.Budget.Batch:
		t.Fatal("goes above a cap")
	case above(s, s.Batch.Budget.Day, s.Purse), above(s, s.Caps.Key, s.Purse), above(s, s.Caps.Night, s.Night):
		t.Fatal("goes above a cap of the night")
	case k.Floor.After(s.Now) || s.Job.NotBefore.After(s.Now):
		t.Fatal("goes before its time")
	case k.InFlight > 0 && k.Proven.Before(s.Span.Opens) && k.Oldest.Add(10*time.Second).After(s.Now):
		t.Fatal("goes beside the pilot")
	}
	for _, w := range k.Windows {
		if w.Limit > 0 && w.Used >= w.Limit {
			t.Fatalf("goes although %d of %d are used", w.Used, w.Limit)
		}
		if known := others(s, rules, w); known >= 0 {
			if w.Limit > 0 && w.Used+known >= w.Limit && k.InFlight > 0 {
				t.Fatalf("goes although %d of %d are used, %d by others", w.Used, w.Limit, known)
			}
			continue
		}
		if w.Limit > 0 && w.Remaining >= 0 && w.Remaining <= int64(k.InFlight) && !w.Reset.IsZero() &&
			s.Now.Before(w.Reset) && s.Now.Before(w.ToldAt.Add(w.Span)) {
			t.Fatal("goes although the provider has none left")
		}
	}
}

// others is what others use of a window; below zero when that isn't known, or
// the provider has told anew since.
func others(s ledger.Standing, r gate.Rules, w ledger.Window) int64 {
	for _, f := range r.Foreign {
		if f.At.Add(w.Span).After(s.Now) && !f.At.Add(time.Minute).Before(w.ToldAt) {
			return f.Used
		}
	}
	return -1
}
