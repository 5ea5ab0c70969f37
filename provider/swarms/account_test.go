package swarms

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/tariff"
)

func jsonAnswer(body string) http.HandlerFunc { return answer(200, "application/json", body) }

func TestCredits(t *testing.T) {
	for body, want := range map[string]Credits{
		string(testdata(t, "credits.json")): {
			Credit: dollars(t, "50.0"), Free: dollars(t, "20.0"), Referral: dollars(t, "5.0"), Total: dollars(t, "75.0"),
		},
		`{"credit":"0.1","free_credit":0.2}`: {Credit: dollars(t, "0.1"), Free: dollars(t, "0.2"), Total: dollars(t, "0.300000")},
		`{"total_credits":-1.5}`:             {Total: dollars(t, "-1.5")},
	} {
		got, rec, err := serve(t, jsonAnswer(body)).Credits(t.Context())
		if err != nil || rec.Status != 200 {
			t.Errorf("%s: %v", body, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

func TestCosts(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	want := tariff.Card{
		Source: "live", ReadAt: now, InputPerMillion: 6_500_000, OutputPerMillion: 18_500_000, PerAgent: money.Cent,
		Image: 25 * money.Cent, MCPCall: 10 * money.Cent, Search: 4 * money.Cent, Scrape: 15 * money.Cent, Night: money.Half,
	}
	for _, file := range []string{"costs.json", "costs_flat.json"} {
		c := serve(t, jsonAnswer(string(testdata(t, file))))
		c.now = func() time.Time { return now }
		got, _, err := c.Costs(t.Context())
		if err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, got.Card); d != "" {
			t.Errorf("%s: %s", file, d)
		}
	}
	const rest = `"swarm_completions_agent_cost":0.01,"swarm_completions_input_cost_per_1m":6.5,`
	for _, body := range []string{
		`{` + rest + `"night_time_discount":0.5}`,
		`{` + rest + `"swarm_completions_output_cost_per_1m":-1,"night_time_discount":0.5}`,
		`{` + rest + `"swarm_completions_output_cost_per_1m":"x","night_time_discount":0.5}`,
		`{` + rest + `"swarm_completions_output_cost_per_1m":1,"night_time_discount":50}`, // percent off is not a multiplier
		`{` + rest + `"swarm_completions_output_cost_per_1m":1,"night_time_discount":0.5,"search_cost":"?"}`,
		`{"usage_pricing":[]}`,
	} {
		got, _, err := serve(t, jsonAnswer(body)).Costs(t.Context())
		if f := faultOf(t, err); f.Kind != batch.OutOfReach || got != (Costs{}) {
			t.Errorf("%s: %+v %v", body, got, f)
		}
	}
}

func TestRateLimits(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	const day = 24 * time.Hour
	for body, want := range map[string]provider.Limits{
		string(testdata(t, "rate_limits.json")): {
			Tier: "free", TokensPerAgent: 200_000, Exceeded: []string{"hour"},
			Windows: []provider.Window{
				{Name: "minute", Span: time.Minute, Limit: 100, Remaining: 95, Reset: at("2024-01-15T10:30:00Z")},
				{Name: "hour", Span: time.Hour, Limit: 350, Remaining: 0, Reset: at("2024-01-15T11:00:00Z")},
				{Name: "day", Span: day, Limit: 1200, Remaining: 800, Reset: at("2024-01-16T00:00:00Z")},
			},
		},
		// Older bodies: no tier (the header has it), no remaining, no use at all, unlimited.
		`{"rate_limits":{"minute":{"count":30,"limit":100},"day":{"limit":-1}},"limits":{"maximum_requests_per_hour":50}}`: {
			Tier: "premium",
			Windows: []provider.Window{
				{Name: "minute", Span: time.Minute, Limit: 100, Remaining: 70},
				{Name: "hour", Span: time.Hour, Limit: 50, Remaining: 50},
			},
		},
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-RateLimit-Tier", "premium")
			jsonAnswer(body)(w, r)
		})
		got, _, err := c.RateLimits(t.Context())
		if err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

func TestUsageReport(t *testing.T) {
	var query string
	ask := func(h http.HandlerFunc) ([]Day, bool, error) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { query = r.URL.RawQuery; h(w, r) })
		from := time.Date(2026, 6, 24, 20, 0, 0, 0, time.FixedZone("west", -5*3600)) // already the 25th in UTC
		days, ok, _, err := c.UsageReport(t.Context(), from, from.AddDate(0, 0, 6))
		return days, ok, err
	}
	days, ok, err := ask(jsonAnswer(string(testdata(t, "usage_report.json"))))
	want := []Day{{Day: "2026-07-01", Cost: dollars(t, "1.23"), InputTokens: 10, OutputTokens: 20, Requests: 3}}
	if d := cmp.Diff(want, days); d != "" || !ok || err != nil {
		t.Errorf("%t %v %s", ok, err, d)
	}
	if query != "end_date=2026-07-01&start_date=2026-06-25" {
		t.Errorf("query %q", query)
	}
	if days, ok, err = ask(answer(404, "application/json", `{"detail":"Not Found"}`)); days != nil || ok || err != nil {
		t.Errorf("404: %v %t %v", days, ok, err)
	}
	for _, body := range []string{`{}`, `{"results":[{"day":"yesterday"}]}`, `[]`} {
		if _, ok, err := ask(jsonAnswer(body)); ok || faultOf(t, err).Kind != batch.OutOfReach {
			t.Errorf("%s: %t %v", body, ok, err)
		}
	}
	if _, ok, err := ask(answer(500, "text/plain", "x")); ok || faultOf(t, err).Kind != batch.OutOfReach {
		t.Errorf("500: %t %v", ok, err)
	}
}

func TestCatalog(t *testing.T) {
	for _, tc := range []struct {
		body   string
		models bool
		want   []string
	}{
		{`{"success":true,"count":2,"models":["gpt-4o","gpt-4o-mini"]}`, true, []string{"gpt-4o", "gpt-4o-mini"}},
		{`{"object":"list","data":[{"id":"gpt-4o","object":"model"},{"object":"model"}]}`, true, []string{"gpt-4o"}},
		{`{"models":[{"name":"a"}]}`, true, []string{"a"}},
		{`{"status":true,"swarm_types":["auto"]}`, false, []string{"auto"}},
		{`{"swarms":[{"id":"x","name":"y"}]}`, false, []string{"x"}},
		{`{"models":"all"}`, true, nil},
		{`{}`, false, nil},
	} {
		c := serve(t, jsonAnswer(tc.body))
		read := c.SwarmsAvailable
		if tc.models {
			read = c.Models
		}
		got, _, err := read(t.Context())
		if !slices.Equal(got, tc.want) || (err != nil) != (tc.want == nil) {
			t.Errorf("%s: %v, %v", tc.body, got, err)
		}
	}
	for body, up := range map[string]bool{`{"status":"ok"}`: true, `{"status":"healthy"}`: true, `{"status":"down"}`: false, `{}`: false, `x`: false} {
		if _, err := serve(t, jsonAnswer(body)).Health(t.Context()); (err == nil) != up {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// An answer of another kind must never pass as an empty one.
func TestReadsRefuseWhatTheyCannotRead(t *testing.T) {
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{`, `<html>`, `{"detail":"not today"}`, `{"error":{"message":"not today"}}`} {
		c := serve(t, jsonAnswer(body))
		reads := map[string]func() error{
			"credits": func() error { _, _, err := c.Credits(t.Context()); return err },
			"costs":   func() error { _, _, err := c.Costs(t.Context()); return err },
			"limits":  func() error { _, _, err := c.RateLimits(t.Context()); return err },
			"models":  func() error { _, _, err := c.Models(t.Context()); return err },
			"swarms":  func() error { _, _, err := c.SwarmsAvailable(t.Context()); return err },
			"health":  func() error { _, err := c.Health(t.Context()); return err },
			"logs":    func() error { _, err := c.Logs(t.Context(), func(LogRow) error { return nil }); return err },
		}
		for name, read := range reads {
			if f := faultOf(t, read()); f.Kind != batch.OutOfReach || f.Moved != batch.MovedNo || f.Detail == "" {
				t.Errorf("%s of %q: %+v", name, body, *f)
			}
		}
	}
}
