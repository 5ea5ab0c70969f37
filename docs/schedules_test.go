package docs

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/starter/nightly"
)

// commands are the lines of a chapter that are to be typed.
func commands(t *testing.T, path, chapter string) string {
	t.Helper()
	_, after, found := strings.Cut(text(t, path), "\n"+chapter+"\n")
	after, _, _ = strings.Cut(after, "\n## ")
	var b strings.Builder
	for line := range strings.Lines(after) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			b.WriteString(command)
		}
	}
	if !found || b.Len() == 0 {
		t.Fatalf("%s has no commands under %q", path, chapter)
	}
	return b.String()
}

// TestTheCommandsForSchedules types what the document says on a real server:
// what comes of it fires at the hour that is meant, and is a schedule of ours.
func TestTheCommandsForSchedules(t *testing.T) {
	t.Parallel()
	server := devserver.ForTest(t, devserver.Options{})
	binary, err := devserver.Find("")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", "temporal() { \""+binary+"\" \"$@\"; }\n"+commands(t, "docs/schedules.md", "## With Temporal's own tools"))
	cmd.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+server.Address, "HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := client.Dial(client.Options{HostPort: server.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	c := nightly.New(raw, server.Address)
	for id, want := range map[string]nightly.Schedule{
		"market-digest": {Kind: nightly.KindNight, At: "21:00", Manifest: "file:///srv/nights/market-digest.yaml"},
		"books":         {Kind: nightly.KindReconcile, At: "10:00"},
	} {
		s, err := c.Schedule(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if s.Kind != want.Kind || s.At != want.At || s.Manifest != want.Manifest || s.Zone != "America/Los_Angeles" || s.CatchUp != "6h0m0s" || len(s.Days) > 0 || len(s.Next) != 5 {
			t.Errorf("%s: %+v", id, s)
		}
		for _, at := range s.Next {
			if got := at.Format("15:04:05"); got != want.At+":00" {
				t.Errorf("%s fires at %s", id, at)
			}
		}
		first, err := raw.GetWorkflowHistory(t.Context(), id+"-cron", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
		if err != nil {
			t.Fatal(err)
		}
		fires := first.GetEventTime().AsTime().Add(first.GetWorkflowExecutionStartedEventAttributes().GetFirstWorkflowTaskBackoff().AsDuration()).In(pacific)
		if got := fires.Truncate(2 * time.Second).Format("15:04:05"); got != want.At+":00" { // the server rounds the backoff up to a second
			t.Errorf("the cron workflow of %s fires at %s", id, fires)
		}
	}
}
