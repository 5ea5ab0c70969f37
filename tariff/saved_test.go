package tariff_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// What a night price saves is what the day price is above it, to the rounding.
func TestSaved(t *testing.T) {
	card := tariff.Swarms()
	if got := card.Saved(67_250, 2); got != 47_250 { // the night-mode guide's run, with two agents
		t.Errorf("saved %s, want $0.04725", got)
	}
	for _, none := range []money.USD{0, 1, 2 * money.Cent} {
		if got := card.Saved(none, 2); got != 0 {
			t.Errorf("%s is no more than the fee of two agents, and saves %s", none, got)
		}
	}
	if got := (tariff.Card{}).Saved(money.Dollar, 0); got != 0 {
		t.Errorf("without a card: %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		u := tariff.Usage{
			InputTokens: rapid.Int64Range(0, 1e9).Draw(t, "in"), OutputTokens: rapid.Int64Range(0, 1e9).Draw(t, "out"),
			Agents: rapid.Int64Range(0, 100).Draw(t, "agents"),
		}
		card.Night = money.One / money.Ratio(rapid.IntRange(1, 4).Draw(t, "night"))
		day, night := card.Day(u).Total, card.AtNight(u).Total
		if d := day - night - card.Saved(night, u.Agents); d < -4 || d > 4 { // a micro-dollar of the night price is up to four of the day's
			t.Fatalf("%+v: by day %s, by night %s, saved %s", u, day, night, card.Saved(night, u.Agents))
		}
	})
}
