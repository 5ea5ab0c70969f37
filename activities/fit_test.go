package activities

import (
	"math"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

func yes(b bool) *bool { return &b }

func TestCharge(t *testing.T) {
	s := &submission{batch: ledger.Batch{Card: tariff.Swarms()}}
	known := func(u money.USD) money.Literal { return money.Literal{USD: u, Text: u.String(), Known: true} }
	kind, percent := "night_time", "50"
	full := &swarms.Usage{
		InputTokens: 6000, OutputTokens: 3000, HasTokens: true, Agents: 5,
		TotalCost: money.Literal{USD: 97_250, Text: "0.09725000000000003", Known: true}, InputCost: known(19_500), OutputCost: known(27_750), AgentCost: known(50_000),
		NightApplied: yes(true), DiscountActive: yes(true), DiscountType: &kind, DiscountPercentage: &percent,
	}
	c := s.charge(ledger.Job{Agents: 2}, swarms.Completion{JobID: "swarms-1", Usage: full}, ledger.FromAnswer)
	if c.Total != 97_250 || c.TotalText != "0.09725000000000003" || !c.HasParts || c.Agents != 5 || c.DayPrice != 144_500 || c.NightPrice != 97_250 || c.DiscountType != kind || c.DiscountPercentage != percent {
		t.Errorf("%+v", c)
	}
	// Without tokens the parts say what the day would have cost.
	parts := *full
	parts.HasTokens = false
	if c = s.charge(ledger.Job{}, swarms.Completion{Usage: &parts}, ledger.FromLog); c.DayPrice != 144_500 || c.NightPrice != 97_250 {
		t.Errorf("by parts, discounted: %s, %s", c.DayPrice, c.NightPrice)
	}
	parts.NightApplied, parts.TotalCost, parts.InputCost, parts.OutputCost = yes(false), known(144_500), known(39_000), known(55_500)
	if c = s.charge(ledger.Job{}, swarms.Completion{Usage: &parts}, ledger.FromLog); c.DayPrice != 144_500 || c.NightPrice != 97_250 {
		t.Errorf("by parts, in full: %s, %s", c.DayPrice, c.NightPrice)
	}
	// With neither, the total stands for both and nothing is proven.
	bare := &swarms.Usage{TotalCost: known(1)}
	if c = s.charge(ledger.Job{Agents: 2}, swarms.Completion{Usage: bare}, ledger.FromLog); c.HasTokens || c.DayPrice != 1 || c.NightPrice != 1 || c.Agents != 2 {
		t.Errorf("bare: %+v", c)
	}
	if c = s.ceilingCharge(ledger.Job{Ceiling: 42}, swarms.Completion{}); c.Total != 42 || c.TotalText != "" || c.Source != ledger.FromCeiling {
		t.Errorf("ceiling: %+v", c)
	}
}

func TestSums(t *testing.T) {
	if plus(math.MaxInt64, 1) != math.MaxInt64 || plus(2, 3) != 5 {
		t.Error("plus")
	}
	for in, want := range map[money.USD]money.USD{0: 0, 1: 2, 2: 3, 10_000_000: 15_000_000, math.MaxInt64: math.MaxInt64} {
		if got := batch.CreditsNeeded(in); got != want {
			t.Errorf("1.5 x %d = %d, want %d", in, got, want)
		}
	}
}

func TestAbsent(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	answered, silent := ledger.Doubt{SentAt: at(-1), Answered: true, AbsentAfter: at(0)}, ledger.Doubt{SentAt: at(0), AbsentAfter: at(720)}
	since := answered
	since.SentAt = at(-20)
	for _, c := range []struct {
		name    string
		doubt   ledger.Doubt
		began   time.Time
		witness time.Time
		missing time.Time
		want    bool
	}{
		{"too soon", answered, at(1), at(1), time.Time{}, false},
		{"the lag has passed, and nothing shows that the log keeps up", answered, at(120), time.Time{}, time.Time{}, false},
		{"it shows what ended later", answered, at(120), at(1), time.Time{}, true},
		{"a moment before the lag has passed", answered, at(119), at(20), time.Time{}, false},
		{"a later run shows, and rows come in any order", answered, at(30), at(20), time.Time{}, false},
		{"it may still run", silent, at(719), at(700), time.Time{}, false},
		{"it can't run any more", silent, at(720), at(600), time.Time{}, true},
		{"what shows ended while it may still have run", silent, at(720), at(599), time.Time{}, false},
		{"what was answered doesn't show", silent, at(720), time.Time{}, at(600), false},
		{"nor what was answered after all that shows", silent, at(720), at(599), at(600), false},
		{"one row was lost among others", silent, at(720), at(601), at(600), true},
		{"what doesn't show isn't due yet", silent, at(720), time.Time{}, at(601), false},
		{"what was answered before is due, and doesn't show", since, at(120), time.Time{}, at(-21), false},
		{"what was answered since it was sent shows, and nothing later", since, at(120), at(-20), at(10), false},
		{"nothing that was answered since shows, and isn't due yet", since, at(120), at(-30), at(10), false},
		{"nothing was answered since, and what came before shows", since, at(120), at(-30), time.Time{}, false},
		{"a log that is behind proves nothing after an answer either", answered, at(500), at(-60), at(10), false},
	} {
		seen := sight{began: c.began, witness: c.witness}
		if !c.missing.IsZero() {
			seen.missing = []time.Time{c.missing}
		}
		s := &submission{in: batch.Submit{RequestTimeout: 10 * time.Minute}, batch: ledger.Batch{Policy: batch.Policy{LogLag: 2 * time.Minute}}}
		if got := s.due(c.doubt, seen) && !seen.behind(2*time.Minute) && seen.keepsUp(s.over(c.doubt)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
