package simulator_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

func TestCompletion(t *testing.T) {
	w := start(t, simulator.Options{Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))})
	a := w.want(w.post(job(tag("EU Market Digest", 1))), 200)
	var got map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^"swarms-[0-9A-Za-z]{28}"$`).Match(got["job_id"]) {
		t.Errorf("job_id %s", got["job_id"])
	}
	want := `{"input_tokens":6000,"output_tokens":3000,"total_tokens":9000,"billing_info":{"cost_breakdown":` +
		`{"agent_cost":0.05,"input_token_cost":0.0195,"output_token_cost":0.02775,` +
		`"token_counts":{"total_input_tokens":6000,"total_output_tokens":3000,"total_tokens":9000},` +
		`"num_agents":5,"night_time_discount_applied":true},"total_cost":0.09725,"discount_active":true,` +
		`"discount_type":"night_time","discount_percentage":50}}`
	if diff := cmp.Diff(want, string(got["usage"])); diff != "" {
		t.Error(diff)
	}
	w.expect(a, "status", "success")
	w.expect(a, "swarm_name", tag("EU Market Digest", 1))
	w.expect(a, "swarm_type", "SequentialWorkflow")
	w.expect(a, "number_of_agents", "5")
	w.expect(a, "execution_time", "0.0")
	w.expect(a, "output.4.role", "E")
	if string(got["description"]) != "null" {
		t.Errorf("description %s", got["description"])
	}
}

func TestReadEndpoints(t *testing.T) {
	w := start(t, simulator.Options{
		Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 12:00:00")),
		Accounts: []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: 50 * money.Dollar, Free: money.Cent, Referral: 5 * money.Dollar}},
	})
	w.want(w.post(job("one")), 200) // 0.1445 by day: a cent of it free
	for _, c := range []struct{ path, at, want string }{
		{"/", "status", "Welcome to the Swarm API. Check out the docs at https://docs.swarms.world"},
		{"/health", "status", "ok"},
		{"/v1/account/credits", "total_credits", "54.8655"},
		{"/v1/account/credits", "free_credit", "0.0"},
		{"/v1/account/credits", "credit", "49.8655"},
		{"/v1/account/credits", "referral_credits", "5.0"},
		{"/v1/usage/costs", "usage_pricing.swarm_completions_input_cost_per_1m", "6.5"},
		{"/v1/usage/costs", "usage_pricing.night_time_discount", "0.5"},
		{"/v1/usage/costs", "timestamp", "2026-11-22T20:00:00+00:00"},
		{"/v1/rate/limits", "rate_limits.hour.count", "1"},
		{"/v1/rate/limits", "rate_limits.hour.remaining", "9999"},
		{"/v1/rate/limits", "rate_limits.minute.reset_time", "2026-11-22T20:01:00Z"},
		{"/v1/rate/limits", "limits.maximum_requests_per_day", "100000"},
		{"/v1/rate/limits", "limits.tokens_per_agent", "2000000"},
		{"/v1/rate/limits", "tier", "premium"},
		{"/v1/models", "object", "list"},
		{"/v1/models", "data.0.object", "model"},
		{"/v1/models/available", "models.0", "gpt-4o-mini"},
		{"/v1/swarms/available", "status", "true"},
		{"/v1/swarms/available", "swarm_types.2", "SequentialWorkflow"},
		{"/v1/metrics/summary", "total_completion_calls", "1"},
		{"/v1/metrics/summary", "unique_agents", "5"},
	} {
		w.expect(w.want(w.get(c.path), 200), c.at, c.want)
	}
	if err := w.sim.SetSwitches(simulator.Switches{CostsShape: "flat", AvailableShape: "success", UsageReport: true}); err != nil {
		t.Fatal(err)
	}
	w.expect(w.want(w.get("/v1/usage/costs"), 200), "frenzy_mode_active", "false")
	w.expect(w.want(w.get("/v1/swarms/available"), 200), "success", "true")
}

func TestUsageReport(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	w := start(t, simulator.Options{Tokens: guide, Clock: clock})
	w.expect(w.want(w.get("/v1/usage/report"), 404), "detail", "Not Found")
	w.admin("switches", `{"usage_report":true}`)
	w.want(w.post(job("a")), 200)
	clock.Set(at(t, "2026-11-24 12:00:00"))
	w.want(w.post(job("b")), 200)
	w.want(w.post(job("c")), 200)
	a := w.want(w.get("/v1/usage/report?period=week"), 200)
	w.expect(a, "results.0.day", "2026-11-23") // UTC
	w.expect(a, "results.0.total_cost", "0.09725")
	w.expect(a, "results.1.total_cost", "0.289")
	w.expect(a, "results.1.request_count", "2")
	w.expect(a, "start_date", "2026-11-18")
	a = w.want(w.get("/v1/usage/report?start_date=2026-11-24&end_date=2026-11-24"), 200)
	w.expect(a, "period", "custom")
	w.expect(a, "results.0.day", "2026-11-24")
	w.want(w.get("/v1/usage/report?start_date=2026-11-25&end_date=2026-11-24"), 400)
	w.want(w.get("/v1/usage/report?start_date=2026-11-25"), 400)
	w.want(w.get("/v1/usage/report?period=year"), 400)
}

func TestRefusedRequests(t *testing.T) {
	w := start(t, simulator.Options{})
	for _, c := range []struct {
		name, path, body string
		status           int
		at, want         string
	}{
		{"not json", swarm, `{"name"`, 422, "detail.0.type", "json_invalid"},
		{"not an object", swarm, `[]`, 422, "detail.0.type", "model_attributes_type"},
		{"wrong type", swarm, `{"name":5,"task":"t"}`, 422, "detail.0.loc.1", "name"},
		{"deep wrong type", swarm, `{"task":"t","agents":[{"max_tokens":"many"}]}`, 422, "detail.0.type", "integer_type"},
		{"unknown swarm type", swarm, `{"task":"t","swarm_type":"HiearchicalSwarm"}`, 422, "detail.0.loc.1", "swarm_type"},
		{"long name", swarm, `{"task":"t","name":"` + strings.Repeat("n", 101) + `"}`, 422, "detail.0.type", "string_too_long"},
		{"nothing to do", swarm, `{"name":"n"}`, 400, "detail", "There is no task or tasks or messages provided. Please provide a valid task description to proceed."},
		{"no such model", swarm, `{"task":"t","agents":[{"model_name":"nope"}]}`, 400, "detail", "Model nope is not available. Check https://litellm.io for available models."},
		{"too long", swarm, `{"task":"` + strings.Repeat("word", 2_000_001) + `","agents":[{"model_name":"gpt-4o"}]}`, 400, "detail", "Prompt is too long. Please provide a prompt that is less than 2,000,000 tokens."},
		{"temperature of opus", swarm, `{"task":"t","agents":[{"model_name":"claude-opus-4-8","temperature":0}]}`, 500, "detail", "Failed to run swarm: litellm.BadRequestError: AnthropicException - `temperature` is deprecated for this model."},
		{"not a list", batchPath, `{"tasks":[]}`, 422, "detail.0.type", "list_type"},
		{"bad item", batchPath, `[{"task":"t"},{"task":7}]`, 422, "detail.0.loc.1", "1"},
		{"no such path", "/v1/swarm/nothing", `{}`, 404, "detail", "Not Found"},
		{"wrong method", "/v1/account/credits", `{}`, 405, "detail", "Method Not Allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.expect(w.want(w.do(http.MethodPost, c.path, c.body), c.status), c.at, c.want)
		})
	}
	w.t = t
	a := w.want(w.batch(), 500)
	if string(a.body) != "Internal Server Error" {
		t.Errorf("empty batch: %s", a.body)
	}
	if n := w.sim.Books().Totals().Executions; n != 0 {
		t.Errorf("%d runs were done for refused requests", n)
	}
	w.admin("switches", `{"wrap_errors":true,"long_names":"cut"}`)
	w.expect(w.want(w.post(`{"name":"n"}`), 500), "detail", "400: There is no task or tasks or messages provided. Please provide a valid task description to proceed.")
	w.expect(w.want(w.post(`{"task":"t","name":"`+strings.Repeat("n", 101)+`"}`), 200), "swarm_name", strings.Repeat("n", 100))
}

func TestCompression(t *testing.T) {
	w := start(t, simulator.Options{})
	gz := func(r *http.Request) { r.Header.Set("Accept-Encoding", "lz4, gzip") } // set by hand: the transport doesn't unpack
	a := w.want(w.do(http.MethodPost, swarm, job("zip"), gz), 200)
	if a.header.Get("Content-Encoding") != "gzip" || a.header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers %v", a.header)
	}
	r, err := gzip.NewReader(strings.NewReader(string(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	w.expect(answer{body: plain}, "swarm_name", "zip")
	if a := w.do(http.MethodGet, "/v1/account/credits", "", gz); a.header.Get("Content-Encoding") != "" {
		t.Error("a short body was compressed")
	}
	w.admin("switches", `{"no_gzip":true}`)
	if a := w.do(http.MethodPost, swarm, job("zip"), gz); a.header.Get("Content-Encoding") != "" {
		t.Error("compressed with no_gzip")
	}
}

func TestSameRequestSameRun(t *testing.T) {
	usage := func(seed uint64, name string) string {
		w := start(t, simulator.Options{Seed: seed, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))})
		a := w.want(w.post(job(name)), 200)
		return string(mustJSON(t, dig(t, a.body, "usage")))
	}
	if a, b := usage(1, tag("x", 1)), usage(1, tag("x", 2)); a != b {
		t.Errorf("the same job under another request id uses other tokens:\n%s\n%s", a, b)
	}
	uses := []string{usage(1, "x"), usage(2, "x"), usage(1, "y")}
	slices.Sort(uses)
	if len(slices.Compact(uses)) != 3 {
		t.Errorf("other seeds and jobs should use other tokens: %v", uses)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
