package swarms

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

func dollars(t testing.TB, text string) money.Literal {
	t.Helper()
	usd, err := money.Round(text)
	if err != nil {
		t.Fatal(err)
	}
	return money.Literal{USD: usd, Text: text, Known: true}
}

func p[T any](v T) *T { return &v }

func TestCompletionVariants(t *testing.T) {
	for file, want := range map[string]Completion{
		"completion.json": {
			JobID: "swarms-S17nZFDesmLHxCRoeyF3NVYvPaXk", OK: true, Status: "success", SwarmType: "SequentialWorkflow",
			SwarmName: "EU Market Digest [0b0e3c1a-7c57-4c1f-9d5e-3d1f4a2b6c7d]", Agents: 2, ExecutionTime: "45.2",
			Output: json.RawMessage(`[{"role":"Scanner","content":"three rounds"},{"role":"Synthesizer","content":["one paragraph","another"]}]`),
			Usage: &Usage{
				InputTokens: 6000, OutputTokens: 3000, HasTokens: true, Agents: 2,
				TotalCost: dollars(t, "0.06725"), InputCost: dollars(t, "0.0195"), OutputCost: dollars(t, "0.02775"), AgentCost: dollars(t, "0.02"),
				NightApplied: p(true), DiscountActive: p(true), DiscountType: p("night_time"), DiscountPercentage: p("50"),
			},
		},
		"completion_no_discount_type.json": {
			JobID: "swarms-Gk2", OK: true, Status: "success", SwarmName: "Round table", SwarmType: "GroupChat", Agents: 4, ExecutionTime: "12",
			Output: json.RawMessage(`"text"`),
			Usage: &Usage{
				InputTokens: 45, OutputTokens: 2400, HasTokens: true, Agents: 4,
				TotalCost: dollars(t, "0.076135"), InputCost: dollars(t, "0.000135"), OutputCost: dollars(t, "0.036"), AgentCost: dollars(t, "0.04"),
				NightApplied: p(false), DiscountActive: p(false),
			},
		},
		"completion_metadata.json": {
			JobID: "swarms-Old1", OK: true, Status: "success", SwarmName: "Old", SwarmType: "ConcurrentWorkflow", Output: json.RawMessage(`{"a":1}`),
			Usage: &Usage{
				InputTokens: 50, OutputTokens: 45, HasTokens: true, Agents: 3,
				TotalCost: dollars(t, "0.0303"), InputCost: dollars(t, "0.0001"), OutputCost: dollars(t, "0.0002"), AgentCost: dollars(t, "0.03"),
			},
		},
		"completion_tokens_only.json": {
			JobID: "swarms-Ph1", OK: true, Status: "success", SwarmName: "Template", SwarmType: "SequentialWorkflow", Agents: 1, ExecutionTime: "3.0",
			Output: json.RawMessage(`[]`), Usage: &Usage{InputTokens: 10, OutputTokens: 20, HasTokens: true, Agents: 1},
		},
		"completion_python_floats.json": {
			JobID: "swarms-Py1", OK: true, Status: "success", SwarmName: "Floats", SwarmType: "SequentialWorkflow", Agents: 1, ExecutionTime: "0.30000000000000004",
			Usage: &Usage{
				InputTokens: 6000, OutputTokens: 3000, HasTokens: true, Agents: 1,
				TotalCost: dollars(t, "0.058500000000000003"), InputCost: dollars(t, "0.0195"), OutputCost: dollars(t, "0.027749999999999997"), AgentCost: dollars(t, "0.01"),
				NightApplied: p(true), DiscountActive: p(true), DiscountType: p("night_time"), DiscountPercentage: p("50.0"),
			},
		},
	} {
		body := testdata(t, file)
		got, rec, f := complete(t, serve(t, answer(http.StatusOK, "application/json", string(body))))
		if f != nil || rec.BodySize != int64(len(body)) {
			t.Errorf("%s: %v, receipt %+v", file, f, rec)
		}
		if strings.TrimSpace(string(body)) != string(got.Raw) {
			t.Errorf("%s: raw is %s", file, got.Raw)
		}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Completion{}, "Raw")); d != "" {
			t.Errorf("%s: %s", file, d)
		}
	}
	if got := dollars(t, "0.058500000000000003").USD; got != 58_500 {
		t.Errorf("python's float is %d micro-dollars", got)
	}
}

