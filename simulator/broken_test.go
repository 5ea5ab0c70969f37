package simulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// Error answers that are broken themselves, of work that was done or wasn't.
func TestBrokenErrorAnswers(t *testing.T) {
	for _, c := range []struct {
		rule  simulator.Rule
		check func(a answer) bool
	}{
		{simulator.Rule{Kind: simulator.KindTruncate, Status: 502}, func(a answer) bool {
			return a.status == 502 && errors.Is(a.err, io.ErrUnexpectedEOF) && len(a.body) > 20
		}},
		{simulator.Rule{Kind: simulator.KindBadJSON, Status: 500}, func(a answer) bool {
			return a.status == 500 && a.err == nil && !json.Valid(a.body)
		}},
		{simulator.Rule{Kind: simulator.KindHuge, Status: 503}, func(a answer) bool {
			return a.status == 503 && len(a.body) > 10_000_000
		}},
		{simulator.Rule{Kind: simulator.KindStatus, Status: 200}, func(a answer) bool {
			return a.status == 200 && strings.HasPrefix(string(a.body), `{"detail":"Failed to run swarm`)
		}},
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", c.rule.Kind, after), func(t *testing.T) {
				c.rule.AfterWork, c.rule.Attempts = after, simulator.Attempts{From: 1, To: 1}
				w := faulty(t, c.rule)
				if a := w.post(job(tag("x", 1))); !c.check(a) {
					t.Errorf("%d, %d bytes, %v", a.status, len(a.body), a.err)
				}
				runs := 0
				if after {
					runs = 1
				}
				w.ran(1, runs)
				w.want(w.post(job(tag("x", 1))), 200)
				w.ran(1, runs+1)
			})
		}
	}
}

// An answer may tell less than the log.
func TestLostUsage(t *testing.T) {
	for kind, missing := range map[string]string{simulator.KindLostUsage: `"usage"`, simulator.KindLostBilling: `"billing_info"`} {
		for _, many := range []bool{false, true} {
			w := faulty(t, simulator.Rule{Kind: kind})
			a := w.batch
			if !many {
				a = func(items ...string) answer { return w.post(items[0]) }
			}
			if got := w.want(a(job(tag("x", 1))), 200); strings.Contains(string(got.body), missing) || !strings.Contains(string(got.body), "Simulated answer") {
				t.Errorf("%s: %s", kind, got.body)
			}
			w.expect(w.get("/v1/swarm/logs"), "logs.0.data.usage.billing_info.total_cost", "0.09725")
			w.ran(1, 1)
		}
	}
}

// With a spread each run has a lag of its own, the same every time, and rows
// don't come in the order in which the runs ended.
func TestLogLagSpread(t *testing.T) {
	order := func() (seen []string) {
		clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
		w := start(t, simulator.Options{Clock: clock, Accounts: limited(), Switches: simulator.Switches{
			LogLag: simulator.Duration(10 * time.Second), LogSpread: simulator.Duration(30 * time.Second),
		}})
		for i := range 60 {
			w.want(w.post(job(tag("j", i))), 200)
		}
		known := map[string]bool{}
		for second := range 41 {
			rows, _ := dig(t, w.want(w.get("/v1/swarm/logs"), 200).body, "logs").([]any)
			if second < 10 && len(rows) > 0 || second == 40 && len(rows) != 60 {
				t.Fatalf("%d rows after %d s", len(rows), second)
			}
			for _, r := range rows {
				name := fmt.Sprint(r.(map[string]any)["data"].(map[string]any)["swarm_name"])
				if !known[name] {
					known[name] = true
					seen = append(seen, fmt.Sprintf("%d s: %s", second, name))
				}
			}
			clock.Advance(time.Second)
		}
		return seen
	}
	first, again := order(), order()
	if strings.Join(first, "\n") != strings.Join(again, "\n") {
		t.Error("two runs of the same script differ")
	}
	if first[0] == "10 s: "+tag("j", 0) || first[59][:4] < "35 s" {
		t.Errorf("from %s to %s: that is no spread", first[0], first[59])
	}
}

// A log too long to be held breaks in its middle, too, and what came before
// was sent.
func TestLongLogBreaks(t *testing.T) {
	w := start(t, simulator.Options{
		Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00")),
		Accounts: []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: 100_000 * money.Dollar, Limits: &simulator.Limits{}}},
	})
	items := make([]string, 18_000)
	for i := range items {
		items[i] = job(tag("row", i))
	}
	w.want(w.batch(items...), 200)
	whole := len(w.want(w.get("/v1/swarm/logs"), 200).body)
	for kind, complete := range map[string]bool{simulator.KindTruncate: false, simulator.KindBadJSON: true} {
		if err := w.sim.SetFaults(simulator.Rule{Match: "*", Endpoint: "/v1/swarm/logs", Kind: kind}); err != nil {
			t.Fatal(err)
		}
		a := w.get("/v1/swarm/logs")
		if a.status != 200 || (a.err == nil) != complete || json.Valid(a.body) || len(a.body) < whole/2 || len(a.body) >= whole {
			t.Errorf("%s: %d of %d bytes, %v", kind, len(a.body), whole, a.err)
		}
	}
}
