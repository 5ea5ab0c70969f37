package audit_test

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

func TestTheGuidesMonth(t *testing.T) {
	v := newNight(1000).verdict()
	if !v.Audit.Passed || len(v.Audit.Findings) != 0 || v.Audit.Findings == nil {
		t.Fatalf("a true night: %+v", v.Audit)
	}
	// 1,000 runs: 97.25 by night, 144.50 by day, 47.25 saved (night-mode guide).
	want := batch.Money{Billed: 9725 * money.Cent, DayPrice: 14450 * money.Cent, Saved: 4725 * money.Cent, Ceiling: 1000 * money.Dollar}
	if diff := cmp.Diff(want, v.Money); diff != "" {
		t.Error(diff)
	}
	if v.Discount != (batch.Discount{Landed: 1000}) || v.Possible != v.Money.Saved || v.Realised != v.Possible {
		t.Errorf("discount %+v, possible %s, realised %s", v.Discount, v.Possible, v.Realised)
	}
	// Half of the 50 dollars of agent fees, which dominate the bill.
	if len(v.Leaks) != 1 || v.Leaks[0].Dollars != 25*money.Dollar || !strings.Contains(v.Leaks[0].Note, "dominates") {
		t.Errorf("leaks %+v", v.Leaks)
	}
	if audit.Primary(v.Audit) != "" || audit.Fault("a/2026-11-22", v.Audit) != nil {
		t.Error("a night that passed has a fault")
	}
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name    string
		falsify func(*night)
		rules   []batch.Kind // all findings, in order
		count   int          // of the first
		dollars money.USD    // of the first
		cause   string       // of the first
	}{
		{"leftovers alone don't fail", func(b *night) {
			b.turn(0, batch.Parked)
			b.turn(1, batch.Rejected)
			b.turn(2, batch.Skipped)
			b.turn(3, batch.Cancelled)
		}, nil, 0, 0, ""},
		{"two ended after the close", func(b *night) {
			for i := range 2 {
				b.charges[i] = byDay(b.charges[i])
				b.charges[i].EndedAt = at(6, 2, 10*i)
			}
		}, []batch.Kind{batch.DiscountMissed}, 2, 94_500, "ended after the close at 06:00 PST, the last one at 06:02:10 PST"},
		{"none got it", func(b *night) {
			for i := range b.charges {
				b.charges[i] = byDay(b.charges[i])
			}
		}, []batch.Kind{batch.DiscountMissed}, 5, 236_250, "the provider's clock or zone, or the discount is off: the rate card moved"},
		{"one didn't get it", func(b *night) { b.charges[4] = byDay(b.charges[4]) }, []batch.Kind{batch.DiscountMissed}, 1, 47_250, "charged the day price: the provider's clock or zone"},
		{"the manifest's window isn't the provider's", func(b *night) {
			b.zone = "UTC"
			b.charges[4] = byDay(b.charges[4])
			b.charges[4].SentAt, b.charges[4].EndedAt = at(13, 0, 0), at(13, 1, 0)
			for i := range 4 {
				b.charges[i].EndedAt = at(21, 30, 0)
			}
		}, []batch.Kind{batch.DiscountMissed}, 1, 47_250, "outside the provider's, 20:00 to 06:00 America/Los_Angeles: the wrong zone or hours"},
		{"each cause is its own finding", func(b *night) {
			b.charges[0] = byDay(b.charges[0])
			b.charges[0].EndedAt = at(6, 0, 0)
			b.charges[1].DiscountActive = ptr(false)
			b.charges[2] = byDay(b.charges[2])
		}, []batch.Kind{batch.DiscountMissed, batch.DiscountMissed, batch.DiscountMissed}, 1, 47_250, "after the close"},
		{"a charge at the ceiling", func(b *night) {
			c := &b.charges[3]
			c.Source, c.Total, c.HasParts, c.HasTokens = ledger.FromCeiling, money.Dollar, false, false
		}, []batch.Kind{batch.BillingMissing}, 1, money.Dollar, "the ceiling stands in"},
		{"unknown jobs", func(b *night) { b.turn(1, batch.Unknown); b.turn(2, batch.Unknown) }, []batch.Kind{batch.OutcomesUnknown}, 2, 2 * money.Dollar, "may have been billed"},
		{"unfinished jobs", func(b *night) {
			b.turn(0, batch.Planned)
			b.turn(1, batch.Reserved)
			b.turn(2, batch.Sending)
		}, []batch.Kind{batch.BooksDisagree}, 3, 2 * money.Dollar, "unfinished"},
		{"charged twice", func(b *night) {
			c := b.charges[0]
			c.N, c.Attempt = 6, 2
			b.charges = append(b.charges, c)
		}, []batch.Kind{batch.BooksDisagree}, 1, 97_250, "more than one charge"},
		{"a charge without a job", func(b *night) {
			c := b.charges[0]
			c.Seq, c.Name, c.RequestID = 9, "stray", "id-9"
			b.charges = append(b.charges, c)
		}, []batch.Kind{batch.BooksDisagree}, 1, 97_250, "no job that succeeded"},
		{"a charge of a rejected job", func(b *night) { b.jobs[2].State = batch.Rejected }, []batch.Kind{batch.BooksDisagree}, 1, 97_250, "no job that succeeded"},
		{"a job without a charge", func(b *night) { b.charges = b.charges[1:] }, []batch.Kind{batch.BooksDisagree}, 1, money.Dollar, "succeeded without a charge"},
		{"above the ceiling", func(b *night) { b.jobs[0].Ceiling = 97_249 }, []batch.Kind{batch.BooksDisagree}, 1, 1, "above the ceiling"},
		{"parts don't add up", func(b *night) { b.charges[0].Agent -= 5 }, []batch.Kind{batch.DiscountMissed, batch.BooksDisagree}, 1, 5, "rate card"},
		{"the ledger expected another price", func(b *night) { b.charges[0].DayPrice += 3 }, []batch.Kind{batch.BooksDisagree}, 1, 3, "aren't those of the batch's rate card"},
		{"a job listed twice", func(b *night) { b.jobs = append(b.jobs, b.jobs[0]); b.planned++ }, []batch.Kind{batch.BooksDisagree}, 1, 0, "listed twice"},
		{"a job is missing", func(b *night) { b.planned = 6 }, []batch.Kind{batch.BooksDisagree}, 0, 0, "6 jobs were planned and the ledger has 5"},
		{"running sum of charges", func(b *night) { b.totals = func(t *ledger.Totals) { t.Charged++ } }, []batch.Kind{batch.BooksDisagree}, 0, 1, "says $0.486251 charged, its rows add up to $0.48625"},
		{"running sum of day prices", func(b *night) { b.totals = func(t *ledger.Totals) { t.DayPrice-- } }, []batch.Kind{batch.BooksDisagree}, 0, 1, "day price"},
		{"running sum of reservations", func(b *night) { b.totals = func(t *ledger.Totals) { t.Held = money.Cent } }, []batch.Kind{batch.BooksDisagree}, 0, money.Cent, "$0.01 set aside"},
		{"number of charges", func(b *night) { b.totals = func(t *ledger.Totals) { t.Charges++ } }, []batch.Kind{batch.BooksDisagree}, 0, 0, "says 6 charges, it has 5"},
		{"counts by state", func(b *night) { b.totals = func(t *ledger.Totals) { t.Jobs.Succeeded--; t.Sending++ } }, []batch.Kind{batch.BooksDisagree}, 0, 0, "4 succeeded; its rows are 5 jobs, 5 succeeded"},
		{"no jobs", func(b *night) { *b = night{} }, []batch.Kind{batch.NothingToJudge}, 0, 0, "the batch has no jobs"},
		{"all left over", func(b *night) {
			for i := range b.jobs {
				b.turn(i, batch.Parked)
			}
			b.turn(1, batch.Rejected)
			b.stop = "the key was refused:\nHTTP 403"
		}, []batch.Kind{batch.NothingToJudge}, 5, 0, "no job was charged: 1 rejected, 4 parked; the night was stopped: the key was refused: HTTP 403"},
		{"all unknown is no empty night", func(b *night) {
			for i := range b.jobs {
				b.turn(i, batch.Unknown)
			}
		}, []batch.Kind{batch.OutcomesUnknown}, 5, 5 * money.Dollar, ""},
		{"money lost comes before money in doubt", func(b *night) {
			b.turn(0, batch.Unknown)
			b.charges[3] = byDay(b.charges[3])
			b.planned++
		}, []batch.Kind{batch.DiscountMissed, batch.OutcomesUnknown, batch.BooksDisagree}, 1, 47_250, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newNight(5)
			c.falsify(b)
			v := b.verdict()
			var rules []batch.Kind
			for _, f := range v.Audit.Findings {
				rules = append(rules, f.Rule)
				if f.Cause == "" || f.Remedy == "" || f.Jobs == nil {
					t.Errorf("unfinished finding %+v", f)
				}
			}
			if diff := cmp.Diff(c.rules, rules); diff != "" {
				t.Fatalf("%s%+v", diff, v.Audit.Findings)
			}
			fault := audit.Fault("market-digest/2026-11-22", v.Audit)
			if v.Audit.Passed != (len(c.rules) == 0) || (fault == nil) != v.Audit.Passed {
				t.Fatalf("passed is %t with %v", v.Audit.Passed, rules)
			}
			if fault == nil {
				return
			}
			f := v.Audit.Findings[0]
			if f.Count != c.count || f.Dollars != c.dollars || !strings.Contains(f.Cause, c.cause) {
				t.Errorf("got %d jobs, %s, %q; want %d, %s, %q", f.Count, f.Dollars, f.Cause, c.count, c.dollars, c.cause)
			}
			if fault.Kind != c.rules[0] || fault.Kind != audit.Primary(v.Audit) || fault.Kind.ExitCode() != batch.ExitAudit || fault.Hint != f.Remedy {
				t.Errorf("fault %+v", fault)
			}
		})
	}
}

