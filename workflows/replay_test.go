package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/workflows"
)

// TestReplay plays old nights against today's story: a change that would break
// a night in flight fails here. The histories were recorded on a real server
// by `go test ./e2e -run 'TestWhatAHistoryHolds|TestTemporalUI|TestAlertsAreTold|TestTheLogLake|TestAPurge' -record`; add a
// file for each release, never replace one.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, file := range files {
		kind, _, _ := strings.Cut(filepath.Base(file), "-v")
		kinds[kind]++
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := worker.NewWorkflowReplayer()
			r.RegisterWorkflowWithOptions(workflows.NightlyBatch, workflow.RegisterOptions{Name: workflows.NightlyBatchName})
			r.RegisterWorkflowWithOptions(workflows.NightlyShard, workflow.RegisterOptions{Name: workflows.NightlyShardName})
			r.RegisterWorkflowWithOptions(workflows.ReconcileBatch, workflow.RegisterOptions{Name: workflows.ReconcileBatchName})
			r.RegisterWorkflowWithOptions(workflows.UsageWatch, workflow.RegisterOptions{Name: workflows.UsageWatchName})
			r.RegisterWorkflowWithOptions(workflows.ReconcileNight, workflow.RegisterOptions{Name: workflows.ReconcileNightName})
			r.RegisterWorkflowWithOptions(workflows.Announce, workflow.RegisterOptions{Name: workflows.AnnounceName})
			r.RegisterWorkflowWithOptions(workflows.LogExport, workflow.RegisterOptions{Name: workflows.LogExportName})
			r.RegisterWorkflowWithOptions(workflows.Purge, workflow.RegisterOptions{Name: workflows.PurgeName})
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// Shards are named after their night, so its id belongs to its history.
			was := workflow.Execution{ID: history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()}
			err = r.ReplayWorkflowHistoryWithOptions(quiet{}, history, worker.ReplayWorkflowHistoryOptions{OriginalExecution: was})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for _, kind := range []string{"nightly", "shard", "nightly-grouped", "nightly-parked", "nightly-carried", "nightly-looked", "shard-grouped", "reconcile", "reconcilenight", "usagewatch", "announce", "nightly-told", "reconcile-told", "logexport", "logexport-refused", "purge", "purge-batch", "purge-refused"} {
		if kinds[kind] == 0 {
			t.Errorf("no history of a %s: a replay of nothing proves nothing", kind)
		}
	}
}
