package manifest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

const full = `# every field that a manifest has
name: market-digest
provider: swarms
defaults:
  swarm_type: SequentialWorkflow
  max_loops: 1
  expect: {input_tokens: 6000, output_tokens: 3000}
  priority: 5
  agents: &two
    - {agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 1024}
    - {agent_name: Synthesizer, model_name: gpt-4o, max_tokens: 2048, temperature: 0.10}
window: {timezone: Europe/Berlin, open: "22:00", close: "04:00", start_at: "22:30", finish_by: "03:30", buffer: 5m, weekdays: [fri, mon]}
budget: {per_job: 0.50, batch: "12.345678", day: 20}
policy: {on_unknown: hold, compliance: none, mode: single, fan_out: lanes, batch_size: 25, request_timeout: 90, log_lag: 1m30s, carry_over: false}
jobs:
  - name: no
    task: |
      First <b> & "second"
      line
    seed: 123456789012345678901234567890.10
  - name: "  EU \u00e9 "
    tasks: [a, b]
    agents: *two
    priority: -7
    needed_by: 2026-11-23T05:00:00-08:00
    expect: {input_tokens: 0, output_tokens: 1}
jobs_from: jobs.jsonl
`

const fullJSON = `{"name": "market-digest", "provider": "swarms",
 "defaults": {"swarm_type": "SequentialWorkflow", "max_loops": 1, "expect": {"input_tokens": 6000, "output_tokens": 3000}, "priority": 5,
   "agents": [{"agent_name": "Scanner", "model_name": "gpt-4o-mini", "max_tokens": 1024},
              {"agent_name": "Synthesizer", "model_name": "gpt-4o", "max_tokens": 2048, "temperature": 0.10}]},
 "window": {"timezone": "Europe/Berlin", "open": "22:00", "close": "04:00", "start_at": "22:30", "finish_by": "03:30", "buffer": 300, "weekdays": ["mon", "fri"]},
 "budget": {"per_job": "0.5", "batch": 12.345678, "day": "20.00"},
 "policy": {"on_unknown": "hold", "compliance": "none", "mode": "single", "fan_out": "lanes", "batch_size": 25, "request_timeout": "1m30s", "log_lag": 90, "carry_over": false},
 "jobs": [
  {"task": "First <b> & \"second\"\nline\n", "name": "no", "seed": 123456789012345678901234567890.10},
  {"name": "EU é", "tasks": ["a", "b"], "priority": -7, "needed_by": "2026-11-23T13:00:00Z", "expect": {"input_tokens": 0, "output_tokens": 1},
   "agents": [{"agent_name": "Scanner", "model_name": "gpt-4o-mini", "max_tokens": 1024},
              {"temperature": 0.10, "agent_name": "Synthesizer", "model_name": "gpt-4o", "max_tokens": 2048}]}],
 "jobs_from": "jobs.jsonl"}`

const agentsJSON = `"agents":[{"agent_name":"Scanner","max_tokens":1024,"model_name":"gpt-4o-mini"},{"agent_name":"Synthesizer","max_tokens":2048,"model_name":"gpt-4o","temperature":0.10}]`

func fullManifest() batch.Manifest {
	return batch.Manifest{
		Name: "market-digest", Provider: "swarms",
		Defaults: json.RawMessage(`{` + agentsJSON + `,"expect":{"input_tokens":6000,"output_tokens":3000},"max_loops":1,"priority":5,"swarm_type":"SequentialWorkflow"}`),
		Window: tariff.Window{
			Zone: "Europe/Berlin", Open: 22 * 3600, Close: 4 * 3600, StartAt: 22*3600 + 1800, FinishBy: 3*3600 + 1800,
			Buffer: 5 * time.Minute, Weekdays: []time.Weekday{time.Monday, time.Friday},
		},
		Budget: batch.Budget{PerJob: 50 * money.Cent, Batch: 12_345_678, Day: 20 * money.Dollar},
		Policy: batch.Policy{OnUnknown: "hold", Compliance: "none", Mode: "single", FanOut: "lanes", BatchSize: 25, RequestTimeout: 90 * time.Second, LogLag: 90 * time.Second},
		Jobs: []batch.Job{
			{
				Name: "no", Priority: 5, Expect: &batch.Expect{InputTokens: 6000, OutputTokens: 3000},
				Request: json.RawMessage(`{` + agentsJSON + `,"max_loops":1,"name":"no","seed":123456789012345678901234567890.10,"swarm_type":"SequentialWorkflow","task":"First <b> & \"second\"\nline\n"}`),
			},
			{
				Name: "EU é", Priority: -7, Expect: &batch.Expect{OutputTokens: 1},
				NeededBy: time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC),
				Request:  json.RawMessage(`{` + agentsJSON + `,"max_loops":1,"name":"EU é","swarm_type":"SequentialWorkflow","tasks":["a","b"]}`),
			},
		},
		JobsFrom: "jobs.jsonl",
	}
}

