package simulator

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// The worked figures of the night-mode guide, and the half-to-even edges.
func TestPriceOf(t *testing.T) {
	card := tariff.Swarms()
	for _, c := range []struct {
		in, out, agents int64
		m               money.Ratio
		want            [4]string // input, output, agents, total
	}{
		{6000, 3000, 5, money.One, [4]string{"0.039", "0.0555", "0.05", "0.1445"}},
		{6000, 3000, 5, money.Half, [4]string{"0.0195", "0.02775", "0.05", "0.09725"}},
		{0, 0, 0, money.One, [4]string{"0.0", "0.0", "0.0", "0.0"}},
		{1, 0, 0, money.One, [4]string{"6e-06", "0.0", "0.0", "6e-06"}},       // 6.5 millionths: to the even one
		{3, 1, 0, money.One, [4]string{"2e-05", "1.8e-05", "0.0", "3.8e-05"}}, // 19.5, 18.5; together 38
		{1, 1, 0, money.Half, [4]string{"3e-06", "9e-06", "0.0", "1.2e-05"}},  // 3.25 and 9.25 are 12.5
		{1_000_000, 1_000_000, 1, money.One, [4]string{"6.5", "18.5", "0.01", "25.01"}},
	} {
		b := priceOf(&card, c.in, c.out, c.agents, c.m)
		for i, got := range []money.USD{b.Input, b.Output, b.Agents, b.Total} {
			if s := literal(got, b.exact[i], NumbersSixPlaces, 0); string(s) != c.want[i] {
				t.Errorf("%d in, %d out, %d agents at %s, part %d: %s, want %s", c.in, c.out, c.agents, c.m, i, s, c.want[i])
			}
		}
	}
}

// Three ways to the same bill: these integers, fractions, and tariff's.
func TestPriceAgreesWithFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.Int64Range(0, int64(maxPrice))
		card := tariff.Card{
			InputPerMillion:  money.USD(price.Draw(t, "input")),
			OutputPerMillion: money.USD(price.Draw(t, "output")),
			PerAgent:         money.USD(rapid.Int64Range(0, int64(money.Dollar)).Draw(t, "agent")),
		}
		tokens := rapid.OneOf(rapid.Int64Range(0, 100_000), rapid.Int64Range(0, 10_000_000))
		in, out := tokens.Draw(t, "in"), tokens.Draw(t, "out")
		agents := rapid.Int64Range(0, 100).Draw(t, "agents")
		m := money.Ratio(rapid.Int64Range(0, int64(money.One)).Draw(t, "multiplier"))

		part := func(n int64, per money.USD, unit int64, m money.Ratio) *big.Rat {
			r := new(big.Rat).Mul(big.NewRat(n, unit), per.Rat())
			return r.Mul(r, m.Rat())
		}
		parts := []*big.Rat{
			part(in, card.InputPerMillion, 1_000_000, m),
			part(out, card.OutputPerMillion, 1_000_000, m),
			part(agents, card.PerAgent, 1, money.One),
		}
		sum := new(big.Rat)
		for _, p := range parts {
			sum.Add(sum, p)
		}
		b := priceOf(&card, in, out, agents, m)
		for i, got := range []money.USD{b.Input, b.Output, b.Agents, b.Total} {
			exact := sum
			if i < 3 {
				exact = parts[i]
			}
			if want, err := money.FromRat(exact); err != nil || want != got {
				t.Fatalf("part %d: %s, want %s (%v)", i, got, want, err)
			}
			printed, ok := new(big.Rat).SetString(string(literal(got, b.exact[i], NumbersUnrounded, 0)))
			if !ok || printed.Cmp(exact) != 0 {
				t.Fatalf("part %d unrounded: %s, want %s", i, literal(got, b.exact[i], NumbersUnrounded, 0), exact.FloatString(20))
			}
		}
		theirs := card.Price(tariff.Usage{InputTokens: in, OutputTokens: out, Agents: agents}, m)
		if theirs != (tariff.Price{Input: b.Input, Output: b.Output, Agents: b.Agents, Total: b.Total}) {
			t.Fatalf("tariff says %+v, the simulator %+v", theirs, b)
		}
	})
}

// However it is printed, a reader who rounds gets the amount.
func TestLiteralsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := money.USD(rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(0, 1e12)).Draw(t, "micros"))
		for _, style := range []string{NumbersSixPlaces, NumbersFloats} {
			s := string(literal(u, atto{}, style, rapid.Uint64().Draw(t, "noise")))
			got, err := money.Round(s)
			if err != nil || got != u {
				t.Fatalf("%s prints %s as %s, which reads %s (%v)", style, u, s, got, err)
			}
		}
	})
	if got := literal(58_500, atto{}, NumbersFloats, 2); got != "0.058500000000000003" {
		t.Errorf("noise of 3 on 0.0585: %s", got)
	}
	if got := literal(58_500, atto{}, NumbersFloats, 9); got != "0.058499999999999997" {
		t.Errorf("noise of -3 on 0.0585: %s", got)
	}
}

// The server's rule and tariff's agree on every instant.
func TestCheapAgreesWithTariff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := tariff.SwarmsWindow()
		if rapid.Bool().Draw(t, "other") {
			w.Zone = rapid.SampledFrom([]string{"Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"}).Draw(t, "zone")
			w.Open = tariff.Clock(rapid.IntRange(0, 86_399).Draw(t, "open"))
			w.Close = tariff.Clock(rapid.IntRange(0, 86_399).Filter(func(c int) bool { return tariff.Clock(c) != w.Open }).Draw(t, "close"))
			w.Weekdays = rapid.SampledFrom([][]time.Weekday{nil, {time.Sunday, time.Wednesday}, {time.Saturday}}).Draw(t, "weekdays")
		}
		zone, err := time.LoadLocation(w.Zone)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1_767_225_600, 2_082_758_400).Draw(t, "instant"), 0)
		if got, want := cheap(&w, zone, at), w.Cheap(at); got != want {
			t.Fatalf("%s in %+v: cheap %v, tariff says %v", at.In(zone), w, got, want)
		}
	})
}