// A member of an unexpected type is a member that is missing: never zero, and
// never the loss of an answer that was paid for.
func TestCompletionIsLenient(t *testing.T) {
	for body, want := range map[string]Completion{
		`{"status":"success","swarm_name":7,"number_of_agents":"2","execution_time":"1.5"}`:                                                 {OK: true, Status: "success", Agents: 2, ExecutionTime: "1.5"},
		`{"status":"COMPLETED","usage":null}`:                                                                                               {OK: true, Status: "COMPLETED"},
		`{"status":"success","usage":{}}`:                                                                                                   {OK: true, Status: "success"},
		`{"status":"success","usage":"much"}`:                                                                                               {OK: true, Status: "success"},
		`{"status":"success","usage":{"input_tokens":-1,"output_tokens":2}}`:                                                                {OK: true, Status: "success"},
		`{"status":"success","usage":{"billing_info":{"total_cost":"0.05"}}}`:                                                               {OK: true, Status: "success", Usage: &Usage{TotalCost: dollars(t, "0.05")}},
		`{"status":"success","usage":{"billing_info":{"total_cost":"free","discount_active":true}}}`:                                        {OK: true, Status: "success", Usage: &Usage{DiscountActive: p(true)}},
		`{"status":"success","usage":{"billing_info":{"total_cost":0,"discount_active":"yes","discount_type":5,"discount_percentage":[]}}}`: {OK: true, Status: "success", Usage: &Usage{TotalCost: dollars(t, "0")}},
		`{"status":"success","usage":{"input_tokens":1e3,"output_tokens":2.5,"total_cost":1e-3}}`:                                           {OK: true, Status: "success", Usage: &Usage{TotalCost: dollars(t, "1e-3")}},
		`{"output":"x"}`: {OK: true, Output: json.RawMessage(`"x"`)},
		`{"output":"x","success":false,"usage":{"total_cost":1}}`:  {Output: json.RawMessage(`"x"`), Usage: &Usage{TotalCost: dollars(t, "1")}},
		`{"status":"error","detail":"x","usage":{"total_cost":1}}`: {Status: "error", Detail: "x", Usage: &Usage{TotalCost: dollars(t, "1")}},
	} {
		got, _, f := complete(t, serve(t, answer(200, "application/json", body)))
		if f != nil {
			t.Errorf("%s: %v", body, f)
		}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Completion{}, "Raw")); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

