package workflows_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/workflows"
)

// shapes are what a night, a shard and the rest can look like: the newest
// release has a history of each.
var shapes = []string{
	"nightly", "nightly-grouped", "nightly-lanes", "nightly-looked", "nightly-told", "nightly-metered",
	"nightly-parked", "nightly-carried", "nightly-gave-way",
	"nightly-steered", "nightly-cancelled", "nightly-scheduled", "nightly-elsewhere", "nightly-refused", "nightly-failed",
	"shard", "shard-grouped", "shard-lane", "shard-metered",
	"reconcile", "reconcile-told", "reconcilenight",
	"announce", "usagewatch", "logexport", "logexport-refused", "purge", "purge-batch", "purge-refused",
}

// TestReplay plays old nights against today's story: a change that would break
// a night in flight fails here. Each folder of histories was recorded on a real
// server when its release was made (make histories RELEASE=v0.1.0) and is never
// changed: SHA256SUMS has what belongs to it.
func TestReplay(t *testing.T) {
	for _, release := range releases(t) {
		t.Run(release, func(t *testing.T) {
			recorded := histories(t, release)
			if len(recorded) == 0 {
				t.Fatal("no history: a replay of nothing proves nothing")
			}
			for kind, history := range recorded {
				t.Run(kind, func(t *testing.T) {
					r := worker.NewWorkflowReplayer()
					workflows.Register(r)
					if err := replay(r, history); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// TestEveryWorkflowIsRecorded: the newest release has a history of every
// workflow that a worker runs, in every shape.
func TestEveryWorkflowIsRecorded(t *testing.T) {
	all := releases(t)
	newest := all[len(all)-1]
	recorded := histories(t, newest)
	of := map[string]int{}
	for _, history := range recorded {
		of[typeOf(history)]++
	}
	for _, w := range workflows.All() {
		if of[w.Name] == 0 {
			t.Errorf("%s has no history of %s: make histories records a release", newest, w.Name)
		}
	}
	for _, shape := range shapes {
		if recorded[shape] == nil {
			t.Errorf("%s has no history of the shape %s", newest, shape)
		}
	}
}

// TestAReplayCanFail: a story with one more timer at its beginning is found out
// by every history that there is.
func TestAReplayCanFail(t *testing.T) {
	r := worker.NewWorkflowReplayer()
	for _, w := range workflows.All() {
		was := reflect.ValueOf(w.Func)
		later := reflect.MakeFunc(was.Type(), func(args []reflect.Value) []reflect.Value {
			_ = workflow.Sleep(args[0].Interface().(workflow.Context), time.Second)
			return was.Call(args)
		})
		r.RegisterWorkflowWithOptions(later.Interface(), workflow.RegisterOptions{Name: w.Name})
	}
	for _, release := range releases(t) {
		for kind, history := range histories(t, release) {
			if err := replay(r, history); err == nil || !strings.Contains(err.Error(), "TMPRL1100") { // the SDK's number for it
				t.Errorf("%s of %s replays with another timer in it: %v", kind, release, err)
			}
		}
	}
}

// TestHistoriesAreClean: what was recorded on somebody's machine names neither
// that nor a key.
func TestHistoriesAreClean(t *testing.T) {
	private := regexp.MustCompile(`/tmp/|/home/|/root/|/Users/|sk-[a-z0-9]|[Bb]earer |password`)
	for _, release := range releases(t) {
		for kind, history := range histories(t, release) {
			for _, e := range history.Events {
				if found := private.FindString(e.String()); found != "" {
					t.Errorf("%s of %s has %q in event %d", kind, release, found, e.GetEventId())
				}
			}
		}
	}
}

func replay(r worker.WorkflowReplayer, history *historypb.History) error {
	// Shards are named after their night, so its id belongs to its history.
	was := workflow.Execution{ID: history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()}
	return r.ReplayWorkflowHistoryWithOptions(quiet{}, history, worker.ReplayWorkflowHistoryOptions{OriginalExecution: was})
}

func typeOf(history *historypb.History) string {
	return history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
}

var recordings = filepath.Join("testdata", "histories")

// releases are the folders of histories, oldest first.
func releases(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(recordings)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			t.Errorf("%s belongs into the folder of a release: make histories", e.Name())
			continue
		}
		names = append(names, e.Name())
	}
	if len(names) == 0 {
		t.Fatal("no release has histories: a replay of nothing proves nothing")
	}
	slices.SortFunc(names, func(a, b string) int { return slices.Compare(numbers(a), numbers(b)) })
	return names
}

// numbers are the parts of a release's name: v0.10.0 comes after v0.9.0, and
// that after v0.9.0-pre.
func numbers(release string) []int {
	name, _, pre := strings.Cut(release, "-")
	out := []int{0, 0, 0, 1}
	_, _ = fmt.Sscanf(name, "v%d.%d.%d", &out[0], &out[1], &out[2]) // what isn't there is 0
	if pre {
		out[3] = 0
	}
	return out
}

// histories are a release's by their shape: exactly those in its SHA256SUMS, as
// they were recorded.
func histories(t *testing.T, release string) map[string]*historypb.History {
	t.Helper()
	dir := filepath.Join(recordings, release)
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	if len(files) != len(listed) {
		t.Errorf("%s has %d histories, and %d in its SHA256SUMS", release, len(files), len(listed))
	}
	out := map[string]*historypb.History{}
	for name, sum := range listed {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("a history of %s is gone: %v", release, err)
			continue
		}
		if fmt.Sprintf("%x", sha256.Sum256(data)) != sum {
			t.Errorf("%s/%s isn't what was recorded: put it back, and record a new release", release, name)
		}
		history, err := client.HistoryFromJSON(bytes.NewReader(data), client.HistoryJSONOptions{})
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(name, ".json")] = history
	}
	return out
}
