package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// TestReconcile looks into the provider's books once more, with everything
// real but the provider: a night whose discount was missed stays failed, a good
// one stays good, and nothing is ever sent.
func TestReconcile(t *testing.T) {
	s := newStage(t, simulator.Rule{Match: "dear job", Kind: simulator.KindFullPrice})
	good := decode(t, s.run(t.Context(), t, 0, "run", "testdata/good.yaml", "--window", s.open, "--json"))
	if good.Reconciled == nil || good.Reconciled.Charged != good.Money.Billed {
		t.Fatalf("the night ends without a comparison: %+v", good)
	}
	dear := filepath.Join(t.TempDir(), "dear.yaml")
	text := "name: dear\npolicy: {log_lag: 0s}\njobs: [{name: dear job, task: t, agents: [{agent_name: a, model_name: gpt-4o, max_tokens: 10}]}]\n"
	if err := os.WriteFile(dear, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := s.run(t.Context(), t, 0, "run", dear, "--window", s.open); got.code != batch.ExitAudit {
		t.Fatalf("%+v", got)
	}
	sent := s.books.Totals().Executions

	billed := good.Money.Billed.Dollars()
	for _, name := range []string{string(good.Batch), "good"} {
		got := s.eventually(t, "reconcile", name)
		for _, want := range []string{string(good.Batch) + ": PASSED, paid " + billed, "ledger " + billed + ", provider's log " + billed + " for 1 run", "report"} {
			if got.code != batch.ExitDone || !strings.Contains(got.out, want) {
				t.Errorf("reconcile %s: %q isn't said: %+v", name, want, got)
			}
		}
	}
	if r := decode(t, s.run(t.Context(), t, 0, "reconcile", string(good.Batch), "--json")); r.Reconciled == nil || r.Reconciled.Runs != 1 || !r.Audit.Passed {
		t.Errorf("%+v", r)
	}
	if got := s.run(t.Context(), t, 0, "reconcile", string(s.id(t, "dear"))); got.code != batch.ExitAudit || !strings.Contains(got.out, "DiscountMissed") {
		t.Errorf("%+v", got)
	}
	for _, verb := range []string{"report", "status"} {
		if got := s.run(t.Context(), t, 0, verb, string(good.Batch)); got.code != 0 || !strings.Contains(got.out, billed) {
			t.Errorf("%s afterwards: %+v", verb, got)
		}
	}

	// All batches of the night: one of them failed.
	night := string(good.Batch.Night())
	got := s.run(t.Context(), t, 0, "reconcile", "--night", night)
	for _, want := range []string{"night " + night + ": 2 of 2 judged, 1 failed", "good/" + night + ": PASSED", "dear/" + night + ": FAILED", "finding: DiscountMissed"} {
		if got.code != batch.ExitAudit || !strings.Contains(got.out, want) {
			t.Errorf("--night: %q isn't said: %+v", want, got)
		}
	}
	got = s.run(t.Context(), t, 0, "reconcile", "--night", night, "--json")
	var b batch.NightBooks
	if err := json.Unmarshal([]byte(got.out), &b); err != nil || got.code != batch.ExitAudit || len(b.Batches) != 2 || len(b.Failed) != 1 || b.Failed[0].Kind != batch.DiscountMissed {
		t.Errorf("%v: %+v", err, got)
	}
	if got := s.run(t.Context(), t, 0, "reconcile", "--night", "2026-01-02"); got.code != batch.ExitBadInput || !strings.Contains(got.err, "no batch of this night") {
		t.Errorf("a date without a batch: %+v", got)
	}
	if n := s.books.Totals().Executions; n != sent {
		t.Errorf("%d jobs ran, want still %d: reconcile sent something", n, sent)
	}
}

// TestReconcileRefused says what to do instead.
func TestReconcileRefused(t *testing.T) {
	s := newStage(t)
	later := time.Now().UTC().Add(3 * time.Hour)
	window := later.Format("15:04") + "-" + later.Add(4*time.Hour).Format("15:04") + "@UTC"
	var started struct {
		Batch batch.ID `json:"batch"`
	}
	if got := s.run(t.Context(), t, 0, "start", "testdata/good.yaml", "--window", window, "--json"); json.Unmarshal([]byte(got.out), &started) != nil {
		t.Fatalf("%+v", got)
	}
	id := string(started.Batch)
	s.waiting(t, id)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"reconcile", id}, batch.ExitBadInput, "hint: the night compares its books itself when it ends: starter watch " + id},
		{[]string{"reconcile", "nobody/2026-11-22"}, batch.ExitBadInput, "not found"},
		{[]string{"reconcile", "nobody"}, batch.ExitBadInput, "not found"},
		{[]string{"reconcile", "--night", "someday"}, batch.ExitBadInput, "yesterday"},
		{[]string{"reconcile", "--night", string(started.Batch.Night())}, batch.ExitDone, id + ": left alone"},
		{[]string{"reconcile", id, "--json"}, batch.ExitBadInput, `"kind": "NightClaimed"`},
	} {
		got := s.run(t.Context(), t, 0, c.args...)
		if got.code != c.code || !strings.Contains(got.out+got.err, c.says) {
			t.Errorf("%v: want exit code %d and %q, got %+v", c.args, c.code, c.says, got)
		}
	}
	if got := s.run(t.Context(), t, 0, "cancel", id); got.code != 0 {
		t.Errorf("%+v", got)
	}
}
