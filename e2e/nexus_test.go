package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/workflows"
)

// The names that docs/nexus.md uses.
const (
	callers  = "digests" // a namespace of another service
	endpoint = "offpeak"
)

// digest is that service's workflow: it has a night run and waits for it.
func digest(ctx workflow.Context, input json.RawMessage) (batch.Result, error) {
	var r batch.Result
	night := workflow.NewNexusClient(endpoint, workflows.NexusService)
	err := night.ExecuteOperation(ctx, workflows.RunNightNexus, input, workflow.NexusOperationOptions{Summary: "the digest's night"}).Get(ctx, &r)
	return r, err
}

// handOver starts a night and doesn't wait for it.
func handOver(ctx workflow.Context, input json.RawMessage) (batch.Started, error) {
	var s batch.Started
	night := workflow.NewNexusClient(endpoint, workflows.NexusService)
	err := night.ExecuteOperation(ctx, workflows.StartNightNexus, input, workflow.NexusOperationOptions{ScheduleToCloseTimeout: time.Minute}).Get(ctx, &s)
	return s, err
}

// neighbour is a client of the callers' namespace, in which a worker of theirs
// runs, and the endpoint through which it reaches this offpeak.
func (h *house) neighbour() client.Client {
	h.t.Helper()
	h.temporalCLI("operator", "nexus", "endpoint", "create", "--name", endpoint,
		"--target-namespace", "default", "--target-task-queue", workflows.TaskQueue)
	c := h.dial(client.Options{Namespace: callers})
	w := sdkworker.New(c, "digests", sdkworker.Options{})
	w.RegisterWorkflow(digest)
	w.RegisterWorkflow(handOver)
	if err := w.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(w.Stop)
	return c
}

// call starts a caller's workflow.
func call(t *testing.T, c client.Client, id string, workflow, input any) client.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "digests"}, workflow, input)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// awaitEvent waits until a caller's history has an event of a type.
func awaitEvent(t *testing.T, c client.Client, id string, kind enumspb.EventType) {
	t.Helper()
	events := c.GetWorkflowHistory(t.Context(), id, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.GetEventType() == kind {
			return
		}
	}
	t.Fatalf("%s ended without %s", id, kind)
}

// later is a manifest whose window opens in some hours.
func later(name string) json.RawMessage {
	at := time.Now().UTC().Add(6 * time.Hour)
	return json.RawMessage(fmt.Sprintf(`{"name": %q, "window": {"timezone": "UTC", "open": %q, "close": %q}, "jobs": [{"name": "a", "task": "t"}],
		"defaults": {"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 256}]}}`,
		name, at.Format("15:04"), at.Add(10*time.Hour).Format("15:04")))
}

// batchOf is the batch that an inline manifest becomes now.
func batchOf(t *testing.T, input json.RawMessage) batch.ID {
	t.Helper()
	m, err := manifest.Read("manifest", input)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Window.Decide(time.Now(), m.Policy.RequestTimeout)
	if err != nil {
		t.Fatal(err)
	}
	return batch.NewID(m.Name, s.Span.Night)
}

