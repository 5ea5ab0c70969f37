package activities_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// breaches are what a job of regulated work must not have, by the field that
// the refusal names.
var breaches = map[string]string{
	"agents[0].model_name is missing":         `{"agent_name": "A", "temperature": 0}`,
	"is not a pinned model":                   `{"agent_name": "A", "model_name": "grok-4-latest", "temperature": 0}`,
	"agents[0].temperature is 0.7":            `{"agent_name": "A", "model_name": "gpt-4o", "temperature": 0.7}`,
	"agents[0].temperature is missing":        `{"agent_name": "A", "model_name": "gpt-4o"}`,
	"agents[0].temperature can't be set":      `{"agent_name": "A", "model_name": "claude-opus-4-8", "temperature": 0}`,
	"agents[0].max_loops is 2":                `{"agent_name": "A", "model_name": "gpt-4o", "temperature": 0, "max_loops": 2}`,
	"agents[0].llm_args.temperature sets one": `{"agent_name": "A", "model_name": "gpt-4o", "temperature": 0, "llm_args": {"temperature": 1}}`,
}

// lax is a night of jobs as a program without the rule has left them in the
// books: job 0 keeps it, job 1 too, with Opus 4.8, and each of the others
// breaks it in one way. From now on the batch is regulated.
func lax(t *testing.T, policy string) (w *world, want map[int]string) {
	t.Helper()
	jobs := []string{
		`{"name": "job-0", "task": "CONFIDENTIAL-PROMPT", "agents": [{"agent_name": "A", "model_name": "gpt-4o-2024-08-06", "temperature": 0}]}`,
		`{"name": "job-1", "task": "CONFIDENTIAL-PROMPT", "agents": [{"agent_name": "A", "model_name": "claude-opus-4-8"}]}`,
	}
	want = map[int]string{}
	for why, agent := range breaches {
		want[len(jobs)] = strings.TrimSuffix(why, " one")
		jobs = append(jobs, fmt.Sprintf(`{"name": "job-%d", "task": "CONFIDENTIAL-PROMPT", "agents": [%s]}`, len(jobs), agent))
	}
	w = newWorld(t, nil).planned(fmt.Sprintf(`{"name": "digest", %s "jobs": [%s]}`, policy, strings.Join(jobs, ","))).proven()
	b, err := w.books.Batch(t.Context(), w.plan.Batch)
	if err != nil {
		t.Fatal(err)
	}
	b.Policy.Compliance = batch.ComplianceRegulated
	if _, err := w.books.Claim(t.Context(), ledger.Claim{Batch: b}); err != nil {
		t.Fatal(err)
	}
	return w, want
}

// refuses wants what breaks the rule rejected, with the reason and unsent, and
// the other two done.
func (w *world) refuses(want map[int]string) {
	w.Helper()
	for seq := range len(want) + 2 {
		j := w.job(seq)
		runs := w.api.Books().Executions(j.RequestID)
		why, broken := want[seq]
		switch {
		case !broken && (j.State != batch.Succeeded || runs != 1):
			w.Errorf("%s keeps the rule: %s (%s), ran %d times", j.Name, j.State, j.Why, runs)
		case broken && (j.State != batch.Rejected || runs != 0 || j.Attempts != 0):
			w.Errorf("%s breaks the rule: %s after %d attempts, ran %d times", j.Name, j.State, j.Attempts, runs)
		case broken && (!strings.Contains(j.Why, why) || !strings.HasPrefix(j.Why, "not sent: policy.compliance is regulated: ")):
			w.Errorf("%s: %q doesn't say %q", j.Name, j.Why, why)
		case strings.Contains(j.Why, "CONFIDENTIAL"):
			w.Errorf("%s: the reason tells the prompt: %s", j.Name, j.Why)
		}
	}
	tags := map[string]bool{}
	for a := range w.api.Books().Arrivals() {
		tags[a.RequestID] = true
	}
	for seq := range want {
		if tags[w.job(seq).RequestID] {
			w.Errorf("job %d arrived at the provider", seq)
		}
	}
	w.honest()
}

// TestRegulatedAlone: each job a request and an activity of its own.
func TestRegulatedAlone(t *testing.T) {
	w, want := lax(t, "")
	for seq := range len(want) + 2 {
		w.send(seq)
	}
	w.refuses(want)
}

// TestRegulatedBatch: many jobs in one request of the batch endpoint. The
// others go without those that may not.
func TestRegulatedBatch(t *testing.T) {
	w, want := lax(t, "")
	m := w.many(upTo(len(want) + 2)...)
	if len(m.Left) != 0 {
		t.Errorf("left to go alone: %v", m.Left)
	}
	if g := w.groups(); len(g) != 1 || g[0] != 2 {
		t.Errorf("batch requests of %v, want one of 2", g)
	}
	w.refuses(want)
}

// TestRegulatedLane: one activity for all.
func TestRegulatedLane(t *testing.T) {
	w, want := lax(t, "")
	r, err := w.hands.SubmitLane(t.Context(), w.lane(4))
	w.wantLane(r, err)
	w.refuses(want)
}

// TestRegulatedCarried: jobs that an earlier night parked are planned from the
// books, without a manifest that could be read again.
func TestRegulatedCarried(t *testing.T) {
	w, want := lax(t, "")
	w.send(0)
	w.at(w.plan.Start.Span.Deadline.Add(-time.Minute)) // too late for a request of ten minutes
	result, err := w.ends()
	if err != nil || result.Jobs.Parked != len(want)+1 {
		t.Fatalf("%+v, %v", result, err)
	}
	w.carry(result.Carried)
	w.at(w.plan.Start.At)
	for seq := range len(want) + 2 {
		w.send(seq)
	}
	w.refuses(want)
}
