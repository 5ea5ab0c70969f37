package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

func TestKeys(t *testing.T) {
	w := start(t, simulator.Options{})
	without := func(r *http.Request) { r.Header.Del("x-api-key") }
	bearer := func(r *http.Request) {
		without(r)
		r.Header.Set("Authorization", "Bearer "+simulator.DefaultKey)
	}
	wrong := func(r *http.Request) { r.Header.Set("x-api-key", "sk-wrong") }
	get := func(edit func(*http.Request)) answer { return w.do(http.MethodGet, "/v1/account/credits", "", edit) }

	w.want(get(bearer), 200)
	w.expect(w.want(get(wrong), 401), "detail", "Invalid API Key")
	a := w.want(get(without), 401)
	if a.header.Get("X-RateLimit-Tier") != "" {
		t.Error("rate headers before the limiter ran")
	}
	w.admin("switches", `{"invalid_key":403,"missing_key":422}`)
	w.want(get(wrong), 403)
	w.expect(w.want(get(without), 422), "detail.0.loc.1", "x-api-key")
	for _, open := range []string{"/", "/health"} {
		w.want(w.do(http.MethodGet, open, "", without), 200)
	}
}

func TestTiers(t *testing.T) {
	w := start(t, simulator.Options{Accounts: []simulator.Account{
		{Name: "rich", Keys: []string{"sk-1", "sk-2"}, Credit: 10 * money.Dollar},
		{Name: "poor", Keys: []string{"sk-3"}, Credit: 10 * money.Dollar, Tier: simulator.TierFree},
	}})
	w.key = "sk-3"
	a := w.want(w.batch(job("a")), 403)
	w.expect(a, "error.type", "premium_access_required")
	w.expect(a, "error.upgrade_url", "https://swarms.world/platform/account")
	w.admin("switches", `{"premium_403":"detail"}`)
	if a := w.want(w.batch(job("a")), 403); !strings.Contains(string(a.body), `"detail":"This endpoint is limited to premium subscribers`) {
		t.Errorf("%s", a.body)
	}
	// gpt-4.1 is the default model, and premium only.
	for _, body := range []string{`{"task":"t","agents":[{"agent_name":"A"}]}`, `{"task":"t","agents":[{"model_name":"groq/any"}]}`} {
		a := w.want(w.post(body), 403)
		if a.header.Get("X-RateLimit-Tier") != "" {
			t.Error("rate headers on a 403")
		}
	}
	w.want(w.post(job("a")), 200)
	w.expect(w.want(w.get("/v1/rate/limits"), 200), "rate_limits.hour.limit", "350")
	if strings.Contains(string(w.get("/v1/models/available").body), `"gpt-4.1"`) {
		t.Error("the free tier is offered a premium model")
	}

	w.key = "sk-1"
	w.want(w.batch(job("b")), 200)
	w.want(w.post(`{"task":"t","agents":[{"agent_name":"A"}]}`), 200)
	w.key = "sk-2" // limits and credits are the account's, the log is the key's
	w.expect(w.want(w.get("/v1/rate/limits"), 200), "rate_limits.day.count", "2")
	w.expect(w.want(w.get("/v1/swarm/logs"), 200), "logs", "[]")

	w.admin("accounts", `{"account":"poor","tier":"premium"}`)
	w.key = "sk-3"
	w.want(w.batch(job("c")), 200)
}

func TestCreditsGate(t *testing.T) {
	w := start(t, simulator.Options{
		Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 12:00:00")),
		Accounts: []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: usd(t, "1.000001")}},
	})
	w.want(w.post(job("a")), 200)
	a := w.want(w.post(job("a")), 402) // 0.856501 is left
	if a.header.Get("X-RateLimit-Tier") != "" {
		t.Error("rate headers on a 402")
	}
	w.want(w.batch(job("a")), 402)
	w.admin("accounts", `{"credit":"1.00"}`)
	w.want(w.post(job("a")), 402) // must be more than a dollar
	w.admin("accounts", `{"credit":"1.01"}`)
	w.want(w.post(job("a")), 200)
	w.want(w.get("/v1/account/credits"), 200)
}

func TestLate402(t *testing.T) {
	w := start(t, simulator.Options{
		Tokens: simulator.Tokens{In: 200_000, Out: 1}, Clock: simulator.FrozenClock(at(t, "2026-11-22 12:00:00")),
		Accounts: []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: usd(t, "1.20")}},
		Switches: simulator.Switches{Late402: true},
	})
	a := w.want(w.post(job("a")), 500) // costs 1.350018
	if !strings.Contains(string(a.body), `"detail":"402: Insufficient credits`) {
		t.Errorf("%s", a.body)
	}
	w.expect(w.get("/v1/account/credits"), "total_credits", "1.2")
	w.expect(w.get("/v1/swarm/logs"), "logs", "[]")
	if got := w.sim.Books().Totals(); got.Executions != 1 || got.Billed != 0 {
		t.Errorf("done %d, billed %s", got.Executions, got.Billed)
	}
	w.expect(w.want(w.batch(job("b")), 200), "0.status", "error")
	w.admin("switches", `{"late_402":false}`)
	w.want(w.post(job("a")), 200)
	w.expect(w.get("/v1/account/credits"), "total_credits", "-0.150018") // 1.3500185, half to even
}

func TestLostUpdate(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 12:00:00"))
	w := start(t, simulator.Options{
		Tokens: guide, Clock: clock, Latency: simulator.Latency{Kind: "fixed", Low: 1},
		Switches: simulator.Switches{Credits: "lost_update"},
	})
	done := make(chan answer)
	for _, name := range []string{"a", "b"} {
		go func() { done <- w.post(job(name)) }()
	}
	if err := clock.AwaitWaiting(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	clock.Advance(1)
	w.want(<-done, 200)
	w.want(<-done, 200)
	w.expect(w.get("/v1/account/credits"), "total_credits", "999.8555") // one of two deductions
	if got := w.sim.Books().Totals().Billed; got != usd(t, "0.289") {
		t.Errorf("billed %s", got)
	}
}
