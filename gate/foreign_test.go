package gate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
)

// Whenever the provider counted, and whichever of our requests it had counted
// by then, others are never taken for more than they are.
func TestOverlapIsNeverTooMuch(t *testing.T) {
	found := false
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 3000).Draw(t, "limit")
		others := rapid.Int64Range(0, limit).Draw(t, "others")
		ours := rapid.Int64Range(0, limit).Draw(t, "ours at most")
		counted := rapid.Int64Range(0, ours).Draw(t, "ours that it counted")
		remaining := max(limit-others-counted, 0)
		got := gate.Overlap(limit, remaining, ours)
		if got > others {
			t.Fatalf("%d of %d left with %d of ours: %d of others, they have %d", remaining, limit, ours, got, others)
		}
		if counted == ours && others+ours <= limit && got != others {
			t.Fatalf("an exact count gives %d of others, they have %d", got, others)
		}
		found = found || got > 0
	})
	if !found {
		t.Error("nobody was ever found: this proves less than it says")
	}
}

func TestBesideOthers(t *testing.T) {
	foreign := func(used int64, heard, reset time.Time) gate.Rules {
		r := gate.DefaultRules()
		r.Foreign = []gate.Foreign{{Window: "minute", Used: used, At: heard, Reset: reset}}
		return r
	}
	win := func(used int64, frees time.Time) ledger.Window {
		w := minute(used)
		w.Frees = frees
		return w
	}
	told := func(remaining int64, reset time.Time) ledger.Window {
		return ledger.Window{Name: "minute", Span: time.Minute, Limit: 100, Remaining: remaining, Reset: reset, ToldAt: at(21, 59, 59)}
	}
	never := time.Time{}
	for _, c := range []struct {
		name   string
		window ledger.Window
		fly    int
		rules  gate.Rules
		action ledger.Action
		until  time.Time
	}{
		{"room for both", win(60, at(22, 0, 20)), 0, foreign(20, at(21, 59, 59), never), ledger.Go, never},
		{"with theirs it is full", win(70, at(22, 0, 20)), 0, foreign(30, at(21, 59, 59), never), ledger.Wait, at(22, 0, 20)},
		{"a twentieth of theirs stays free", win(58, at(22, 0, 20)), 0, foreign(40, at(21, 59, 59), never), ledger.Wait, at(22, 0, 20)},
		{"news is due before one of ours leaves", win(70, at(22, 0, 50)), 0, foreign(30, at(21, 59, 59), at(22, 0, 5)), ledger.Wait, at(22, 0, 5)},
		{"the news was due: one goes for it", win(70, at(22, 0, 50)), 0, foreign(30, at(21, 59, 50), at(21, 59, 59)), ledger.Go, never},
		{"one is gone for it", win(70, at(22, 0, 50)), 1, foreign(30, at(21, 59, 50), at(21, 59, 59)), ledger.Wait, at(22, 0, 50)},
		{"heard a span ago", win(70, at(22, 0, 50)), 0, foreign(30, at(21, 59, 0), never), ledger.Go, never},
		{"ours alone fill it", win(100, at(22, 0, 50)), 0, foreign(0, at(21, 59, 59), at(22, 0, 5)), ledger.Wait, at(22, 0, 50)},
		{"nobody else is there", win(89, at(22, 0, 50)), 0, foreign(0, at(21, 59, 59), never), ledger.Go, never},
		// What the provider said is older news than what was made of it.
		{"the provider's own count is in it", func() ledger.Window {
			w := told(10, at(22, 0, 20))
			w.Used, w.Frees = 60, at(22, 0, 50)
			return w
		}(), 12, foreign(10, at(21, 59, 59), never), ledger.Go, never},
		{"another worker heard later", told(0, at(22, 0, 20)), 0, foreign(0, at(21, 58, 0), never), ledger.Wait, at(22, 0, 20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := clear()
			s.Key.LastSent, s.Key.InFlight = at(21, 59, 50), c.fly
			s.Key.Windows = []ledger.Window{c.window}
			if got := gate.Decide(s, c.rules); got.Action != c.action || !got.Until.Equal(c.until) {
				t.Errorf("%s until %s (%s), want %s until %s", got.Action, got.Until, got.Detail, c.action, c.until)
			}
		})
	}
}
