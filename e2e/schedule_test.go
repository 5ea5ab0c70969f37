package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// TestAScheduleAndAPerson ask for the same night, with the real ledger between
// them: whoever comes second leaves it to the first, and nobody fails.
func TestAScheduleAndAPerson(t *testing.T) {
	t.Parallel()
	opens := 3 * time.Hour
	if zone, err := time.LoadLocation("America/Los_Angeles"); err != nil || time.Now().In(zone).Add(opens).Hour() == 2 {
		opens = 5 * time.Hour // an hour that one night a year doesn't have is refused
	}
	h := open(t, want{opens: opens})
	h.worker()

	// The person is first; the schedule's run ends well and says where the night is.
	path := h.manifest("person-first", 3, "")
	if got := h.starter("start", path); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	id := h.batchID("person-first")
	h.awaitState(id, workflows.StateWaiting)
	h.scheduled(path)
	run := h.awaitRun("person-first", func(r nightly.ScheduleRun) bool { return r.State != "running" })
	if run.State != workflows.StateElsewhere || run.Batch != id || run.Kind != "" {
		t.Errorf("the schedule's run: %+v", run)
	}
	h.record(run.WorkflowID, "nightly-elsewhere")
	if s := h.starter("status", "--json", string(id)); s.result(t).State != workflows.StateWaiting {
		t.Errorf("the night: %s%s", s.out, s.stderr)
	}

	// The schedule is first; a person is attached to its run.
	path = h.manifest("schedule-first", 3, "")
	h.scheduled(path)
	id = h.batchID("schedule-first")
	h.awaitState(id, workflows.StateWaiting)
	var started nightly.Night
	got := h.starter("start", "--json", path)
	if err := json.Unmarshal([]byte(got.out), &started); err != nil || got.code != 0 || !started.Running || !strings.HasPrefix(started.WorkflowID, "scheduled/schedule-first-") {
		t.Errorf("%v: %+v", err, got)
	}
	if got := h.starter("cancel", string(id)); got.code != 0 {
		t.Errorf("%+v", got)
	}
	run = h.awaitRun("schedule-first", func(r nightly.ScheduleRun) bool { return r.State != "running" })
	if run.State != "cancelled" || run.Batch != id {
		t.Errorf("cancelled: %+v", run)
	}
	h.record(run.WorkflowID, "nightly-cancelled")
	if n := len(h.books().posts); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// scheduled makes a schedule of a manifest and triggers it.
func (h *house) scheduled(path string) {
	h.t.Helper()
	var s nightly.Schedule
	made := h.starter("schedule", "create", "--json", path)
	if err := json.Unmarshal([]byte(made.out), &s); err != nil || made.code != 0 {
		h.t.Fatalf("%v: %+v", err, made)
	}
	if got := h.starter("schedule", "trigger", s.ID); got.code != 0 {
		h.t.Fatalf("%+v", got)
	}
}

// awaitState waits until a night is in a state.
func (h *house) awaitState(id batch.ID, state string) {
	h.t.Helper()
	h.awaitWorkflow(func() string {
		var r batch.Result
		if json.Unmarshal([]byte(h.starter("status", "--json", string(id)).out), &r) != nil || r.State != state {
			return ""
		}
		return state
	})
}

// awaitRun waits until a schedule's last run is as wanted.
func (h *house) awaitRun(id string, want func(nightly.ScheduleRun) bool) (run nightly.ScheduleRun) {
	h.t.Helper()
	h.awaitWorkflow(func() string {
		var s nightly.Schedule
		if json.Unmarshal([]byte(h.starter("schedule", "show", "--json", id).out), &s) != nil || len(s.Recent) == 0 || !want(s.Recent[0]) {
			return ""
		}
		run = s.Recent[0]
		return run.State
	})
	return run
}
