package tariff

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
)

// TestShortIsExact: in machine words a price is to the micro-dollar what it is
// in fractions of any size, at every size, halves included.
func TestShortIsExact(t *testing.T) {
	short := 0
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string) int64 {
			most := rapid.SampledFrom([]int64{1, 100, 20_000, 1 << 24, 1 << 40, math.MaxInt64}).Draw(t, name+" at most")
			return rapid.Int64Range(-most/8, most).Draw(t, name)
		}
		card := Card{InputPerMillion: money.USD(amount("input price")), OutputPerMillion: money.USD(amount("output price")), PerAgent: money.USD(amount("agent price"))}
		u := Usage{InputTokens: amount("input"), OutputTokens: amount("output"), Agents: amount("agents")}
		m := money.Ratio(rapid.OneOf(rapid.SampledFrom([]int64{int64(money.One), int64(money.One) / 2}), rapid.Int64Range(0, 2*int64(money.One))).Draw(t, "ratio"))
		p, ok := card.short(u, m)
		if !ok {
			return
		}
		short++
		if want := card.exact(u, m); p != want {
			t.Fatalf("%+v at %s of %+v: %+v in machine words, %+v in fractions", u, m, card, p, want)
		}
	})
	if short == 0 {
		t.Error("nothing was short: it proves nothing")
	}
	for n := range int64(1000) { // halves of micro-dollars
		card, u := Card{InputPerMillion: 500_000, OutputPerMillion: 1_500_000}, Usage{InputTokens: n, OutputTokens: n / 3, Agents: n}
		if p, ok := card.short(u, money.One); !ok || p != card.exact(u, money.One) {
			t.Errorf("%d: %+v, %v; want %+v", n, p, ok, card.exact(u, money.One))
		}
	}
	if _, ok := Swarms().short(Usage{InputTokens: 100_000, OutputTokens: 20_000, Agents: 3}, money.One/2); !ok {
		t.Error("the price of a usual run isn't short")
	}
}

func BenchmarkPrice(b *testing.B) {
	card, u := Swarms(), Usage{InputTokens: 6000, OutputTokens: 3000, Agents: 2}
	b.Run("short", func(b *testing.B) {
		for b.Loop() {
			card.Price(u, card.Night)
		}
	})
	b.Run("exact", func(b *testing.B) {
		for b.Loop() {
			card.exact(u, card.Night)
		}
	})
}
