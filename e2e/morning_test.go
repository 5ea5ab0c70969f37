package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/devserver"
)

// TestEveryMorning types what docs/operating.md says: the schedule and the cron
// workflow fire at 10:00 Pacific on both sides of a clock change, and what they
// start goes through the night that is over.
func TestEveryMorning(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	binary, err := devserver.Find("")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", "temporal() { \""+binary+"\" \"$@\"; }\n"+typed(t, "## Every morning"))
	cmd.Env = h.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	schedule := h.client.ScheduleClient().GetHandle(t.Context(), "reconcile")
	about, err := schedule.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(about.Info.NextActionTimes) == 0 || about.Schedule.Policy.Overlap != enumspb.SCHEDULE_OVERLAP_POLICY_SKIP || about.Schedule.Policy.CatchupWindow != 6*time.Hour {
		t.Errorf("the schedule: %+v, next %v", about.Schedule.Policy, about.Info.NextActionTimes)
	}
	for _, at := range about.Info.NextActionTimes {
		if got := at.In(zone).Format("15:04:05"); got != "10:00:00" {
			t.Errorf("it fires at %s Pacific, want 10:00:00", got)
		}
	}
	first, err := h.client.GetWorkflowHistory(t.Context(), "reconcile-night", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	if err != nil {
		t.Fatal(err)
	}
	fires := first.GetEventTime().AsTime().Add(first.GetWorkflowExecutionStartedEventAttributes().GetFirstWorkflowTaskBackoff().AsDuration()).In(zone)
	if got := fires.Truncate(2 * time.Second).Format("15:04:05"); got != "10:00:00" { // the server rounds the backoff up to a second
		t.Errorf("the cron workflow fires at %s, want 10:00 Pacific", fires)
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
	var books batch.NightBooks
	if err := h.client.GetWorkflow(t.Context(), id, "").Get(t.Context(), &books); err != nil {
		t.Fatal(err)
	}
	if books.Night != batch.Yesterday || books.Of != 0 { // these books are too young to have one
		t.Errorf("%+v", books)
	}
}

// typed is the first block of commands of a chapter of docs/operating.md.
func typed(t *testing.T, chapter string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), chapter+"\n")
	var b strings.Builder
	for line := range strings.Lines(after) {
		command, ok := strings.CutPrefix(line, "    ")
		switch {
		case ok:
			b.WriteString(command)
		case strings.TrimSpace(line) != "" && b.Len() > 0:
			return b.String()
		}
	}
	if !found || b.Len() == 0 {
		t.Fatalf("docs/operating.md has no commands under %q", chapter)
	}
	return b.String()
}
