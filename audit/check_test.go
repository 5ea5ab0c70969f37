package audit_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// In a night of several pieces what ran between two of them ran by day, and
// what ended there but was sent in a piece ended too late.
func TestExamineBetweenPieces(t *testing.T) {
	s := span
	s.Pieces = []tariff.Piece{{Opens: at(20, 0, 0), Closes: at(22, 0, 0)}, {Opens: at(2, 0, 0), Closes: at(6, 0, 0)}}
	for _, c := range []struct {
		sent, ended time.Time
		cause, says string
	}{
		{at(21, 59, 0), at(22, 0, 30), batch.LeakLate, "ended after the close at 22:00:30 PST"},
		{at(22, 10, 0), at(22, 11, 0), batch.LeakByDay, "ran by day: ended at 22:11:00 PST, between two stretches of cheap hours"},
		{at(2, 10, 0), at(2, 11, 0), batch.LeakNotApplied, "ended inside the window, at 02:11:00 PST"},
	} {
		ch := byDay(charge(0, guide))
		ch.SentAt, ch.EndedAt = c.sent, c.ended
		if got := audit.Examine(tariff.Swarms(), s, nil, ch); got.Cause != c.cause || got.Evidence != c.says && c.cause != batch.LeakNotApplied || !strings.HasPrefix(got.Evidence, c.says) {
			t.Errorf("sent %s, ended %s: %+v, want %s, %q", c.sent, c.ended, got, c.cause, c.says)
		}
	}
}

// Of a tariff without a discount nothing is missed when the provider says that
// there was none, and everything is when it takes more.
func TestExamineWithoutADiscount(t *testing.T) {
	card := tariff.Swarms().In(tariff.AlwaysOpen("UTC"))
	no := false
	ch := byDay(charge(0, guide))
	ch.NightApplied, ch.DiscountActive, ch.DiscountType, ch.DiscountPercentage = &no, &no, "none", "0"
	if got := audit.Examine(card, span, nil, ch); got.Proof != audit.Landed {
		t.Errorf("%+v", got)
	}
	ch.Input += money.Cent
	ch.Total += money.Cent
	if got := audit.Examine(card, span, nil, ch); got.Proof != audit.Missed || got.Overpaid != money.Cent {
		t.Errorf("a cent more: %+v", got)
	}
}

