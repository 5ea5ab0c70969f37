package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// A run is priced by the Pacific wall clock at its end, to the second, on
// ordinary nights and on those on which the clocks change.
func TestPricedAtItsEnd(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 12:00:00"))
	w := start(t, simulator.Options{Tokens: guide, Clock: clock, Latency: simulator.Latency{Kind: "fixed", Low: 10 * time.Minute}})
	for _, c := range []struct{ start, end, want string }{
		{"2026-11-22T19:49:59-08:00", "2026-11-22T19:59:59-08:00", "0.1445"},
		{"2026-11-22T19:50:00-08:00", "2026-11-22T20:00:00-08:00", "0.09725"},
		{"2026-11-23T05:49:59-08:00", "2026-11-23T05:59:59-08:00", "0.09725"},
		{"2026-11-23T05:50:00-08:00", "2026-11-23T06:00:00-08:00", "0.1445"},
		{"2026-11-23T05:55:00-08:00", "2026-11-23T06:05:00-08:00", "0.1445"},
		// 2027-03-14 02:00 PST is 03:00 PDT: the window closes an hour sooner.
		{"2027-03-14T12:49:59Z", "2027-03-14T05:59:59-07:00", "0.09725"},
		{"2027-03-14T12:50:00Z", "2027-03-14T06:00:00-07:00", "0.1445"},
		{"2027-03-14T09:55:00Z", "2027-03-14T03:05:00-07:00", "0.09725"},
		// 2026-11-01 02:00 PDT is 01:00 PST: 01:30 comes twice, both cheap.
		{"2026-11-01T01:20:00-07:00", "2026-11-01T01:30:00-07:00", "0.09725"},
		{"2026-11-01T01:20:00-08:00", "2026-11-01T01:30:00-08:00", "0.09725"},
		{"2026-11-01T13:49:59Z", "2026-11-01T05:59:59-08:00", "0.09725"},
		{"2026-11-01T13:50:00Z", "2026-11-01T06:00:00-08:00", "0.1445"},
	} {
		from, err := time.Parse(time.RFC3339, c.start)
		to, err2 := time.Parse(time.RFC3339, c.end)
		if err != nil || err2 != nil || !from.Add(10*time.Minute).Equal(to) {
			t.Fatalf("%s to %s: %v %v", c.start, c.end, err, err2)
		}
		clock.Set(from)
		done := make(chan answer)
		go func() { done <- w.post(job(c.end)) }()
		if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Set(to)
		a := w.want(<-done, 200)
		w.expect(a, "usage.billing_info.total_cost", c.want)
		w.expect(a, "usage.billing_info.discount_active", fmt.Sprint(c.want == "0.09725"))
		w.expect(a, "execution_time", "600.0")
	}
	w.admin("switches", `{"discount_clock":"arrival"}`)
	clock.Set(at(t, "2026-11-23 05:55:00"))
	done := make(chan answer)
	go func() { done <- w.post(job("by arrival")) }()
	if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(10 * time.Minute)
	w.expect(w.want(<-done, 200), "usage.billing_info.total_cost", "0.09725")
}

// A batch that crosses the close is part discounted: each item ends by itself.
func TestBatchAcrossTheClose(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-23 05:50:00"))
	w := start(t, simulator.Options{Tokens: guide, Clock: clock, Latency: simulator.Latency{Kind: "fixed", Low: 6 * time.Minute}, BatchWorkers: 1})
	done := make(chan answer)
	go func() { done <- w.batch(job("early"), job("late")) }()
	for range 2 {
		if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(6 * time.Minute)
	}
	a := w.want(<-done, 200)
	w.expect(a, "0.usage.billing_info.total_cost", "0.09725")
	w.expect(a, "1.usage.billing_info.total_cost", "0.1445")
}