// TestNexus: services in another namespace start nights, and get their end.
func TestNexus(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, server: []string{"--namespace", callers}})
	h.worker()
	c := h.neighbour()

	t.Run("one night for two callers", func(t *testing.T) {
		input := h.inline(h.manifest("nexus-digest", 5, ""))
		for _, run := range []client.WorkflowRun{call(t, c, "ada", digest, input), call(t, c, "ben", digest, input)} {
			var r batch.Result
			if err := run.Get(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Batch.Name() != "nexus-digest" || r.Jobs.Succeeded != 5 || !r.Audit.Passed {
				t.Errorf("%s got %+v", run.GetID(), r)
			}
		}
		if n := h.sim.Books().Totals(); n.Executions != 5 || len(n.DoubleBilled) != 0 {
			t.Errorf("the provider's books: %+v", n)
		}
	})

	t.Run("a caller cancels", func(t *testing.T) {
		input := later("called-off")
		runs := []client.WorkflowRun{call(t, c, "cy", digest, input), call(t, c, "dee", digest, input)}
		for _, run := range runs {
			awaitEvent(t, c, run.GetID(), enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED)
		}
		nights, err := h.client.DescribeWorkflowExecution(t.Context(), batchOf(t, input).WorkflowID(), "")
		if err != nil {
			t.Fatal(err)
		}
		if n := len(nights.GetCallbacks()); n != 2 {
			t.Errorf("%d callers are attached to the night, want 2", n)
		}
		if err := c.CancelWorkflow(t.Context(), "cy", ""); err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			err := run.Get(t.Context(), nil)
			var cancelled *temporal.CanceledError
			if !errors.As(err, &cancelled) {
				t.Errorf("%s ended with %v, want a cancellation", run.GetID(), err)
			}
		}
	})

	t.Run("more callers than Temporal lets wait", func(t *testing.T) {
		const most = 32 // of the server, by default
		input := later("crowded")
		ends := make(chan error, most+1)
		for i := range most + 1 {
			run := call(t, c, fmt.Sprintf("crowd-%d", i), digest, input)
			go func() { ends <- run.Get(t.Context(), nil) }()
		}
		var app *temporal.ApplicationError
		if err := <-ends; !errors.As(err, &app) || app.Type() != string(batch.NightClaimed) || !strings.Contains(err.Error(), "32 callbacks") {
			t.Errorf("the one too many got %v", err)
		}
		id := batchOf(t, input).WorkflowID()
		h.awaitWorkflow(func() string {
			d, err := h.client.DescribeWorkflowExecution(t.Context(), id, "")
			if err != nil || len(d.GetCallbacks()) < most {
				return ""
			}
			return "all attached"
		})
		if err := h.client.CancelWorkflow(t.Context(), id, ""); err != nil {
			t.Fatal(err)
		}
		for range most {
			var cancelled *temporal.CanceledError
			if err := <-ends; !errors.As(err, &cancelled) {
				t.Errorf("one that waited ended with %v", err)
			}
		}
	})

	t.Run("handed over", func(t *testing.T) {
		input := later("handed-over")
		var first, second batch.Started
		if err := call(t, c, "eve", handOver, input).Get(t.Context(), &first); err != nil {
			t.Fatal(err)
		}
		if err := call(t, c, "fay", handOver, input).Get(t.Context(), &second); err != nil {
			t.Fatal(err)
		}
		if first.Running || !second.Running || first.RunID != second.RunID || first.Batch != batchOf(t, input) || first.Begins.IsZero() {
			t.Errorf("first %+v, second %+v", first, second)
		}
	})

	t.Run("bad input", func(t *testing.T) {
		for i, in := range []struct {
			input string
			say   []string
		}{
			{`{"name": "Bad Name", "jbos": []}`, []string{"jbos", "Bad Name", "jobs"}},
			{`{"manifest": "file:///srv/night.yaml"}`, []string{"without the manifest's name"}},
			{`{"manifest": "night.yaml", "name": "a", "budget": {}}`, []string{"is not a URL", "budget"}},
			{`{"batch": "a/2026-11-22"}`, []string{"goes on by itself"}},
			{`"a night, please"`, []string{"want an object"}},
		} {
			for j, workflow := range []any{digest, handOver} {
				err := call(t, c, fmt.Sprintf("bad-%d-%d", i, j), workflow, json.RawMessage(in.input)).Get(t.Context(), nil)
				var (
					app   *temporal.ApplicationError
					fault batch.Fault
				)
				if !errors.As(err, &app) || app.Type() != string(batch.BadInput) || app.Details(&fault) != nil || fault.Hint == "" {
					t.Errorf("%s: %v, want the fault in the error's details; got %+v", in.input, err, fault)
				}
				for _, say := range in.say {
					if !strings.Contains(fault.Error(), say) || !strings.Contains(err.Error(), say) {
						t.Errorf("%s: %q isn't said: %v", in.input, say, err)
					}
				}
			}
		}
	})

	t.Run("a night that fails", func(t *testing.T) {
		input := h.inline(h.manifest("over-budget", 2, "budget: {batch: 0.000001}\n"))
		err := call(t, c, "gus", digest, input).Get(t.Context(), nil)
		var app *temporal.ApplicationError
		if !errors.As(err, &app) || app.Type() != string(batch.OverBudget) {
			t.Errorf("got %v, want kind OverBudget", err)
		}
	})
}
