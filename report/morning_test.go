package report_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
)

func TestShares(t *testing.T) {
	for _, c := range []struct {
		part, whole money.USD
		want        string
	}{
		{47_250, 144_500, "32.7"}, // the night-mode guide's run
		{1417 * money.Dollar, 4335 * money.Dollar, "32.7"},
		{0, money.Dollar, "0.0"},
		{money.Dollar, money.Dollar, "100.0"},
		{money.Dollar - 1, money.Dollar, "99.9"}, // a leak is never rounded away
		{2 * money.Dollar, money.Dollar, "200.0"},
		{-money.Dollar / 2, money.Dollar, "-50.0"},
		{-1, money.Dollar, "0.0"},
		{money.Dollar, 0, ""},
	} {
		f := facts(batch.Result{Money: batch.Money{Saved: c.part, DayPrice: c.whole}})
		f.Realised, f.Possible = c.part, c.whole
		got := build(f, nil, nil).Shares
		if got.OfDayPrice != c.want || got.Realised != c.want {
			t.Errorf("%s of %s is %q and %q, want %q", c.part, c.whole, got.OfDayPrice, got.Realised, c.want)
		}
	}
}

func TestWork(t *testing.T) {
	m, _ := hard()
	want := report.Work{
		Began: at(21, 0, 3), Ended: at(6, 2, 10), Requests: 8, Retried: 1, Limited: 2, Charges: 2,
		Tokens: report.Tokens{Input: 12_000, Output: 6000}, Parked: 150 * money.Dollar, AtRisk: 5 * money.Dollar,
	}
	if diff := cmp.Diff(want, m.Work); diff != "" {
		t.Error(diff)
	}
	var order []batch.State
	for _, l := range m.Left[:5] {
		order = append(order, l.State)
	}
	if diff := cmp.Diff([]batch.State{batch.Unknown, batch.Rejected, batch.Skipped, batch.Cancelled, batch.Parked}, order); diff != "" {
		t.Errorf("left-over jobs aren't in the order of their urgency: %s", diff)
	}
}

func TestRate(t *testing.T) {
	for took, want := range map[time.Duration]string{
		time.Minute: "2.0", 90 * time.Second: "1.3", 999 * time.Millisecond: "", time.Second: "120.0", time.Hour: "",
	} {
		_, charges := book(batch.Succeeded, batch.Succeeded)
		for i := range charges {
			charges[i].EndedAt = charges[i].SentAt.Add(took)
		}
		if got := build(facts(batch.Result{}), nil, charges).Work.PerMinute; got != want {
			t.Errorf("2 runs in %s are %q a minute, want %q", took, got, want)
		}
	}
}

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		provider, tier string
		requests       int
		limited        int
		want           int
	}{
		{"swarms", "free", 1200, 1, 0},
		{"swarms", "free", 1201, 2, 1},
		{"swarms", "", 10, 2, 1},
		{"swarms", "premium", 5000, 9, 0},
		{"swiftia", "", 5000, 9, 0},
	} {
		f := facts(batch.Result{})
		f.Batch.Provider, f.Tier = c.provider, c.tier
		d := report.New(f)
		d.Job(ledger.Job{State: batch.Succeeded, Attempts: c.requests})
		for range c.limited {
			d.Attempt(ledger.Attempt{Outcome: batch.RateLimited})
		}
		m := d.Build()
		if len(m.Advice) != c.want || len(m.Advised) != c.want || c.want > 0 && (m.Advised[0].Rule != advice.Premium || m.Advised[0].Costs != advice.PremiumMonth) {
			t.Errorf("%+v: %q, %+v", c, m.Advice, m.Advised)
		}
	}
}

// Times are shown in the zone that is asked for, with each instant's own
// abbreviation: on the night that summer time ends both occur.
func TestZone(t *testing.T) {
	f := facts(batch.Result{})
	f.Span.Opens = time.Date(2026, time.October, 31, 20, 0, 0, 0, pacific).UTC()
	f.Span.Closes = time.Date(2026, time.November, 1, 6, 0, 0, 0, pacific).UTC()
	f.Zone = pacific
	var b strings.Builder
	if err := report.Text(&b, build(f, nil, nil)); err != nil {
		t.Fatal(err)
	}
	if want := "Sat 31 Oct 2026 20:00 PDT to Sun 1 Nov 2026 06:00 PST (11h)"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

// The JSON is the result's own object with more in it, so that a program that
// reads one can read the other.
func TestJSONHoldsTheResult(t *testing.T) {
	m, _ := hard()
	var b strings.Builder
	if err := report.JSON(&b, m); err != nil {
		t.Fatal(err)
	}
	var result batch.Result
	if err := json.Unmarshal([]byte(b.String()), &result); err != nil {
		t.Fatal(err)
	}
	if result.Batch != m.Batch || result.Money != m.Money || len(result.Audit.Findings) != 3 || len(result.Audit.Findings[1].Jobs) != 30 {
		t.Errorf("%+v", result)
	}
	var shape struct {
		Schema string          `json:"schema"`
		Left   []any           `json:"left"`
		Advice json.RawMessage `json:"advice"`
	}
	if err := json.Unmarshal([]byte(b.String()), &shape); err != nil || shape.Schema != report.Schema || len(shape.Left) != 34 || string(shape.Advice) == "null" {
		t.Errorf("%v: %+v", err, shape)
	}
}

// Doors write the report again from the archive's JSON.
func TestReadBack(t *testing.T) {
	m, _ := passed()
	text := func(m report.Morning) string {
		var b strings.Builder
		if err := report.Text(&b, m); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	var b strings.Builder
	if err := report.JSON(&b, m); err != nil {
		t.Fatal(err)
	}
	var again report.Morning
	if err := json.Unmarshal([]byte(b.String()), &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text(m), text(again.In(pacific))); diff != "" {
		t.Error(diff)
	}
}
