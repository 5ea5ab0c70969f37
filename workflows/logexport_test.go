package workflows_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// TestLogExport: an export that works ends the alert, one that doesn't raises
// it when half a day of trying is over, and a day that somebody mistyped alarms
// nobody but them.
func TestLogExport(t *testing.T) {
	t.Parallel()
	down := temporal.NewApplicationError("as staged", string(batch.OutOfReach), batch.Fault{Kind: batch.OutOfReach, Op: "read the log", Detail: "connection refused", Hint: "wait"}) //nolint:forbidigo // a fake hand
	for _, c := range []struct {
		name  string
		in    batch.LogExportInput
		fails error
		told  string // how the alert is told
	}{
		{"it works", batch.LogExportInput{}, nil, "over"},
		{"the provider stays down", batch.LogExportInput{}, down, "read the log: OutOfReach: connection refused"},
		{"the lake is broken", batch.LogExportInput{From: "2026-11-01"}, fails(batch.BooksDisagree), "export the log: BooksDisagree: as staged"},
		{"a day that is none", batch.LogExportInput{Day: "soon"}, fails(batch.BadInput), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(quiet{})
			env := suite.NewTestWorkflowEnvironment()
			began := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
			env.SetStartTime(began)
			env.RegisterWorkflowWithOptions(workflows.LogExport, workflow.RegisterOptions{Name: workflows.LogExportName})
			told := ""
			env.RegisterWorkflowWithOptions(func(_ workflow.Context, in batch.Announcement) (batch.Announced, error) {
				a := in.Alerts[0]
				if told = "over"; !a.Over {
					told = a.Lines[0]
				}
				if a.Kind != batch.AlertExport || a.Key != "export" || a.Title == "" || !a.Over && a.Remedy == "" {
					t.Errorf("%+v", a)
				}
				return batch.Announced{}, nil
			}, workflow.RegisterOptions{Name: workflows.AnnounceName})
			bind(env, workflows.ExportLog, func(_ context.Context, in batch.LogExportInput) (batch.LogExport, error) {
				if in != c.in {
					t.Errorf("asked %+v", in)
				}
				return batch.LogExport{Rows: 3, At: began}, c.fails
			})
			env.ExecuteWorkflow(workflows.LogExportName, c.in)
			if err := env.GetWorkflowError(); (err != nil) != (c.fails != nil) {
				t.Fatalf("ended with %v", err)
			}
			if told != c.told {
				t.Errorf("told %q, want %q", told, c.told)
			}
			if tried := env.Now().Sub(began); c.fails == down && tried < 10*time.Minute {
				t.Errorf("it gave up after %s", tried)
			}
		})
	}
}
