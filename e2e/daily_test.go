package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// TestEveryDay has usage watched as people do: from a shell, by the schedule
// that one command makes, and read again from the ledger alone.
func TestEveryDay(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	if got := h.starter("run", h.manifest("watched", 3, "")); got.code != batch.ExitDone {
		t.Fatalf("%+v", got)
	}
	watched := func(args ...string) (w batch.UsageWatch) {
		t.Helper()
		got := h.starter(append([]string{"usage", "watch", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(got.out), &w); err != nil || got.code != batch.ExitDone {
			t.Fatalf("%v: %+v", err, got)
		}
		return w
	}
	w := watched()
	if w.Log != "" || w.Rows != 3 || len(w.Accounts) != 1 || w.Credits == nil || w.Credits.Total <= 0 {
		t.Errorf("%+v", w)
	}
	if last := watched("--last"); last.Day != w.Day || last.RunID != w.RunID || last.Rows != 3 {
		t.Errorf("the ledger has %+v, want %+v", last, w)
	}
	if got := h.starter("usage", "watch", "--day", "2099-01-01"); got.code != batch.ExitBadInput || !strings.Contains(got.stderr, "it isn't over") {
		t.Errorf("a day to come: %+v", got)
	}
	if text := h.history("usage-watch/"+batch.Yesterday, "usagewatch"); strings.Contains(text, secretPrompt) {
		t.Error("its history holds a prompt")
	}

	if got := h.starter("schedule", "create", "--daily"); got.code != batch.ExitDone || !strings.Contains(got.out, "usage watch") {
		t.Fatalf("%+v", got)
	}
	if got := h.starter("schedule", "trigger", "watch"); got.code != batch.ExitDone {
		t.Fatalf("%+v", got)
	}
	run := h.awaitRun("watch", func(r nightly.ScheduleRun) bool { return r.State != "running" })
	if run.State != "done" || run.Kind != "" {
		t.Errorf("the schedule's run: %+v", run)
	}
	if last := watched("--last"); last.RunID != run.RunID {
		t.Errorf("the ledger has the watch of run %s, want %s", last.RunID, run.RunID)
	}
}
