package simulator_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/simulator"
)

func TestReadScript(t *testing.T) {
	half := simulator.Chance(500_000)
	want := []simulator.Rule{
		{Match: "*", Kind: simulator.KindStatus, Status: 500, AfterWork: true, Probability: &half, Seed: 7},
		{Match: "EU", Kind: simulator.KindHang, Attempts: simulator.Attempts{From: 1, To: 2}},
		{Match: "/Digest$/", Kind: simulator.KindLateLog, Delay: simulator.Duration(90 * time.Second), Attempts: simulator.Attempts{From: 3, To: 3}},
		{Match: "*", Endpoint: "/v1/swarm/logs", Kind: simulator.KindTruncate, Times: 1, Attempts: simulator.Attempts{From: 2, To: 4}},
		{Match: "x", Kind: simulator.KindRate429, RetryAfter: "0.5", Detail: "slow down"},
	}
	script := `
# one of each way to say it
- {match: "*", kind: status, status: 500, after_work: true, probability: 0.5, seed: 7}
- match: EU
  kind: hang
  attempts: first 2
- {match: /Digest$/, kind: late_log, delay: 1m30s, attempts: 3}
- {match: "*", endpoint: /v1/swarm/logs, kind: truncate, times: 1, attempts: 2-4}
- {match: x, kind: rate429, retry_after: "0.5", detail: slow down}
`
	path := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := simulator.ReadFaults(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := json.Marshal(got) // what the admin endpoint shows can be sent back to it
	if err != nil {
		t.Fatal(err)
	}
	got, err = simulator.ParseFaults(again)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s in %s", err, diff, again)
	}
}

func TestScriptIsStrict(t *testing.T) {
	for _, c := range []struct{ script, says string }{
		{`- {match: "*", kind: hang, sometimes: true}`, "sometimes"},
		{"- match: a\n  match: b\n  kind: hang", "match"},
		{`- {match: "*"}`, "rule 1: kind is missing"},
		{`- {match: "*", kind: explode}`, `kind "explode" is unknown: one of badjson`},
		{`- {kind: hang}`, "match is missing"},
		{`- {match: "/(/", kind: hang}`, "missing closing"},
		{`- {match: "*", kind: status}`, "status 0 is not an error"},
		{`- {match: "*", kind: status, status: 204}`, "status 204 is not an error"},
		{`- {match: "*", kind: truncate, status: 200}`, "status 200 is not an error"},
		{`- {match: "*", kind: hang, status: 500}`, "status belongs to kinds status, truncate, badjson and huge"},
		{`- {match: "*", kind: truncate, after_work: true}`, "after_work means nothing to kind truncate"},
		{`- {match: "*", kind: hang, retry_after: 5}`, "retry_after belongs to kind rate429"},
		{`- {match: "*", kind: slow}`, "kind slow needs a delay"},
		{`- {match: "*", kind: hang, delay: 5s}`, "delay means nothing to kind hang"},
		{`- {match: "*", kind: slow, delay: 5}`, `"5" is not a duration`},
		{`- {match: "*", kind: slow, delay: -5s}`, "is not a duration"},
		{`- {match: "*", kind: hang, attempts: sometimes}`, "doesn't say which attempts"},
		{`- {match: "*", kind: hang, attempts: 3-2}`, "doesn't say which attempts"},
		{`- {match: "*", kind: hang, attempts: 0}`, "doesn't say which attempts"},
		{`- {match: "*", kind: hang, probability: 2}`, "is not a probability"},
		{`- {match: "*", kind: hang, probability: 1.5}`, "is not a probability"},
		{`- {match: "*", kind: hang, probability: 0.0000001}`, "is not a probability"},
		{`- {match: EU, kind: reset_unread}`, `use "*"`},
		{`- {match: "*", endpoint: /v1/swarm/logs, kind: ghost}`, "only concerns completions"},
		{`- {match: "*", endpoint: logs, kind: hang}`, "is not a path"},
		{`{match: "*", kind: hang}`, "read fault script"},
		{`- [`, "read fault script"},
	} {
		rules, err := simulator.ParseFaults([]byte(c.script))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: read as %v with error %v, which should say %q", c.script, rules, err, c.says)
		}
	}
	_, err := simulator.ParseFaults([]byte("- {match: a}\n- {kind: explode}"))
	for _, says := range []string{"rule 1: kind is missing", "rule 2: kind", "match is missing"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("all at once: %v doesn't say %q", err, says)
		}
	}
	if _, err := simulator.ReadFaults(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a missing file was read")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]simulator.Options{
		"tier":     {Accounts: []simulator.Account{{Keys: []string{"k"}, Tier: "gold"}}},
		"no key":   {Accounts: []simulator.Account{{}}},
		"same key": {Accounts: []simulator.Account{{Keys: []string{"k"}}, {Keys: []string{"k"}}}},
		"limit":    {Accounts: limited(simulator.Quota{Name: "minute", Span: time.Minute})},
		"switch":   {Switches: simulator.Switches{BatchShape: "Z"}},
		"latency":  {Latency: simulator.Latency{Kind: "poisson"}},
		"fault":    {Faults: []simulator.Rule{{Match: "*", Kind: "explode"}}},
		"tokens":   {Tokens: simulator.Tokens{In: -1}},
	} {
		if _, err := simulator.Open(o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := simulator.ParseSwitches([]byte(`{"batch_shap":"A"}`)); err == nil {
		t.Error("an unknown switch was read")
	}
}