func TestExamine(t *testing.T) {
	full := money.USD(47_250) // what the guide's run costs more by day: 0.1445 - 0.09725
	for _, c := range []struct {
		name     string
		change   func(*ledger.Charge)
		proof    audit.Proof
		overpaid money.USD
		cause    string
		says     string
	}{
		{"truthful", nil, audit.Landed, 0, "", ""},
		{"type and percentage absent", func(c *ledger.Charge) { c.DiscountType, c.DiscountPercentage = "", "" }, audit.Landed, 0, "", ""},
		{"all flags absent", func(c *ledger.Charge) {
			c.DiscountType, c.DiscountPercentage, c.DiscountActive, c.NightApplied = "", "", nil, nil
		}, audit.Landed, 0, "", ""},
		{"percentage as a float", func(c *ledger.Charge) { c.DiscountPercentage = "50.0" }, audit.Landed, 0, "", ""},
		{"percentage as a fraction", func(c *ledger.Charge) { c.DiscountPercentage = "0.5" }, audit.Landed, 0, "", ""},
		{"unknown type", func(c *ledger.Charge) { c.DiscountType = "frenzy" }, audit.Landed, 0, "", ""},
		{"within rounding", func(c *ledger.Charge) { c.Total += 2 }, audit.Landed, 0, "", ""},
		{"cheaper than by night", func(c *ledger.Charge) {
			c.Input, c.Output, c.Total, c.DiscountPercentage = 0, 0, c.Agent, "100"
		}, audit.Landed, 0, "", ""},
		{"free", func(c *ledger.Charge) {
			c.Input, c.Output, c.Agent, c.Total, c.TotalText, c.DiscountPercentage = 0, 0, 0, 0, "0.0", "100"
		}, audit.Landed, 0, "", ""},
		{"more agents than named", func(c *ledger.Charge) { c.Agent += 3 * money.Cent; c.Total += 3 * money.Cent }, audit.Landed, 0, "", ""},
		{"without parts", func(c *ledger.Charge) { c.HasParts, c.Input, c.Output, c.Agent = false, 0, 0, 0 }, audit.Landed, 0, "", ""},
		{"without parts or agents", func(c *ledger.Charge) { c.HasParts, c.Agents = false, 0 }, audit.Landed, 0, "", ""},
		{"without tokens, price known", func(c *ledger.Charge) { c.HasTokens, c.InputTokens, c.OutputTokens = false, 0, 0 }, audit.Landed, 0, "", ""},

		{"by day inside the window", func(c *ledger.Charge) { *c = byDay(*c) }, audit.Missed, full, batch.LeakNotApplied, "ended inside the window, at 22:00:45 PST"},
		{"by day, end unknown", func(c *ledger.Charge) { *c = byDay(*c); c.EndedAt = time.Time{} }, audit.Missed, full, batch.LeakNotApplied, "isn't on record"},
		{"by day, without parts", func(c *ledger.Charge) { *c = byDay(*c); c.HasParts = false }, audit.Missed, full, batch.LeakNotApplied, ""},
		{"by day, without tokens", func(c *ledger.Charge) { *c = byDay(*c); c.HasTokens = false }, audit.Missed, full, batch.LeakNotApplied, ""},
		{"ended after the close", func(c *ledger.Charge) { *c = byDay(*c); c.SentAt, c.EndedAt = at(5, 55, 0), at(6, 2, 10) }, audit.Missed, full, batch.LeakLate, "ended after the close at 06:02:10 PST"},
		{"ended with the close", func(c *ledger.Charge) { *c = byDay(*c); c.SentAt, c.EndedAt = at(5, 55, 0), at(6, 0, 0) }, audit.Missed, full, batch.LeakLate, ""},
		{"ran in the morning", func(c *ledger.Charge) { *c = byDay(*c); c.SentAt, c.EndedAt = at(6, 0, 0), at(6, 2, 10) }, audit.Missed, full, batch.LeakByDay, "outside 20:00:00 PST to 06:00:00 PST"},
		{"ran before the opening", func(c *ledger.Charge) { *c = byDay(*c); c.SentAt, c.EndedAt = at(19, 0, 0), at(19, 59, 59) }, audit.Missed, full, batch.LeakByDay, "ended at 19:59:59 PST"},
		{"sent before the opening", func(c *ledger.Charge) { *c = byDay(*c); c.SentAt, c.EndedAt = at(19, 55, 0), at(20, 2, 0) }, audit.Missed, full, batch.LeakEarly, "sent at 19:55:00 PST"},
		{"the flag lies", func(c *ledger.Charge) {
			f := *c
			*c = byDay(*c)
			c.NightApplied, c.DiscountActive, c.DiscountType, c.DiscountPercentage = f.NightApplied, f.DiscountActive, f.DiscountType, f.DiscountPercentage
		}, audit.Missed, full, batch.LeakFlag, "the flag lies"},
		{"the vendor's example: active, at older rates", func(c *ledger.Charge) {
			// SequentialWorkflow page of the Swarms docs: 35 and 3,200 tokens at 3 and 15 dollars.
			c.InputTokens, c.OutputTokens, c.Agents = 35, 3200, 4
			c.Input, c.Output, c.Agent, c.Total = 105, 48_000, 40_000, 88_105
		}, audit.Missed, 48_105 - 29_714, batch.LeakCard, "$3.00 and $15.00 per million input and output tokens instead of $3.25 and $9.25: the rate card moved"},
		{"total dear, parts at night", func(c *ledger.Charge) { c.Total += money.Cent }, audit.Missed, money.Cent, batch.LeakCard, "the rate card moved"},
		{"one part dear, total agrees", func(c *ledger.Charge) { c.Input += 5; c.Output -= 5 }, audit.Missed, 0, batch.LeakCard, "the rate card moved"},
		{"just beyond rounding", func(c *ledger.Charge) { c.Total += 3 }, audit.Missed, 3, batch.LeakCard, ""},

		{"active false, price right", func(c *ledger.Charge) { c.DiscountActive = ptr(false) }, audit.Missed, 0, "signals", "contradict each other"},
		{"both flags false, price right", func(c *ledger.Charge) { c.DiscountActive, c.NightApplied = ptr(false), ptr(false) }, audit.Missed, 0, "signals", "says that no discount was applied"},
		{"type none, price right", func(c *ledger.Charge) { c.DiscountType = "None" }, audit.Missed, 0, "signals", ""},
		{"percentage 0, price right", func(c *ledger.Charge) { c.DiscountPercentage = "0" }, audit.Missed, 0, "signals", ""},
		{"percentage 75, price right", func(c *ledger.Charge) { c.DiscountPercentage = "75" }, audit.Missed, 0, "signals", `"75" percent off`},
		{"percentage hostile", func(c *ledger.Charge) { c.DiscountPercentage = "1e99999999\n" }, audit.Landed, 0, "", ""},

		{"ceiling", func(c *ledger.Charge) { c.Source = ledger.FromCeiling }, audit.Unproven, 0, "no amount", "no amount could be read"},
		{"no total", func(c *ledger.Charge) { c.Total, c.TotalText = 0, "" }, audit.Unproven, 0, "no amount", ""},
		{"total below zero", func(c *ledger.Charge) { c.Total, c.TotalText = -1, "-0.000001" }, audit.Unproven, 0, "no amount", ""},
		{"no tokens, no price", func(c *ledger.Charge) { c.HasTokens, c.NightPrice = false, 0 }, audit.Unproven, 0, "no tokens", "token counts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ch := charge(0, guide)
			if c.change != nil {
				c.change(&ch)
			}
			got := audit.Examine(tariff.Swarms(), span, nil, ch)
			if got.Proof != c.proof || got.Overpaid != c.overpaid || got.Cause != c.cause {
				t.Fatalf("got %+v, want %s, %s, %q", got, c.proof, c.overpaid, c.cause)
			}
			if !strings.Contains(got.Evidence, c.says) || (got.Evidence == "") != (got.Proof == audit.Landed) {
				t.Errorf("evidence is %q, want %q in it", got.Evidence, c.says)
			}
		})
	}
}

