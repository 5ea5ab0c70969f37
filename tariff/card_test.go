package tariff_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// guideRun is the run that the Swarms night-mode guide works out.
var guideRun = tariff.Usage{InputTokens: 6_000, OutputTokens: 3_000, Agents: 5}

func usd(t testing.TB, s string) money.USD {
	t.Helper()
	u, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Every figure of the guide's "monthly math".
func TestNightModeGuideFigures(t *testing.T) {
	card := tariff.Swarms()
	day, night := card.Day(guideRun), card.AtNight(guideRun)
	if diff := cmp.Diff(tariff.Price{Input: usd(t, "0.0390"), Output: usd(t, "0.0555"), Agents: usd(t, "0.05"), Total: usd(t, "0.1445")}, day); diff != "" {
		t.Errorf("by day (-guide +ours):\n%s", diff)
	}
	if diff := cmp.Diff(tariff.Price{Input: usd(t, "0.0195"), Output: usd(t, "0.02775"), Agents: usd(t, "0.05"), Total: usd(t, "0.09725")}, night); diff != "" {
		t.Errorf("at night (-guide +ours):\n%s", diff)
	}

	const perMonth = 1_000 * 30
	saved := day.Total - night.Total
	for _, c := range []struct {
		what string
		got  money.USD
		want string
	}{
		{"a day of 1,000 by day", day.Total.Times(1_000), "144.50"},
		{"a day of 1,000 at night", night.Total.Times(1_000), "97.25"},
		{"a month by day", day.Total.Times(perMonth), "4335.00"},
		{"a month at night", night.Total.Times(perMonth), "2917.50"},
		{"saved a month", saved.Times(perMonth), "1417.50"},
		{"saved a year", saved.Times(perMonth * 12), "17010"},
		{"saved a month at ten times the load", saved.Times(perMonth * 10), "14175"},
	} {
		if want := usd(t, c.want); c.got != want {
			t.Errorf("%s: %s, the guide says %s", c.what, c.got, want)
		}
	}

	share := new(big.Rat).Quo(saved.Rat(), day.Total.Rat())
	if got := share.Mul(share, big.NewRat(100, 1)).FloatString(1); got != "32.7" {
		t.Errorf("saving is %s %%, want 32.7: the agent fee isn't discounted", got)
	}
}

func TestPriceRoundsEachPartAndTheSumOnce(t *testing.T) {
	// One token in and one out at $0.50 a million each are half a micro-dollar
	// each: both round to the even 0, but together they are one.
	card := tariff.Card{InputPerMillion: 50 * money.Cent, OutputPerMillion: 50 * money.Cent, Night: money.Half}
	got := card.Day(tariff.Usage{InputTokens: 1, OutputTokens: 1})
	if diff := cmp.Diff(tariff.Price{Total: money.Micro}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Three tokens are 1.5 micro-dollars, to the even 2.
	if got := card.Day(tariff.Usage{InputTokens: 3}).Input; got != 2 {
		t.Errorf("1.5 micro-dollars round to %d, want 2", got)
	}
}

func TestPriceAtTheExtremes(t *testing.T) {
	card := tariff.Swarms()
	all := tariff.Usage{InputTokens: math.MaxInt64, OutputTokens: math.MaxInt64, Agents: math.MaxInt64}
	got := card.Day(all)
	if got.Total != math.MaxInt64 || got.Input <= 0 || got.Output <= 0 || got.Agents <= 0 {
		t.Errorf("the largest usage costs %+v, want the largest amount and nothing below zero", got)
	}
	below := tariff.Usage{InputTokens: math.MinInt64, OutputTokens: -1, Agents: -5}
	if got := card.Day(below); got != (tariff.Price{}) {
		t.Errorf("usage below zero costs %+v, want nothing", got)
	}
}

// Night never costs more than day, only tokens are discounted, more usage
// never costs less, and the total is within rounding of its parts.
func TestPriceProperties(t *testing.T) {
	count := func(t *rapid.T, name string) int64 { return rapid.Int64Range(0, 1<<40).Draw(t, name) }
	rapid.Check(t, func(t *rapid.T) {
		card := tariff.Card{
			InputPerMillion:  money.USD(count(t, "input price")),
			OutputPerMillion: money.USD(count(t, "output price")),
			PerAgent:         money.USD(rapid.Int64Range(0, 1<<20).Draw(t, "agent price")),
			Night:            money.Ratio(rapid.Int64Range(1, int64(money.One)).Draw(t, "night")),
		}
		if err := card.Check(); err != nil {
			t.Fatal(err)
		}
		u := tariff.Usage{InputTokens: rapid.Int64Range(0, 1<<24).Draw(t, "in"), OutputTokens: rapid.Int64Range(0, 1<<24).Draw(t, "out"), Agents: rapid.Int64Range(0, 1<<20).Draw(t, "agents")}
		day, night := card.Day(u), card.AtNight(u)
		if night.Input > day.Input || night.Output > day.Output || night.Total > day.Total {
			t.Fatalf("night %+v is dearer than day %+v", night, day)
		}
		if night.Agents != day.Agents {
			t.Fatalf("the agent fee is %s at night and %s by day", night.Agents, day.Agents)
		}
		for _, p := range []tariff.Price{day, night} {
			if off := p.Total - p.Input - p.Output - p.Agents; off < -1 || off > 1 {
				t.Fatalf("%+v: total and parts differ by %d micro-dollars", p, off)
			}
		}
		u.OutputTokens++
		if more := card.Day(u); more.Total < day.Total {
			t.Fatalf("one token more costs %s instead of %s", more.Total, day.Total)
		}
	})
}

func TestCardCheck(t *testing.T) {
	if err := tariff.Swarms().Check(); err != nil {
		t.Errorf("the built-in card: %v", err)
	}
	err := tariff.Card{InputPerMillion: -1, OutputPerMillion: -1, PerAgent: -1, Image: -1, MCPCall: -1, Search: -1, Scrape: -1}.Check()
	want := []string{"input_per_million", "output_per_million", "per_agent", "image", "mcp_call", "search", "scrape", "night"}
	if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
		t.Errorf("fields in error (-want +got):\n%s", diff)
	}
	for _, night := range []money.Ratio{-money.Half, 0, money.One + 1} {
		card := tariff.Swarms()
		card.Night = night
		if diff := cmp.Diff([]string{"night"}, fieldsOf(card.Check())); diff != "" {
			t.Errorf("night %s (-want +got):\n%s", night, diff)
		}
	}
	card := tariff.Swarms()
	card.Night = money.One // no discount is a tariff too
	if err := card.Check(); err != nil {
		t.Errorf("night 1: %v", err)
	}
}

// fieldsOf lists the fields that a joined error names.
func fieldsOf(err error) []string {
	var fields []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			var f tariff.FieldError
			if errors.As(e, &f) {
				fields = append(fields, f.Field)
			}
		}
	}
	return fields
}

func TestCardTravelsAsJSON(t *testing.T) {
	b, err := json.Marshal(tariff.Swarms())
	if err != nil {
		t.Fatal(err)
	}
	var got tariff.Card
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tariff.Swarms(), got); diff != "" {
		t.Errorf("%s (-sent +received):\n%s", b, diff)
	}
}

// The run of the night-mode guide: 5 agents, 6,000 tokens in, 3,000 out.
func ExampleCard_Price() {
	card := tariff.Swarms()
	run := tariff.Usage{InputTokens: 6_000, OutputTokens: 3_000, Agents: 5}
	fmt.Println("by day:  ", card.Price(run, money.One).Total)
	fmt.Println("at night:", card.Price(run, card.Night).Total)
	// Output:
	// by day:   0.144500
	// at night: 0.097250
}
