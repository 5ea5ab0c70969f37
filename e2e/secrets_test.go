package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWhatAHistoryHolds runs a batch whose jobs come from a file, another in
// requests of the batch endpoint, and the reconciliation of their night, and
// searches every event of every history, the logs, the ledger
// and the archive for what must not be there.
func TestWhatAHistoryHolds(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: 8 * time.Second, file: true}) // long enough for the timer to be in the history
	w := h.worker()
	var jobs bytes.Buffer
	for i := range 30 {
		fmt.Fprintf(&jobs, `{"name": "Job %03d", "task": "Summarize item %d, %s."}`+"\n", i, i, secretPrompt)
	}
	h.file("jobs.jsonl", jobs.String())
	path := h.file("secret.yaml", "name: secret\n"+h.terms("jobs_from: jobs.jsonl\n")+
		"defaults: {swarm_type: SequentialWorkflow, agents: [{agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256, system_prompt: \"You are "+secretPrompt+".\"}]}\n")
	d := h.starter("run", path)
	if d.code != 0 {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	path = h.file("grouped.yaml", "name: grouped\n"+h.terms("policy: {request_timeout: 5s, log_lag: 1s, mode: batch}\njobs_from: jobs.jsonl\n")+
		"defaults: {swarm_type: SequentialWorkflow, agents: [{agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}]}\n")
	if d := h.starter("run", path); d.code != 0 {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	night := string(h.night())
	if d := h.starter("reconcile", "--night", night); d.code != 0 {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	for _, c := range []struct{ id, kind, holds string }{
		{"nightly/secret/" + night, "nightly", "Reconcile"},
		{"nightly/secret/" + night + "/000000", "shard", "SubmitSwarm"},
		{"nightly/grouped/" + night, "nightly-grouped", "NightlyShard"},
		{"nightly/grouped/" + night + "/000000", "shard-grouped", "SubmitBatch"},
		{"reconcile/secret/" + night, "reconcile", "AuditDiscount"},
		{"reconcile-night/" + night, "reconcilenight", "ReconcileBatch"},
	} {
		id := c.id
		text := h.history(id, c.kind)
		if !strings.Contains(text, c.holds) {
			t.Errorf("the history of %s has no %s", id, c.holds)
		}
		if len(text) < 1000 {
			t.Fatalf("the history of %s is empty", id)
		}
		for _, s := range []string{secretPrompt, key} {
			if strings.Contains(text, s) {
				t.Errorf("the history of %s holds %q", id, s)
			}
		}
	}
	for _, s := range []string{secretPrompt, key} {
		if strings.Contains(w.text()+d.out+d.stderr, s) {
			t.Errorf("a log or an output holds %q", s)
		}
	}
	h.wantNowhere(key)
}

// wantNowhere searches every file of the house: ledger, archive, Temporal's
// own database.
func (h *house) wantNowhere(secret string) {
	h.t.Helper()
	files := 0
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if bytes.Contains(data, []byte(secret)) {
			h.t.Errorf("%s holds the key", path)
		}
		return nil
	})
	if err != nil || files < 5 {
		h.t.Errorf("%d files searched: %v", files, err)
	}
}