// Hours that are right in the wrong zone are no hours of the provider's.
func TestExamineWrongZone(t *testing.T) {
	w := tariff.SwarmsWindow()
	w.Zone = "UTC"
	utc, err := w.On("2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	for ended, want := range map[time.Time]string{
		utc.Opens.Add(3 * time.Hour): batch.LeakZone,       // 15:00 PST
		utc.Closes.Add(-time.Minute): batch.LeakNotApplied, // 21:59 PST: inside both
	} {
		c := byDay(charge(0, guide))
		c.SentAt, c.EndedAt = ended.Add(-time.Minute), ended
		if got := audit.Examine(tariff.Swarms(), utc, nil, c); got.Cause != want || want == batch.LeakZone && !strings.Contains(got.Evidence, "20:00 to 06:00 America/Los_Angeles") {
			t.Errorf("%s: %+v", ended, got)
		}
	}
}

// A true night charge always lands, a true day charge never does unless it
// used too few tokens to tell; whatever else the two say.
func TestExamineAnyUsage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := tariff.Usage{
			InputTokens:  rapid.Int64Range(0, 2_000_000).Draw(t, "in"),
			OutputTokens: rapid.Int64Range(0, 2_000_000).Draw(t, "out"),
			Agents:       rapid.Int64Range(1, 50).Draw(t, "agents"),
		}
		c := charge(0, u)
		c.HasParts = rapid.Bool().Draw(t, "parts")
		c.TotalText = c.Total.String()
		if got := audit.Examine(tariff.Swarms(), span, nil, c); got.Proof != audit.Landed {
			t.Fatalf("a true night charge: %+v", got)
		}
		dear := byDay(c)
		if rapid.Bool().Draw(t, "flag lies") {
			dear.DiscountActive, dear.NightApplied, dear.DiscountType, dear.DiscountPercentage = c.DiscountActive, c.NightApplied, c.DiscountType, c.DiscountPercentage
		}
		got := audit.Examine(tariff.Swarms(), span, nil, dear)
		if over := dear.Total - c.Total; over > 3 && (got.Proof != audit.Missed || got.Overpaid < over-1 || got.Overpaid > over+1) {
			t.Fatalf("a true day charge, %s too dear: %+v", over, got)
		}
	})
}
