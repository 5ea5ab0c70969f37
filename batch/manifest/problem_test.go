package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

const twelve = `name: Market Digest
provider: swarm
windw: {}
window: {open: "8 PM"}
budget: {per_job: -5}
policy:
  compliance: strict
  request_timeout: 2h
jobs:
  - name: a
    task: 5
  - task: t
  - name: c
  - name: a
    task: t
    priority: high
`

const twelveJSON = `{"name": "Market Digest",
"provider": "swarm",
"windw": {},
"window": {"open": "8 PM"},
"budget": {"per_job": -5},
"policy": {
 "compliance": "strict",
 "request_timeout": "2h"},
"jobs": [
 {"name": "a",
  "task": 5},
 {"task": "t"},
 {"name": "c"},
 {"name": "a",
  "task": "t",
  "priority": "high"}]}`

// Twelve mistakes are twelve lines, at the same lines in both forms.
func TestAllProblemsAtOnce(t *testing.T) {
	for what, in := range map[string]string{"yaml": twelve, "json": twelveJSON} {
		_, err := Read(what, []byte(in))
		var ps Problems
		if !errors.As(err, &ps) {
			t.Fatalf("%s: %v", what, err)
		}
		var got []string
		for _, p := range ps {
			got = append(got, fmt.Sprintf("%d %s", p.Line, p.Path))
		}
		want := []string{
			"1 name", "2 provider", "3 windw", "4 window.open", "5 budget.per_job", "7 policy.compliance", "8 policy.request_timeout",
			"11 jobs[0].task", "12 jobs[1].name", "13 jobs[2]", "14 jobs[3].name", "16 jobs[3].priority",
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q\n%v", what, got, want, err)
		}
	}
}

func TestProblemsShown(t *testing.T) {
	var in strings.Builder
	in.WriteString("name: a\njobs:\n")
	for range MaxShown + 23 {
		in.WriteString("- x\n")
	}
	_, err := Read("f", []byte(in.String()))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != MaxShown+1 || lines[MaxShown] != "and 23 more" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != MaxShown+23 {
		t.Errorf("%d problems kept, want all", len(ps))
	}
	f := ps.Fault()
	if f.Kind != batch.BadInput || f.Thing != "f" || f.Moved != batch.MovedNo || batch.KindOf(f) != batch.BadInput {
		t.Errorf("%+v", f)
	}
	if n := strings.Count(f.Detail, "\n"); n != 20 || !strings.HasSuffix(f.Detail, "\nand 103 more") {
		t.Errorf("the detail has %d lines: %s", n+1, f.Detail)
	}
	if !errors.As(error(f), &ps) {
		t.Error("the fault forgets its problems")
	}
	if Problems(nil).Fault() != nil {
		t.Error("no problem makes a fault")
	}
}

// A document can hold more mistakes than anyone wants in memory.
func TestProblemsKept(t *testing.T) {
	in := `{"name": "a", "jobs_from": "f"` + strings.Repeat(`,"x":1`, 2*maxKept) + `}`
	_, err := Read("f", []byte(in))
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != maxKept {
		t.Errorf("%d problems kept, want %d", len(ps), maxKept)
	}
}

// What may be a secret or a prompt is never repeated.
func TestProblemsKeepSecrets(t *testing.T) {
	const secret = "hunter2"
	for _, in := range []string{
		"api_key: " + secret,
		"jobs_from: https://me:" + secret + "@host/jobs",
		"jobs_from: \"https://" + secret + "%zz\"",
		"jobs: [{name: x, task: t, agents: " + secret + "}]",
		"jobs: [{name: x, task: {text: " + secret + "}}]",
		"jobs: [{name: x, task: t, max_loops: " + secret + "}]",
		"jobs: [{name: x, task: t, agents: [{agent_name: A, mcp_config: " + secret + ", mcp_url: [" + secret + "]}]}]",
		"jobs: [{name: x, tasks: " + secret + "}]",
	} {
		_, err := Read("f", []byte("name: a\n"+in+"\n"))
		var ps Problems
		if !errors.As(err, &ps) {
			t.Errorf("%s passes", in)
		}
		if strings.Contains(fmt.Sprintf("%+v %v %+v", ps, err, ps.Fault()), secret) {
			t.Errorf("repeated: %v", err)
		}
	}
}

func TestClip(t *testing.T) {
	long := strings.Repeat("é", 61)
	if got := clip(long); got != strings.Repeat("é", 60)+"..." {
		t.Errorf("%q", got)
	}
	if got := clip(long[:120]); got != long[:120] {
		t.Errorf("%q", got)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 524288: "524,288", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"windw": "window", "Window": "window", "job": "jobs", "jobsfrom": "jobs_from", "polciy": "policy", "provder": "provider",
		"colour": "", "x": "", "": "", strings.Repeat("jobs", 20): "",
	} {
		if got := nearest(word, manifestFields); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := nearest("zone", windowFields); got != "timezone" {
		t.Errorf("zone: %q", got)
	}
}
