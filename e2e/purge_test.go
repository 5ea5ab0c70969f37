package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// TestAPurge: the workflow as a schedule starts it deletes nothing of a young
// night; as the Temporal UI starts it for a batch it deletes that one's texts.
// Then no file of the worker's has a prompt in it, the books hold, and the same
// manifest, run again, sends nothing.
func TestAPurge(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker("OFFPEAK_KEEP_PROMPTS=30d", "OFFPEAK_KEEP_ANSWERS=30d")
	manifest := h.manifest("digest", 5, "")
	d := h.starter("run", "--json", manifest)
	if d.code != batch.ExitDone {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	night := d.result(t)
	purge := func(id string, input any) (out batch.Purged, err error) {
		t.Helper()
		run, err := h.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, workflows.PurgeName, input)
		if err == nil {
			err = run.Get(t.Context(), &out)
		}
		return out, err
	}
	young, err := purge("purge-daily", map[string]any{})
	if err != nil || len(young.Sums) != 0 || len(young.Rules) != 4 || young.Rules[0].Keep != "30d" || young.Rules[3].Keep != "forever" {
		t.Errorf("%+v, %v", young, err)
	}
	if _, err := purge("purge-refused", map[string]any{"what": []string{"charges"}}); err == nil || !strings.Contains(err.Error(), `nothing is kept as "charges"`) {
		t.Errorf("%v", err)
	}
	if len(h.holding(secretPrompt, manifest)) == 0 {
		t.Fatal("no file has the prompt before")
	}
	gone, err := purge("purge-by-hand", map[string]any{"batch": night.Batch, "by": "ada"})
	if err != nil || len(gone.Sums) != 3 {
		t.Errorf("%+v, %v", gone, err)
	}
	for id, kind := range map[string]string{"purge-daily": "purge", "purge-by-hand": "purge-batch", "purge-refused": "purge-refused"} {
		if text := h.history(id, kind); strings.Contains(text, key) || strings.Contains(text, secretPrompt) {
			t.Errorf("the history of %s has a key or a prompt", id)
		}
	}
	if left := h.holding(secretPrompt, manifest); len(left) != 0 {
		t.Errorf("the prompt is still in %v", left)
	}
	if d := h.starter("ledger", "verify"); d.code != batch.ExitDone || !strings.Contains(d.out, "everything holds") {
		t.Errorf("exit %d\n%s%s", d.code, d.out, d.stderr)
	}
	if d := h.starter("results", string(night.Batch)); d.code != batch.ExitDone || strings.Count(d.out, "the answer was deleted on ") != 5 {
		t.Errorf("exit %d\n%s%s", d.code, d.out, d.stderr)
	}
	again := h.starter("run", "--json", manifest)
	if r := again.result(t); again.code != batch.ExitDone || r.Money.Billed != night.Money.Billed || r.Jobs.Succeeded != 5 {
		t.Errorf("run again: exit %d, %+v\n%s", again.code, r, again.stderr)
	}
}

// holding are the ledger's and the archive's files with a text in them.
func (h *house) holding(text, but string) (found []string) {
	h.t.Helper()
	err := filepath.WalkDir(h.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path == but || !strings.Contains(path, "offpeak.db") && !strings.Contains(path, "archive") {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}