// The provider's own troubleshooting table and what else can go wrong with a
// charge: each has a finding of its own, with what to do (Swarms docs,
// night-mode guide).
func TestEachCauseHasItsRemedy(t *testing.T) {
	for cause, c := range map[string]struct {
		rule    batch.Kind
		falsify func(*ledger.Charge)
		say, do string
	}{
		"a job crossed 6 AM": {batch.DiscountMissed, func(c *ledger.Charge) { *c = byDay(*c); c.EndedAt = at(6, 1, 0) }, "ended after the close", "lower window.finish_by"},
		"it ran by day":      {batch.DiscountMissed, func(c *ledger.Charge) { *c = byDay(*c); c.SentAt, c.EndedAt = at(13, 0, 0), at(13, 1, 0) }, "ran by day", "check the clocks"},
		"sent too early":     {batch.DiscountMissed, func(c *ledger.Charge) { *c = byDay(*c); c.SentAt, c.EndedAt = at(19, 55, 0), at(20, 2, 0) }, "before the opening", "set window.start_at later"},
		"the flag lies": {batch.DiscountMissed, func(c *ledger.Charge) {
			day := byDay(*c)
			c.Total, c.Input, c.Output = day.Total, day.Input, day.Output
		}, "the flag lies", "ask the provider for the difference"},
		"the rate card moved": {batch.DiscountMissed, func(c *ledger.Charge) { c.Input += money.Cent; c.Total += money.Cent }, "the rate card moved", "pricing page"},
		"inside, and by day":  {batch.DiscountMissed, func(c *ledger.Charge) { *c = byDay(*c) }, "the provider's clock or zone", "hold the next night"},
		"fields contradict":   {batch.DiscountMissed, func(c *ledger.Charge) { c.DiscountActive = ptr(false) }, "contradict each other", "which field is right"},
		"no amount":           {batch.BillingMissing, func(c *ledger.Charge) { c.Source = ledger.FromCeiling }, "the ceiling stands in", "reconcile again"},
		"no tokens, no price": {batch.BillingMissing, func(c *ledger.Charge) { c.HasTokens, c.NightPrice, c.DayPrice = false, 0, 0 }, "no token counts", "rate card"},
	} {
		b := newNight(3)
		if v := b.verdict(); !v.Audit.Passed {
			t.Fatalf("%+v", v.Audit)
		}
		c.falsify(&b.charges[1])
		v := b.verdict()
		if len(v.Audit.Findings) != 1 {
			t.Errorf("%s: %+v", cause, v.Audit.Findings)
			continue
		}
		f := v.Audit.Findings[0]
		if f.Rule != c.rule || !slices.Equal(f.Jobs, []string{"job 1"}) || !strings.Contains(f.Cause, c.say) || !strings.Contains(f.Remedy, c.do) {
			t.Errorf("%s: %+v", cause, f)
		}
	}
}

