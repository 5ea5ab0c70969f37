package e2e

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/lake"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// TestTheLogLake: a night is bought, its rows are taken into the lake by the
// shell's verb and by the workflow as the Temporal UI starts it, what they come
// to is what the ledger and the provider's own books say, to the micro-dollar,
// no key is in any file, and a flipped byte is named.
func TestTheLogLake(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	d := h.starter("run", "--json", h.manifest("digest", 7, ""))
	if d.code != batch.ExitDone {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	night := d.result(t)

	if d := h.starter("logs", "list"); d.code != batch.ExitBadInput || !strings.Contains(d.stderr, "OFFPEAK_LAKE") {
		t.Errorf("a lake that isn't there: exit %d\n%s%s", d.code, d.out, d.stderr)
	}
	export := func(args ...string) (e batch.LogExport) {
		t.Helper()
		d := h.starter(append([]string{"logs", "export", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(d.out), &e); d.code != batch.ExitDone || err != nil {
			t.Fatalf("exit %d, %v\n%s\n%s", d.code, err, d.out, d.stderr)
		}
		return e
	}
	var logged, charged money.USD
	add := func(e batch.LogExport) {
		for _, day := range e.Days { // a night may run over midnight in Los Angeles
			if day.Logged == nil || day.Charged == nil || day.Differences > 0 {
				t.Errorf("%+v", day)
				continue
			}
			logged += *day.Logged
			charged += *day.Charged
		}
	}
	first := export("--today")
	add(first)
	if first.Rows != 7 || first.Dollars != night.Money.Billed || logged != first.Dollars || charged != first.Dollars {
		t.Errorf("%+v is to be the %s of the night", first, night.Money.Billed)
	}
	if again := export("--today"); again.Rows != 0 || again.Read != 7 {
		t.Errorf("again: %+v", again)
	}
	// As the Temporal UI starts it: days that are over, which are none, or one
	// that the night began on.
	run, err := h.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "by-hand", TaskQueue: workflows.TaskQueue}, workflows.LogExportName, map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	var byHand batch.LogExport
	if err := run.Get(t.Context(), &byHand); err != nil || byHand.Rows != 0 {
		t.Errorf("%+v, %v", byHand, err)
	}

	if text := h.history("by-hand", "logexport"); strings.Contains(text, key) || strings.Contains(text, secretPrompt) {
		t.Error("the export's history has a key or a prompt")
	}

	human := h.starter("logs", "list")
	if human.code != batch.ExitDone || !strings.Contains(human.out, "equal, ") || !strings.Contains(human.out, first.Days[0].Key) {
		t.Errorf("exit %d\n%s%s", human.code, human.out, human.stderr)
	}
	t.Logf("\n%s%s", human.out, h.starter("logs", "export", "--today").out)
	proven := h.starter("logs", "verify")
	if proven.code != batch.ExitDone || !strings.Contains(proven.out, "everything holds") {
		t.Errorf("exit %d\n%s%s", proven.code, proven.out, proven.stderr)
	}
	t.Logf("\n%s", proven.out)

	root := filepath.Join(h.dir, "archive", "lake")
	var parts []string
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), key) {
			t.Errorf("%s has the key", path)
		}
		if strings.HasSuffix(path, ".parquet") {
			parts = append(parts, path)
		}
		return err
	})
	if err != nil || len(parts) != len(first.Days) {
		t.Fatalf("%v, %v", parts, err)
	}
	l, err := lake.Reader(t.Context(), "file://"+root)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var rows int
	for r, err := range l.Rows(t.Context(), lake.Query{}) {
		if err != nil || strings.Contains(string(r.Line), key) || !strings.Contains(string(r.Line), `"key_id":"`+r.Key+`"`) {
			t.Errorf("%s, %v", r.Line, err)
		}
		rows++
	}
	if rows != 7 {
		t.Errorf("%d rows", rows)
	}

	b, err := os.ReadFile(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(parts[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	spoilt := h.starter("logs", "verify")
	rel, err := filepath.Rel(root, parts[0])
	if spoilt.code != batch.ExitAudit || !strings.Contains(spoilt.out, filepath.ToSlash(rel)) || err != nil {
		t.Errorf("exit %d, want %d and %s\n%s%s", spoilt.code, batch.ExitAudit, rel, spoilt.out, spoilt.stderr)
	}
	t.Logf("\n%s", spoilt.out)

	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"logs", "export", "--day", "2026-11-21", "--from", "2026-11-01"}, "--day is one day, and"},
		{[]string{"logs", "export", "--day", "21.11.2026"}, "it is no day"},
		{[]string{"logs", "export", "--day", "2199-01-01"}, "isn't over"},
	} {
		if d := h.starter(c.args...); d.code != batch.ExitBadInput || !strings.Contains(d.stderr, c.says) {
			t.Errorf("%v: exit %d\n%s%s", c.args, d.code, d.out, d.stderr)
		}
	}
	h.history("log-export", "logexport-refused") // the last of them
}
