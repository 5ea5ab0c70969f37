package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/workflows"
)

// inline is a manifest as the one JSON value that every door takes.
func (h *house) inline(path string) json.RawMessage {
	h.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	v, err := manifest.JSON(path, data)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

// temporalCLI runs Temporal's own command line.
func (h *house) temporalCLI(args ...string) string {
	h.t.Helper()
	binary, err := devserver.Find("")
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(h.t.Context(), binary, append(args, "--address", h.temporal.Address)...)
	cmd.Env = h.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("temporal %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestCronFromTheShell starts a cron workflow with Temporal's own CLI: the
// documented schedule waits for 21:00 Pacific, and one that fires every minute
// runs a night.
func TestCronFromTheShell(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	path := h.manifest("cron-digest", 3, "")
	input := string(h.inline(path))

	h.temporalCLI("workflow", "start", "--type", workflows.NightlyBatchName, "--task-queue", workflows.TaskQueue,
		"--workflow-id", "cron-21", "--cron", "CRON_TZ=America/Los_Angeles 0 21 * * *", "--input", input)
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	history := h.client.GetWorkflowHistory(t.Context(), "cron-21", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	first, err := history.Next()
	if err != nil {
		t.Fatal(err)
	}
	fires := first.GetEventTime().AsTime().Add(first.GetWorkflowExecutionStartedEventAttributes().GetFirstWorkflowTaskBackoff().AsDuration())
	fires = fires.In(zone)
	nine := time.Date(fires.Year(), fires.Month(), fires.Day(), 21, 0, 0, 0, zone)
	if late := fires.Sub(nine); late < 0 || late > 2*time.Second { // the server rounds the backoff up to a second
		t.Errorf("the cron workflow fires at %s, want 21:00 Pacific", fires)
	}

	h.temporalCLI("workflow", "start", "--type", workflows.NightlyBatchName, "--task-queue", workflows.TaskQueue,
		"--workflow-id", "cron-minute", "--cron", "CRON_TZ=America/Los_Angeles * * * * *", "--input", input)
	// A run of a cron workflow ends by starting the next one.
	h.awaitWorkflow(func() string {
		if len(h.books().posts) < 3 {
			return ""
		}
		history := h.client.GetWorkflowHistory(t.Context(), "cron-minute", h.firstRun("cron-minute"), true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
		if _, err := history.Next(); err != nil {
			t.Fatal(err)
		}
		return "ended"
	})
	status := h.starter("report", "--json", "cron-digest/"+string(h.night()))
	if r := status.result(t); r.Jobs.Succeeded != 3 || !r.Audit.Passed || status.code != 0 {
		t.Errorf("the cron night ended as %+v\n%s", r, status.stderr)
	}
}

// firstResult waits for the first run of a workflow and returns its result.
func (h *house) firstResult(id string) batch.Result {
	h.t.Helper()
	var r batch.Result
	if err := h.client.GetWorkflow(h.t.Context(), id, h.firstRun(id)).Get(h.t.Context(), &r); err != nil {
		h.t.Fatalf("%s: %v", id, err)
	}
	return r
}

func (h *house) firstRun(id string) string {
	h.t.Helper()
	about, err := h.client.DescribeWorkflowExecution(h.t.Context(), id, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return about.GetWorkflowExecutionInfo().GetFirstRunId()
}

// TestTemporalSchedule: a plain schedule in the window's zone computes 21:00
// Pacific on both sides of a clock change, and what it starts is a night.
func TestTemporalSchedule(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	input := h.inline(h.manifest("scheduled-digest", 3, ""))
	schedule, err := h.client.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: "nightly",
		Spec: client.ScheduleSpec{
			Calendars:    []client.ScheduleCalendarSpec{{Hour: []client.ScheduleRange{{Start: 21}}}},
			TimeZoneName: "America/Los_Angeles",
		},
		Action: &client.ScheduleWorkflowAction{
			ID: "scheduled", Workflow: workflows.NightlyBatchName, TaskQueue: workflows.TaskQueue, Args: []any{input},
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: 6 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	about, err := schedule.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	if len(about.Info.NextActionTimes) == 0 {
		t.Fatal("the schedule has no next action")
	}
	for _, at := range about.Info.NextActionTimes {
		if got := at.In(zone).Format("15:04:05"); got != "21:00:00" {
			t.Errorf("it fires at %s Pacific, want 21:00:00", got)
		}
	}

	if err := schedule.Trigger(t.Context(), client.ScheduleTriggerOptions{}); err != nil {
		t.Fatal(err)
	}
	id := h.awaitWorkflow(func() string {
		about, err := schedule.Describe(t.Context())
		if err != nil || len(about.Info.RecentActions) == 0 {
			return ""
		}
		return about.Info.RecentActions[0].StartWorkflowResult.WorkflowID
	})
	r := h.firstResult(id)
	h.record(id, "nightly-scheduled")
	if r.Jobs.Succeeded != 3 || !r.Audit.Passed {
		t.Errorf("the scheduled night ended as %+v", r)
	}
	// The batch is found by its own id, whatever the schedule called the workflow.
	status := h.starter("status", "--json", string(r.Batch))
	if got := status.result(t); got.Jobs.Succeeded != 3 || got.State != workflows.StateDone {
		t.Errorf("status of %s: %+v\n%s", r.Batch, got, status.stderr)
	}
}

// awaitWorkflow asks until there is an answer.
func (h *house) awaitWorkflow(ask func() string) string {
	h.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for {
		if id := ask(); id != "" {
			return id
		}
		select {
		case <-tick.C:
		case <-patience.C:
			h.t.Fatal("nothing after a minute")
		}
	}
}

// TestManifestByReference: the Temporal UI's short form.
func TestManifestByReference(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	path := h.manifest("by-reference", 3, "")
	input := json.RawMessage(fmt.Sprintf(`{"manifest": "file://%s"}`, filepath.ToSlash(path)))
	run, err := h.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "ref", TaskQueue: workflows.TaskQueue}, workflows.NightlyBatchName, input)
	if err != nil {
		t.Fatal(err)
	}
	var r batch.Result
	if err := run.Get(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Jobs.Succeeded != 3 || !r.Audit.Passed {
		t.Errorf("the night ended as %+v", r)
	}
}