// The agent fee, which no night discounts, is named as what keeps the bill
// high only where it is the larger part of it.
func TestTheAgentFeeDominates(t *testing.T) {
	for agents, dominates := range map[int64]bool{1: false, 4: false, 5: true, 50: true} { // tokens are 0.04725 by night
		b := newNight(1)
		u := guide
		u.Agents = agents
		b.charges[0] = charge(0, u)
		var notes []string
		for _, l := range b.verdict().Leaks {
			notes = append(notes, l.Note)
		}
		if got := strings.Contains(strings.Join(notes, ""), "dominates"); got != dominates {
			t.Errorf("%d agents: %q", agents, notes)
		}
	}
}

func TestFaultText(t *testing.T) {
	b := newNight(30)
	for i := range 25 {
		b.charges[i] = byDay(b.charges[i])
	}
	for i, name := range []string{"ok", "<b>\n\u202Eevil\x1b[31m", strings.Repeat("long", 500)} {
		b.jobs[i].Name, b.charges[i].Name = name, name
	}
	b.planned++
	v := b.verdict()
	text := audit.Fault("market-digest/2026-11-22", v.Audit).Error()
	want := `audit market-digest/2026-11-22: DiscountMissed: 25 jobs, $1.18125 ("ok", "<b>\n\u202eevil\x1b[31m", "longlong`
	if !strings.HasPrefix(text, want) || !strings.HasSuffix(text, "; and one more finding, in the report") || len(text) > 600 {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	if f := v.Audit.Findings[0]; len(f.Jobs) != batch.MaxFindingJobs || len(v.All[0].Jobs) != 25 || f.Count != 25 {
		t.Errorf("%d names of %d, %d in all", len(f.Jobs), f.Count, len(v.All[0].Jobs))
	}
	if raw, err := json.Marshal(v.Audit); err != nil || !json.Valid(raw) {
		t.Error(err)
	}
	if k := audit.Primary(batch.Audit{}); k != batch.NothingToJudge {
		t.Errorf("an audit that never took place is %q", k)
	}
}

// The order in which the night is streamed makes no difference.
func TestOrderOfTheStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := draw(t)
		want := b.verdict()
		type feed func(*audit.Judge)
		var feeds []feed
		for _, job := range b.jobs {
			feeds = append(feeds, func(j *audit.Judge) { j.Job(job) })
		}
		for _, c := range b.charges {
			feeds = append(feeds, func(j *audit.Judge) { j.Charge(c) })
		}
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "shuffle")))
		r.Shuffle(len(feeds), func(i, k int) { feeds[i], feeds[k] = feeds[k], feeds[i] })
		j := audit.New(b.terms())
		for _, f := range feeds {
			f(j)
		}
		if diff := cmp.Diff(want, j.Verdict()); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(want, j.Verdict()); diff != "" {
			t.Fatal("asked twice: " + diff)
		}
	})
}