func TestBillingSwitches(t *testing.T) {
	half := money.Ratio(250_000)
	moved := tariff.Swarms()
	moved.InputPerMillion = 13 * money.Dollar
	night := func(o simulator.Options) string {
		o.Tokens, o.Clock = guide, simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
		w := start(t, o)
		return string(w.want(w.post(job("a")), 200).body)
	}
	with := func(sw simulator.Switches) string { return night(simulator.Options{Switches: sw}) }
	for _, c := range []struct {
		name, body string
		has, lacks []string
	}{
		{"off", with(simulator.Switches{Discount: "off"}), []string{`"total_cost":0.1445`, `"discount_active":false`, `"discount_type":"none"`, `"discount_percentage":0}`}, nil},
		{"lie", with(simulator.Switches{Discount: "lie"}), []string{`"total_cost":0.1445`, `"discount_active":true`, `"night_time_discount_applied":true`, `"discount_percentage":50}`}, nil},
		{"multiplier", with(simulator.Switches{Multiplier: &half}), []string{`"total_cost":0.073625`, `"discount_percentage":75}`}, nil},
		{"untyped", with(simulator.Switches{Billing: "untyped"}), []string{`"total_cost":0.09725,"discount_active":true}`}, []string{"discount_type", "discount_percentage"}},
		{"metadata", with(simulator.Switches{Billing: "metadata"}), []string{`"metadata":{"num_agents":5`, `"total_cost":0.09725`}, []string{`"usage"`}},
		{"tokens", with(simulator.Switches{Billing: "tokens"}), []string{`"usage":{"input_tokens":6000,"output_tokens":3000,"total_tokens":9000}`}, []string{"billing_info"}},
		{"none", with(simulator.Switches{Billing: "none"}), []string{`"execution_time":0.0}`}, []string{`"usage"`, "total_cost"}},
		{"unrounded", with(simulator.Switches{Numbers: simulator.NumbersUnrounded}), []string{`"total_cost":0.09725`}, nil},
		{"moved card", night(simulator.Options{Billed: &moved}), []string{`"input_token_cost":0.039,`, `"total_cost":0.11675`}, nil},
	} {
		for _, s := range c.has {
			if !strings.Contains(c.body, s) {
				t.Errorf("%s: no %s in %s", c.name, s, c.body)
			}
		}
		for _, s := range c.lacks {
			if strings.Contains(c.body, s) {
				t.Errorf("%s: %s in %s", c.name, s, c.body)
			}
		}
	}
	w := start(t, simulator.Options{Tokens: guide, Switches: simulator.Switches{Numbers: simulator.NumbersFloats}, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))})
	text := fmt.Sprint(dig(t, w.want(w.post(job("a")), 200).body, "usage.billing_info.total_cost"))
	got, err := money.Round(text)
	if err != nil || got != usd(t, "0.09725") || len(text) < 18 {
		t.Errorf("a float's noise: %s reads %s (%v)", text, got, err)
	}
}

func TestOtherWindow(t *testing.T) {
	win, err := simulator.ParseWindow("09:00-17:30:30@Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	clock := simulator.FrozenClock(time.Date(2026, 11, 22, 3, 14, 59, 0, time.UTC)) // 08:59:59 there
	w := start(t, simulator.Options{Window: win, Tokens: guide, Clock: clock})
	for _, c := range []struct {
		ahead time.Duration
		want  string
	}{{0, "0.1445"}, {time.Second, "0.09725"}, {8*time.Hour + 30*time.Minute + 29*time.Second, "0.09725"}, {time.Second, "0.1445"}} {
		clock.Advance(c.ahead)
		w.expect(w.want(w.post(job("a")), 200), "usage.billing_info.total_cost", c.want)
	}
	several := `{"zone":"America/Los_Angeles","multiplier":"0.25","intervals":[{"open":"00:00","close":"06:00"},{"open":"22:00","close":"00:00","weekdays":["sun"]}]}`
	if win, err = simulator.ParseWindow(several); err != nil {
		t.Fatal(err)
	}
	clock = simulator.FrozenClock(at(t, "2026-11-22 05:59:59")) // a Sunday
	w = start(t, simulator.Options{Window: win, Tokens: guide, Clock: clock})
	for _, c := range []struct {
		ahead time.Duration
		want  string
	}{
		{0, "0.073625"},
		{time.Second, "0.1445"},
		{16*time.Hour - time.Second, "0.1445"},
		{time.Second, "0.073625"},
		{8*time.Hour - time.Second, "0.073625"},
		{time.Second, "0.1445"},
		{16 * time.Hour, "0.1445"}, // Monday's evening is by day
	} {
		clock.Advance(c.ahead)
		w.expect(w.want(w.post(job("a")), 200), "usage.billing_info.total_cost", c.want)
	}
	for _, bad := range []string{"", "{", "00:00-06:00,05:00-07:00@UTC", "20:00-06:00", "20:00@UTC", "25:00-06:00@UTC", "20:00-06:00@Mars/Base"} {
		if _, err := simulator.ParseWindow(bad); err == nil {
			t.Errorf("window %q was read", bad)
		}
	}
}