// YAML and JSON twins, and what JSON makes of each, all read as one manifest.
func TestReadTwins(t *testing.T) {
	for what, in := range map[string]string{
		"yaml": full, "json": fullJSON, "yaml with a BOM and CRLF": "\ufeff" + strings.ReplaceAll(full, "\n", "\r\n"), "json with a BOM": "\ufeff\n " + fullJSON,
	} {
		got, err := Read(what, []byte(in))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if diff := cmp.Diff(fullManifest(), got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		payload, err := JSON(what, []byte(in))
		if err != nil || !json.Valid(payload) {
			t.Fatalf("%s: not JSON: %v\n%s", what, err, payload)
		}
		if again, err := Read("payload", payload); err != nil || cmp.Diff(got, again) != "" {
			t.Errorf("%s: reads as another manifest after JSON: %v", what, err)
		}
		if twice, err := JSON("payload", payload); err != nil || string(twice) != string(payload) {
			t.Errorf("%s: JSON of JSON differs: %v", what, err)
		}
	}
}

func TestJSONKeepsLiteralsAndOrder(t *testing.T) {
	in := "name: a # comment\nbudget: {per_job: 0.50, batch: 1e1}\njobs:\n- {task: \"<&>\\u2028\", name: x, n: [1.0, -0, 1E400, ~, True]}\n"
	const want = `{"name":"a","budget":{"per_job":0.50,"batch":1e1},"jobs":[{"task":"<&>` + "\u2028" + `","name":"x","n":[1.0,-0,1E400,null,true]}]}`
	if got, err := JSON("f", []byte(in)); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestReadDefaults(t *testing.T) {
	m, err := Read("f", []byte("name: a\njobs_from: s3://bucket/jobs.jsonl?region=eu\n"))
	want := batch.Manifest{
		Name: "a", Provider: "swarms", JobsFrom: "s3://bucket/jobs.jsonl?region=eu",
		Window: tariff.SwarmsWindow(),
		Budget: batch.Budget{PerJob: 5 * money.Dollar, Batch: 50 * money.Dollar},
		Policy: batch.Policy{OnUnknown: "verify", Compliance: "none", Mode: "auto", FanOut: "auto", BatchSize: 10, RequestTimeout: 10 * time.Minute, LogLag: 2 * time.Minute, CarryOver: true},
	}
	if err != nil || cmp.Diff(want, m) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, m))
	}
}

