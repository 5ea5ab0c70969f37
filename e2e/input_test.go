package e2e

import (
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/offpeak/offpeak/batch"
)

// twelve is a manifest with twelve mistakes, one a line where that is
// possible; each is named in its comment.
const twelve = `name: Market Digest
provider: swarmz
colour: red
window: {timezone: America/Los_Angelos, open: "25:00"}
budget: {per_job: five}
policy: {on_unknown: guess, request_timeout: 0s}
defaults:
  swarm_type: SequentialWorkflow
  agents: [{agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: -1}]
jobs:
  - {name: EU, task: "Summarize."}
  - {name: EU, task: "Summarize again."}
  - {task: "No name."}
  - {name: US}
`

// TestBadInput: each mistake gets a clear message and the right exit code, and
// nothing is started or spent.
func TestBadInput(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	head := "name: bad\n" + h.terms("")
	for _, c := range []struct {
		name, manifest string
		says           []string
	}{
		{"twelve mistakes", twelve, []string{"12 mistakes", ":1:", ":2:", ":3:", ":4:", ":5:", ":6:", ":9:", ":12:", ":13:", ":14:", "colour", "swarmz", "Los_Angelos", "25:00", "five", "guess"}},
		{"duplicate names", head + "jobs:\n  - {name: A, task: x}\n  - {name: A, task: y}\n", []string{`"A"`, "unique"}},
		{"an empty list", head + "jobs: []\n", []string{"jobs", "empty"}},
		{"no jobs", head, []string{"jobs"}},
		{"an unknown field", head + "job: []\njobs: [{name: A, task: x}]\n", []string{":4:1: job:", "did you mean jobs?"}},
		{"a task of 2 MB", head + "jobs: [{name: A, task: " + strings.Repeat("a", 2<<20) + "}]\n", []string{"jobs[0]", "1,048,576", "jobs_from"}},
		{"not YAML", "name: [\n", []string{":"}},
		{"an empty file", "", []string{"empty"}},
	} {
		path := h.file("bad.yaml", c.manifest)
		for _, verb := range []string{"validate", "run", "start", "estimate"} {
			d := h.starter(verb, path)
			if d.code != batch.ExitBadInput {
				t.Errorf("%s, %s: exit %d, want %d\n%s", c.name, verb, d.code, batch.ExitBadInput, clip(d.stderr))
			}
			for _, s := range c.says {
				if !strings.Contains(d.stderr, s) {
					t.Errorf("%s, %s: standard error doesn't say %q:\n%s", c.name, verb, s, clip(d.stderr))
				}
			}
			if len(d.stderr) > 20_000 {
				t.Errorf("%s, %s: %d bytes of error", c.name, verb, len(d.stderr))
			}
		}
	}
	h.wantNothingStarted()
}

func clip(s string) string { return s[:min(len(s), 2000)] }

func (h *house) wantNothingStarted() {
	h.t.Helper()
	n, err := h.client.CountWorkflow(h.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{})
	if err != nil {
		h.t.Fatal(err)
	}
	if n.GetCount() != 0 {
		h.t.Errorf("%d workflows were started", n.GetCount())
	}
	if posts := len(h.books().posts); posts != 0 {
		h.t.Errorf("%d paid requests were sent", posts)
	}
}

// TestKeys: a worker without a key doesn't start; one with a wrong key spends
// nothing, and never shows it.
func TestKeys(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	none := h.start("worker", []string{"SWARMS_API_KEY="})
	<-none.ended
	if code := none.cmd.ProcessState.ExitCode(); code != batch.ExitBadInput || !strings.Contains(none.text(), "SWARMS_API_KEY") {
		t.Errorf("without a key: exit %d\n%s", code, none.text())
	}
	const wrong = "sk-wrong-77aa77aa77aa77aa"
	w := h.worker("SWARMS_API_KEY=" + wrong)
	d := h.starter("run", h.manifest("wrong-key", 3, ""))
	if d.code != batch.ExitBadInput || !strings.Contains(d.stderr, "key was refused") || !strings.Contains(d.stderr, "SWARMS_API_KEY") {
		t.Errorf("with a wrong key: exit %d\n%s", d.code, d.stderr)
	}
	if strings.Contains(d.stderr+d.out+w.text(), wrong) {
		t.Error("the key was printed")
	}
	if n := len(h.books().posts); n != 0 {
		t.Errorf("%d paid requests were sent", n)
	}
}

// TestTemporalOutOfReach: every verb that needs Temporal, and the worker, say
// which address didn't answer.
func TestTemporalOutOfReach(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	path := h.manifest("unreachable", 3, "")
	nobody := "TEMPORAL_ADDRESS=127.0.0.1:9"
	for _, args := range [][]string{{"run", path}, {"start", path}, {"status", "unreachable/2026-11-22"}, {"report", "unreachable/2026-11-22"}} {
		d := h.starterEnv([]string{nobody}, args...)
		if d.code != batch.ExitOutOfReach || !strings.Contains(d.stderr, "127.0.0.1:9") {
			t.Errorf("%s: exit %d, want %d\n%s", args[0], d.code, batch.ExitOutOfReach, d.stderr)
		}
	}
	w := h.start("worker", []string{nobody})
	<-w.ended
	if code := w.cmd.ProcessState.ExitCode(); code != batch.ExitOutOfReach || !strings.Contains(w.text(), "127.0.0.1:9") {
		t.Errorf("worker: exit %d, want %d\n%s", code, batch.ExitOutOfReach, w.text())
	}
}

// TestUnknownBatch: a batch that nobody started is said to be unknown.
func TestUnknownBatch(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	for _, verb := range []string{"status", "report"} {
		d := h.starter(verb, "nobody/2026-11-22")
		if d.code != batch.ExitBadInput || !strings.Contains(d.stderr, "nobody/2026-11-22") {
			t.Errorf("%s: exit %d\n%s", verb, d.code, d.stderr)
		}
	}
}