// What was saved and what leaked add up to what the night would have taken off
// everything, up to rounding; and a night with one false charge never passes.
func TestLeaksAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := draw(t)
		v := b.verdict()
		sum, untrue := v.Money.Saved, 0
		for _, l := range v.Leaks {
			if !slices.Contains([]string{batch.LeakTwice, batch.LeakRetried, batch.LeakParked}, l.Cause) {
				sum += l.Dollars
			}
		}
		for _, c := range b.charges {
			if c.DiscountActive == nil || !*c.DiscountActive {
				untrue++
			}
		}
		half := v.Money.DayPrice / 2
		if d := sum - half; d > money.USD(3*len(b.charges)+2) || -d > money.USD(3*len(b.charges)+2) {
			t.Fatalf("saved %s and leaks %+v make %s, want %s", v.Money.Saved, v.Leaks, sum, half)
		}
		if v.Audit.Passed && (untrue > 0 || v.Discount.Landed == 0) {
			t.Fatal("passed")
		}
		if v.Discount.Missed < untrue || v.Discount.Landed+v.Discount.Missed != len(b.charges) {
			t.Fatalf("%d false charges: %+v", untrue, v.Discount)
		}
		if v.Realised > v.Possible+money.USD(2*len(b.charges)) {
			t.Fatalf("realised %s of %s", v.Realised, v.Possible)
		}
	})
}