// What a window leaves out follows from its own hours, not from Swarms'.
func TestReadWindow(t *testing.T) {
	const h = 3600
	always := tariff.AlwaysOpen("America/Los_Angeles").Fill()
	several := tariff.Several("America/Los_Angeles", tariff.Interval{Open: 0, Close: 6 * h}, tariff.Interval{Open: 12 * h, Close: 14 * h, Weekdays: []time.Weekday{0, 6}})
	several.Buffer = 450 * time.Second
	for in, want := range map[string]tariff.Window{
		`{}`:                              tariff.SwarmsWindow(),
		`{buffer: 0}`:                     {Zone: "America/Los_Angeles", Open: 20 * h, Close: 6 * h, StartAt: 21 * h, FinishBy: 5 * h},
		`{start_at: "22:00"}`:             {Zone: "America/Los_Angeles", Open: 20 * h, Close: 6 * h, StartAt: 22 * h, FinishBy: 5 * h, Buffer: 15 * time.Minute},
		`{open: "22:00"}`:                 {Zone: "America/Los_Angeles", Open: 22 * h, Close: 6 * h, StartAt: 23 * h, FinishBy: 5 * h, Buffer: 15 * time.Minute},
		`{open: "00:00", close: "08:00"}`: {Zone: "America/Los_Angeles", Open: 0, Close: 8 * h, StartAt: 1 * h, FinishBy: 7 * h, Buffer: 15 * time.Minute},
		`{timezone: Asia/Kathmandu, open: "01:00", close: "02:00"}`: {
			Zone: "Asia/Kathmandu", Open: 1 * h, Close: 2 * h, StartAt: 1*h + 225, FinishBy: 2*h - 225, Buffer: 225 * time.Second,
		},
		`{weekdays: [sun, sat]}`: {
			Zone: "America/Los_Angeles", Open: 20 * h, Close: 6 * h, StartAt: 21 * h, FinishBy: 5 * h, Buffer: 15 * time.Minute,
			Weekdays: []time.Weekday{time.Sunday, time.Saturday},
		},
		`{multiplier: 0.25}`: {
			Zone: "America/Los_Angeles", Open: 20 * h, Close: 6 * h, StartAt: 21 * h, FinishBy: 5 * h, Buffer: 15 * time.Minute, Multiplier: money.One / 4,
		},
		`always`: always,
		`{always: true, multiplier: "1", timezone: America/Los_Angeles}`:                                        always,
		`{intervals: [{open: "00:00", close: "06:00"}, {open: "12:00", close: "14:00", weekdays: [sun, sat]}]}`: several,
		`{intervals: [{open: "22:00", close: "06:00"}]}`:                                                        {Zone: "America/Los_Angeles", Open: 22 * h, Close: 6 * h, StartAt: 23 * h, FinishBy: 5 * h, Buffer: 15 * time.Minute},
	} {
		m, err := Read("f", []byte("name: a\njobs_from: f\nwindow: "+in))
		if err != nil || cmp.Diff(want, m.Window) != "" {
			t.Errorf("%s: %v\n%s", in, err, cmp.Diff(want, m.Window))
		}
		input, err := json.Marshal(map[string]any{"manifest": "file:///f", "window": WindowField(want)})
		if err != nil {
			t.Fatal(err)
		}
		if ref, _, err := Ref(input); err != nil || cmp.Diff(&want, ref.Window) != "" {
			t.Errorf("%s, written and read: %v\n%s", input, err, cmp.Diff(&want, ref.Window))
		}
	}
}

// A job's key replaces the default's whole, even with null.
func TestDefaultsAreReplacedWhole(t *testing.T) {
	m, err := Read("f", []byte(`
name: a
defaults: {task: d, agents: [{agent_name: A}], director_settings: {a: 1, b: 2}, expect: {input_tokens: 1, output_tokens: 2}}
jobs:
  - {name: x}
  - {name: y, task: t, director_settings: {b: 3}, agents: null}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"agents":[{"agent_name":"A"}],"director_settings":{"a":1,"b":2},"name":"x","task":"d"}`,
		`{"agents":null,"director_settings":{"b":3},"name":"y","task":"t"}`,
	} {
		if got := string(m.Jobs[i].Request); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	m.Jobs[0].Expect.InputTokens = 99
	if m.Jobs[1].Expect.InputTokens != 1 {
		t.Error("two jobs share one expectation")
	}
}

func TestExamples(t *testing.T) {
	const dir = "../../examples/"
	for name, jobs := range map[string]int{"market-digest.yaml": 3, "thousand.yaml": 20} {
		data, err := os.ReadFile(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Read(name, data)
		if err != nil {
			t.Fatal(err)
		}
		got := m.Jobs
		if m.JobsFrom != "" {
			f, err := os.Open(dir + m.JobsFrom)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := Stream(m.JobsFrom, m, f, func(j batch.Job) error { got = append(got, j); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != jobs {
			t.Errorf("%s has %d jobs, want %d", name, len(got), jobs)
		}
		for _, j := range got {
			if j.Expect == nil {
				t.Errorf("%s: %s says nothing about what it will use", name, j.Name)
			}
		}
	}
}