func TestBatchVariants(t *testing.T) {
	type item struct {
		Name, Status, Output, Cost, Detail string
		OK                                 bool
	}
	x := `"x"`
	for body, want := range map[string][]item{
		string(testdata(t, "batch_a.json")): {
			{Name: "one", Status: "success", Output: `[{"role":"A","content":"x"}]`, Cost: "0.1242", OK: true},
			{Name: "two", Status: "error", Detail: "Failed to run swarm: model went away"},
		},
		string(testdata(t, "batch_b.json")): {{Name: "one", Status: "completed", Output: x, OK: true}},
		string(testdata(t, "batch_c.json")): {{Name: "one", Status: "success", Output: x, Cost: "0.5", OK: true}},
		string(testdata(t, "batch_d.json")): {{Name: "one", Status: "success", Output: x, OK: true}},
		string(testdata(t, "batch_e.json")): {{Name: "one", Output: x, Cost: "0.25", OK: true}},
		string(testdata(t, "batch_f.json")): {{Name: "one", Output: x, OK: true}},
		"[]":                                {},
		`{"results":[]}`:                    {},
		`[null,"a",{},{"swarm_name":"n","status":"error","detail":{"message":"m"}}]`: {
			{Detail: errNotARun.Error()}, {Detail: errNotARun.Error()}, {Detail: errNotARun.Error()}, {Name: "n", Status: "error", Detail: "m"},
		},
		`{"swarm_name":"alone","status":"success"}`: {{Name: "alone", Status: "success", OK: true}},
	} {
		runs, rec, err := serve(t, answer(200, "application/json", body)).CompleteBatch(t.Context(), []byte(`[{"name":"one"}]`))
		if err != nil || rec.Path != PathBatch {
			t.Errorf("%s: %v", body, err)
			continue
		}
		got := []item{}
		for _, r := range runs {
			i := item{Name: r.SwarmName, Status: r.Status, Output: string(r.Output), Detail: r.Detail, OK: r.OK}
			if r.Usage != nil {
				i.Cost = r.Usage.TotalCost.Text
			}
			got = append(got, i)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

func TestBatchThatCannotBeRead(t *testing.T) {
	for body, moved := range map[string]batch.Moved{
		`{"detail":"boom"}`:             batch.MovedMaybe, // an error object despite status 200
		`{"error":{"message":"boom"}}`:  batch.MovedMaybe,
		`{}`:                            batch.MovedYes,
		`{"results":null}`:              batch.MovedYes,
		`{"results":{"a":1}}`:           batch.MovedYes,
		`[{"swarm_name":"a"}`:           batch.MovedYes,
		`[{"swarm_name":"a"}] trailing`: batch.MovedYes,
		`"text"`:                        batch.MovedYes,
		``:                              batch.MovedYes,
		"[" + strings.Repeat("0,", maxItems) + "0]": batch.MovedYes,
	} {
		runs, _, err := serve(t, answer(200, "application/json", body)).CompleteBatch(t.Context(), []byte(`[]`))
		f := faultOf(t, err)
		if runs != nil || f.Kind != batch.OutcomeUnknown || f.Moved != moved || f.Op != "POST "+PathBatch || f.Status != 200 {
			t.Errorf("%.40s: %d runs, %+v", body, len(runs), *f)
		}
	}
}

func TestFaultOfAnItem(t *testing.T) {
	type verdict struct {
		Kind  batch.Kind
		Moved batch.Moved
	}
	for detail, want := range map[string]verdict{
		"":                              {batch.OutcomeUnknown, batch.MovedMaybe},
		"Failed to run swarm: boom":     {batch.OutcomeUnknown, batch.MovedMaybe},
		"400: no task":                  {batch.RejectedByAPI, batch.MovedNo},
		"402: Insufficient credits":     {batch.CreditsTooLow, batch.MovedMaybe},
		"Insufficient credits. Please":  {batch.CreditsTooLow, batch.MovedMaybe},
		"403: Invalid API Key":          {batch.KeyRefused, batch.MovedNo},
		"429: slow down":                {batch.RateLimited, batch.MovedNo},
		"`temperature` is deprecated":   {batch.RejectedByAPI, batch.MovedNo},
		"the code 402: isn't in front":  {batch.OutcomeUnknown, batch.MovedMaybe},
		"408: too long":                 {batch.OutcomeUnknown, batch.MovedMaybe},
		"4000: not a status of any API": {batch.OutcomeUnknown, batch.MovedMaybe},
	} {
		f := Completion{Status: "error", Detail: detail}.Fault()
		if d := cmp.Diff(want, verdict{f.Kind, f.Moved}); d != "" {
			t.Errorf("%q: %s", detail, d)
		}
		if (f.Kind == batch.RateLimited) != (f.After > 0) {
			t.Errorf("%q: after %s", detail, f.After)
		}
	}
	if f := (Completion{OK: true}).Fault(); f != nil {
		t.Errorf("an item that is fine has %v", f)
	}
}