func draw(t *rapid.T) *night {
	b := newNight(rapid.IntRange(1, 12).Draw(t, "jobs"))
	for i := range b.jobs {
		switch rapid.IntRange(0, 9).Draw(t, fmt.Sprint("fate ", i)) {
		case 0:
			b.turn(i, rapid.SampledFrom(batch.States()).Draw(t, "state"))
		case 1, 2:
			for k := range b.charges {
				if b.charges[k].Seq == i {
					b.charges[k] = byDay(b.charges[k])
					b.charges[k].EndedAt = at(rapid.SampledFrom([]int{19, 22, 6, 7}).Draw(t, "hour"), 1, 2)
				}
			}
		case 3:
			for k := range b.charges {
				if b.charges[k].Seq == i {
					b.charges[k].Agent += money.Cent
					b.charges[k].Total += money.Cent
				}
			}
		case 4:
			b.jobs[i].Attempts = 3
		}
	}
	return b
}

func TestLeaks(t *testing.T) {
	b := newNight(4)
	b.charges[0] = byDay(b.charges[0])
	b.charges[0].EndedAt = at(6, 0, 1)
	b.charges[1].Agent += money.Cent
	b.charges[1].Total += money.Cent
	b.jobs[2].Attempts = 4
	b.turn(3, batch.Parked)
	got := map[string]batch.Leak{}
	for _, l := range b.verdict().Leaks {
		got[l.Cause] = l
	}
	for cause, want := range map[string]struct {
		jobs    int
		dollars money.USD
	}{
		batch.LeakLate: {1, 47_250}, batch.LeakFeeAbove: {1, money.Cent}, batch.LeakRetried: {1, 0},
		batch.LeakParked: {1, 47_250}, batch.LeakAgentFee: {3, 75_000},
	} {
		if l := got[cause]; l.Jobs != want.jobs || l.Dollars != want.dollars || l.Note == "" {
			t.Errorf("leak %q is %+v, want %+v", cause, l, want)
		}
	}
	if len(got) != 5 {
		t.Errorf("leaks %+v", got)
	}
}

// BenchmarkJudge is the cost of one job and its charge.
func BenchmarkJudge(b *testing.B) {
	night := newNight(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	if v := night.verdict(); !v.Audit.Passed {
		b.Fatal(v.Audit.Findings)
	}
}

// A batch that went on in a second night: a charge of the first is judged by
// the hours of the first, as it was that morning.
func TestEachChargeByItsNight(t *testing.T) {
	w := tariff.SwarmsWindow()
	tomorrow, err := w.On("2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	b := newNight(3)
	b.charges[0] = byDay(b.charges[0])
	b.charges[0].SentAt, b.charges[0].EndedAt = at(5, 55, 0), at(6, 2, 10) // late, in the first night
	b.charges[2].SentAt, b.charges[2].EndedAt = tomorrow.StartAt, tomorrow.StartAt.Add(time.Minute)
	for name, c := range map[string]struct {
		window *tariff.Window
		say    string
	}{
		"the books say the window": {&w, "ended after the close at 06:00 PST"},
		"they don't":               {nil, "ran by day"},
	} {
		terms := b.terms()
		terms.Span, terms.Batch.Policy.Window = tomorrow, c.window
		j := audit.New(terms)
		for _, job := range b.jobs {
			j.Job(job)
		}
		for _, charge := range b.charges {
			j.Charge(charge)
		}
		v := j.Verdict()
		if v.Discount != (batch.Discount{Landed: 2, Missed: 1}) || len(v.Audit.Findings) != 1 || !strings.Contains(v.Audit.Findings[0].Cause, c.say) {
			t.Errorf("%s: %+v, %+v", name, v.Discount, v.Audit.Findings)
		}
	}
}
