package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// purgeTime is when it is due.
var purgeTime = time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)

// purging runs Purge with hands that answer as purge does, and says what was
// announced.
func purging(t *testing.T, in batch.PurgeInput, purge func(batch.PurgeRequest) (batch.Purged, error)) (batch.Purged, []batch.Alert, error) {
	t.Helper()
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.SetStartTime(purgeTime)
	var told []batch.Alert
	env.RegisterWorkflowWithOptions(workflows.Purge, workflow.RegisterOptions{Name: workflows.PurgeName})
	env.RegisterWorkflowWithOptions(func(_ workflow.Context, in batch.Announcement) (batch.Announced, error) {
		told = append(told, in.Alerts...)
		return batch.Announced{}, nil
	}, workflow.RegisterOptions{Name: workflows.AnnounceName})
	env.RegisterActivityWithOptions(func(_ context.Context, in batch.PurgeRequest) (batch.Purged, error) { return purge(in) },
		activity.RegisterOptions{Name: workflows.PurgeOldName})
	env.ExecuteWorkflow(workflows.PurgeName, in)
	var out batch.Purged
	err := env.GetWorkflowError()
	if err == nil {
		err = env.GetWorkflowResult(&out)
	}
	return out, told, err
}

// TestPurge: the daily one tells when it fails, after ten tries here and half a
// day of them on a server, and
// that it works again; one that a person waits for ends sooner and tells nobody
// else.
func TestPurge(t *testing.T) {
	works := func(in batch.PurgeRequest) (batch.Purged, error) {
		if !in.Asked.Equal(purgeTime) {
			t.Errorf("asked at %s", in.Asked)
		}
		return batch.Purged{Day: "2026-11-22", At: in.Asked, Sums: []batch.PurgedSum{{What: batch.KeptPrompts, Batches: 1, Items: 6, Bytes: 600}}}, nil
	}
	for _, c := range []struct {
		in   batch.PurgeInput
		over bool
	}{{batch.PurgeInput{}, true}, {batch.PurgeInput{DryRun: true}, false}, {batch.PurgeInput{Batch: "digest/2026-11-22"}, false}} {
		out, told, err := purging(t, c.in, works)
		if err != nil || out.Sums[0].Items != 6 {
			t.Errorf("%+v: %+v, %v", c.in, out, err)
		}
		if (len(told) == 1) != c.over || c.over && (!told[0].Over || told[0].Key != "purge" || told[0].Kind != batch.AlertPurge) {
			t.Errorf("%+v told %+v", c.in, told)
		}
	}
	for _, c := range []struct {
		in    batch.PurgeInput
		tries int
		told  bool
	}{{batch.PurgeInput{}, 10, true}, {batch.PurgeInput{Batch: "digest/2026-11-22"}, 4, false}} {
		tries := 0
		_, told, err := purging(t, c.in, func(batch.PurgeRequest) (batch.Purged, error) {
			tries++
			f := batch.Fault{Kind: batch.OutOfReach, Op: "delete from archive", Thing: "digest/2026-11-22/answers/x.json", Detail: "AccessDenied", Hint: "let it"}
			return batch.Purged{}, temporal.NewApplicationErrorWithOptions(f.Error(), string(f.Kind), temporal.ApplicationErrorOptions{Details: []any{f}})
		})
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") || tries < c.tries {
			t.Errorf("%+v: %v after %d tries, want at least %d", c.in, err, tries, c.tries)
		}
		if (len(told) == 1) != c.told {
			t.Fatalf("%+v told %+v", c.in, told)
		}
		if c.told {
			if a := told[0]; a.Over || a.Severity != batch.Warning || a.Remedy != "let it" || !strings.Contains(a.Lines[0], "AccessDenied") {
				t.Errorf("told %+v", a)
			}
		}
	}
}
