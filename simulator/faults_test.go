package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// faulty is a world at night with one rule.
func faulty(t *testing.T, r simulator.Rule) *world {
	t.Helper()
	if r.Match == "" {
		r.Match = "*"
	}
	return start(t, simulator.Options{Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00")), Faults: []simulator.Rule{r}})
}

// ran checks how often a request's work was done and billed.
func (w *world) ran(n int, want int) {
	w.t.Helper()
	if got := w.sim.Books().Executions(id(n)); got != want {
		w.t.Errorf("request %d was done %d times, want %d", n, got, want)
	}
	if got, per := w.sim.Books().BilledFor(id(n)), usd(w.t, "0.09725"); got != per.Times(int64(want)) {
		w.t.Errorf("request %d was billed %s for %d runs", n, got, want)
	}
}

func (w *world) rows() int {
	w.t.Helper()
	logs, ok := dig(w.t, w.want(w.get("/v1/swarm/logs"), 200).body, "logs").([]any)
	if !ok {
		w.t.Fatal("logs are no list")
	}
	return len(logs)
}

// Every status, before the work and after it.
func TestStatusFaults(t *testing.T) {
	for _, status := range []int{307, 400, 401, 402, 403, 404, 405, 409, 418, 422, 429, 500, 502, 503, 504} {
		for _, after := range []bool{false, true} {
			w := faulty(t, simulator.Rule{Kind: simulator.KindStatus, Status: status, AfterWork: after, Attempts: simulator.Attempts{From: 1, To: 1}})
			w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			a := w.want(w.post(job(tag("x", 1))), status)
			html := status == 502 || status == 503 || status == 504
			if got := strings.HasPrefix(a.header.Get("Content-Type"), "text/html"); got != html {
				t.Errorf("%d: content type %s", status, a.header.Get("Content-Type"))
			}
			if !html {
				var body map[string]json.RawMessage
				if err := json.Unmarshal(a.body, &body); err != nil || body["detail"] == nil && body["error"] == nil {
					t.Errorf("%d: %s", status, a.body)
				}
			}
			if hidden := a.header.Get("X-RateLimit-Tier") == ""; hidden != (status == 402 || status == 403) {
				t.Errorf("%d: rate headers hidden: %v", status, hidden)
			}
			runs := 0
			if after {
				runs = 1
			}
			w.ran(1, runs)
			w.want(w.post(job(tag("x", 1))), 200)
			w.ran(1, runs+1)
		}
	}
	w := faulty(t, simulator.Rule{Kind: simulator.KindStatus, Status: 500, Detail: "402: Insufficient credits"})
	w.expect(w.want(w.post(job("x")), 500), "detail", "402: Insufficient credits")
}

func TestWireFaults(t *testing.T) {
	for _, c := range []struct {
		rule  simulator.Rule
		runs  int
		check func(t *testing.T, w *world, a answer)
	}{
		{simulator.Rule{Kind: simulator.KindHTML502}, 0, html},
		{simulator.Rule{Kind: simulator.KindHTML502, AfterWork: true}, 1, html},
		{simulator.Rule{Kind: simulator.KindReset}, 0, reset},
		{simulator.Rule{Kind: simulator.KindReset, AfterWork: true}, 1, reset},
		{simulator.Rule{Kind: simulator.KindTruncate}, 1, func(t *testing.T, _ *world, a answer) {
			if !errors.Is(a.err, io.ErrUnexpectedEOF) || a.status != 200 || len(a.body) < 100 {
				t.Errorf("status %d, %d bytes, error %v", a.status, len(a.body), a.err)
			}
		}},
		{simulator.Rule{Kind: simulator.KindBadJSON}, 1, func(t *testing.T, w *world, a answer) {
			if w.want(a, 200); json.Valid(a.body) {
				t.Errorf("valid: %s", a.body)
			}
		}},
		{simulator.Rule{Kind: simulator.KindHuge}, 1, func(t *testing.T, w *world, a answer) {
			if w.want(a, 200); len(a.body) < 10_000_000 {
				t.Errorf("%d bytes", len(a.body))
			}
			w.expect(a, "usage.billing_info.total_cost", "0.09725")
		}},
		{simulator.Rule{Kind: simulator.KindRate429, RetryAfter: "0.25"}, 0, func(_ *testing.T, w *world, a answer) {
			w.header(w.want(a, 429), "Retry-After", "0.25")
		}},
		{simulator.Rule{Kind: simulator.KindNoUsage}, 1, func(t *testing.T, w *world, a answer) {
			if w.want(a, 200); strings.Contains(string(a.body), "usage") {
				t.Errorf("%s", a.body)
			}
		}},
		{simulator.Rule{Kind: simulator.KindNoBilling}, 1, func(t *testing.T, w *world, a answer) {
			w.expect(a, "usage.total_tokens", "9000")
			if strings.Contains(string(a.body), "billing_info") {
				t.Errorf("%s", a.body)
			}
		}},
	} {
		t.Run(fmt.Sprintf("%s/%v", c.rule.Kind, c.rule.AfterWork), func(t *testing.T) {
			w := faulty(t, c.rule)
			c.check(t, w, w.post(job(tag("x", 1))))
			w.ran(1, c.runs)
			if n := w.rows(); n != c.runs {
				t.Errorf("%d log rows, want %d", n, c.runs)
			}
			for a := range w.sim.Books().Arrivals() {
				if a.Path == swarm && !strings.HasPrefix(a.Fault, c.rule.Kind) {
					t.Errorf("booked fault %q", a.Fault)
				}
			}
		})
	}
}

func html(t *testing.T, w *world, a answer) {
	if w.want(a, 502); !strings.HasPrefix(string(a.body), "<html>") {
		t.Errorf("%s", a.body)
	}
}

func reset(t *testing.T, _ *world, a answer) {
	if !errors.Is(a.err, syscall.ECONNRESET) {
		t.Errorf("status %d, error %v", a.status, a.err)
	}
}

func TestResetUnread(t *testing.T) {
	w := faulty(t, simulator.Rule{Kind: simulator.KindResetUnread, Attempts: simulator.Attempts{From: 2, To: 2}})
	w.want(w.post(job("x")), 200)
	if a := w.post(job("x")); a.err == nil || errors.Is(a.err, context.DeadlineExceeded) {
		t.Errorf("status %d, error %v", a.status, a.err)
	}
	w.want(w.post(job("x")), 200)
	if n := w.sim.Books().Executions("x"); n != 2 {
		t.Errorf("%d runs", n)
	}
}

func TestSlow(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	w := start(t, simulator.Options{Clock: clock, Faults: []simulator.Rule{
		{Match: "*", Kind: simulator.KindSlow, Delay: simulator.Duration(90 * time.Second)},
		{Match: "*", Endpoint: "/v1/account/credits", Kind: simulator.KindSlow, Delay: simulator.Duration(3 * time.Second)},
	}})
	for _, ask := range []func() answer{func() answer { return w.post(job("x")) }, func() answer { return w.get("/v1/account/credits") }} {
		done := make(chan answer, 1)
		go func() { done <- ask() }()
		if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(90 * time.Second)
		a := w.want(<-done, 200)
		if strings.Contains(string(a.body), "execution_time") {
			w.expect(a, "execution_time", "90.0")
		}
	}
}

func TestFaultsOnReads(t *testing.T) {
	w := start(t, simulator.Options{Faults: []simulator.Rule{
		{Match: "*", Endpoint: "/v1/account/credits", Kind: simulator.KindStatus, Status: 500, Attempts: simulator.Attempts{From: 1, To: 1}},
		{Match: "*", Endpoint: "/v1/swarm/logs", Kind: simulator.KindTruncate, Attempts: simulator.Attempts{From: 2, To: 2}},
		{Match: "*", Endpoint: "/v1/usage/costs", Kind: simulator.KindReset},
	}})
	w.want(w.get("/v1/account/credits"), 500)
	w.want(w.get("/v1/account/credits"), 200)
	w.want(w.get("/v1/swarm/logs"), 200)
	if a := w.get("/v1/swarm/logs"); !errors.Is(a.err, io.ErrUnexpectedEOF) {
		t.Errorf("%d %v", a.status, a.err)
	}
	reset(t, w, w.get("/v1/usage/costs"))
	w.want(w.post(job("x")), 200)
}
