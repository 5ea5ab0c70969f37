package workflows_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// TestAnnounce: every telling is an activity of its own; one that is given up
// is the workflow's end, and keeps no other from being told.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		ends   map[string]batch.DeliveryState // by delivery; "" fails
		want   batch.Announced
		failed bool
	}{
		{"nothing is news", nil, batch.Announced{Alerts: 1}, false},
		{"all are told", map[string]batch.DeliveryState{"a": batch.DeliverySent, "b": batch.DeliverySent}, batch.Announced{Alerts: 1, Told: 2, Sent: 2}, false},
		{"one is dropped", map[string]batch.DeliveryState{"a": batch.DeliverySent, "b": batch.DeliveryDropped}, batch.Announced{Alerts: 1, Told: 2, Sent: 1, Dropped: 1}, false},
		{"one is given up", map[string]batch.DeliveryState{"a": "", "b": batch.DeliverySent, "c": batch.DeliverySent}, batch.Announced{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(quiet{})
			env := suite.NewTestWorkflowEnvironment()
			env.RegisterWorkflowWithOptions(workflows.Announce, workflow.RegisterOptions{Name: workflows.AnnounceName})
			var (
				mu    sync.Mutex
				asked []string
			)
			bind(env, workflows.RaiseAlerts, func(_ context.Context, in batch.RaiseRequest) (batch.Raised, error) {
				if in.By == "" || len(in.Alerts) != 1 {
					t.Errorf("raised %+v", in)
				}
				out := batch.Raised{Tellings: []batch.Telling{}}
				for d := range c.ends {
					out.Tellings = append(out.Tellings, batch.Telling{Delivery: d, Key: "k", Occasion: batch.Opened, Place: "here"})
				}
				return out, nil
			})
			bind(env, workflows.DeliverAlert, func(_ context.Context, in batch.Telling) (batch.Delivered, error) {
				mu.Lock()
				asked = append(asked, in.Delivery)
				mu.Unlock()
				if c.ends[in.Delivery] == "" {
					return batch.Delivered{}, fails(batch.RejectedByAPI)
				}
				return batch.Delivered{Delivery: in.Delivery, State: c.ends[in.Delivery]}, nil
			})
			env.ExecuteWorkflow(workflows.AnnounceName, batch.Announcement{Alerts: []batch.Alert{{Key: "k", Kind: batch.AlertTest, Severity: batch.Info, Title: "t"}}})
			err := env.GetWorkflowError()
			if (err != nil) != c.failed {
				t.Fatalf("it ended with %v", err)
			}
			if len(asked) != len(c.ends) {
				t.Errorf("told %v, want all of %v", asked, c.ends)
			}
			if c.failed {
				var app interface{ Type() string }
				if !errors.As(err, &app) || app.Type() != string(batch.RejectedByAPI) {
					t.Errorf("its end doesn't say why: %v", err)
				}
				return
			}
			var got batch.Announced
			if err := env.GetWorkflowResult(&got); err != nil || got != c.want {
				t.Errorf("%+v %v, want %+v", got, err, c.want)
			}
		})
	}
}
