package workflows_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// TestUsageWatch: the day is meant from now or as it was asked for, the run
// names itself, and what there is to tell is told by another workflow.
func TestUsageWatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		in     any
		alerts []batch.Alert
		fails  error
	}{
		{"a quiet day", batch.WatchInput{}, nil, nil},
		{"a day that was named, and a leap", batch.WatchInput{Day: "2026-11-21"}, []batch.Alert{{Key: "usage/key/total", Kind: batch.AlertUsage, Severity: batch.Warning, Title: "a leap"}}, nil},
		{"a day that isn't over", batch.WatchInput{Day: "2027-01-01"}, nil, fails(batch.BadInput)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(quiet{})
			env := suite.NewTestWorkflowEnvironment()
			now := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
			env.SetStartTime(now)
			env.RegisterWorkflowWithOptions(workflows.UsageWatch, workflow.RegisterOptions{Name: workflows.UsageWatchName})
			var told []batch.Alert
			env.RegisterWorkflowWithOptions(func(_ workflow.Context, in batch.Announcement) (batch.Announced, error) {
				told = in.Alerts
				return batch.Announced{}, nil
			}, workflow.RegisterOptions{Name: workflows.AnnounceName})
			var asked batch.WatchRequest
			bind(env, workflows.WatchUsage, func(_ context.Context, in batch.WatchRequest) (batch.UsageWatch, error) {
				asked = in
				return batch.UsageWatch{Day: "2026-11-21", Alerts: c.alerts, Accounts: []batch.AccountWatch{{Days: []batch.WatchedDay{{Day: "2026-11-21"}}}}}, c.fails
			})
			env.ExecuteWorkflow(workflows.UsageWatchName, c.in)
			if err := env.GetWorkflowError(); (err != nil) != (c.fails != nil) {
				t.Fatalf("ended with %v", err)
			}
			if asked.Day != c.in.(batch.WatchInput).Day || !asked.Asked.Equal(now) || asked.RunID == "" {
				t.Errorf("asked %+v", asked)
			}
			if len(told) != len(c.alerts) || len(told) > 0 && told[0].Title != c.alerts[0].Title {
				t.Errorf("told %+v, want %+v", told, c.alerts)
			}
		})
	}
}
