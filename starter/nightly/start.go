package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// Request says which night to start. Either Manifest or Ref is given.
type Request struct {
	// Manifest is a whole manifest as one JSON value (manifest.JSON makes one of
	// YAML). It travels in the workflow's input, so it is bounded by
	// batch.MaxInline; jobs_from in it must be an absolute path or a URL that
	// the worker can read.
	Manifest json.RawMessage

	// Ref is the URL of a manifest that the worker reads: "file:///...". Its
	// prompts then never enter Temporal's history. Name is required with it, and
	// Window and Slow say which night it is; left out, they are the Swarms window
	// and the default request timeout.
	Ref    string
	Name   batch.Name
	Window tariff.Window
	Slow   time.Duration

	// Replace has Window take the place of the window that the manifest behind
	// Ref states, and not only name the night.
	Replace bool
}

// Night is a batch's night as a workflow.
type Night struct {
	Batch      batch.ID     `json:"batch"`
	WorkflowID string       `json:"workflow_id"`
	RunID      string       `json:"run_id"`
	Start      tariff.Start `json:"-"`               // set by Start: when it begins, as far as this side can tell
	Running    bool         `json:"already_running"` // set by Start: it was running before, and nothing new was started

	again  bool // its reconciliation, and not the night itself
	client *Client
	seldom *seldom // while it is followed; nil: everything is asked anew
}

// defaultSlow is the request timeout of a manifest that doesn't say.
const defaultSlow = 600 * time.Second

// Start starts the night of a batch, or finds it running: there is one night
// per batch and date, its workflow id is "nightly/<batch id>" unless a schedule,
// cron or the Temporal UI started it, which choose their own. A night that is
// over is started again, which sends only what was parked or skipped.
//
// A bad manifest is a fault of kind BadInput, and nothing is started.
func (c *Client) Start(ctx context.Context, r Request) (Night, error) {
	p, err := c.Prepare(r)
	if err != nil {
		return Night{}, err
	}
	night := Night{Batch: p.Batch, WorkflowID: p.Options.ID, Start: p.Start, client: c}
	if other, found, err := c.elsewhere(ctx, p.Batch); err != nil {
		return Night{}, err
	} else if found {
		night.WorkflowID, night.RunID, night.Running = other.WorkflowID, other.RunID, true
		return night, nil
	}
	night.RunID, night.Running, err = c.begin(ctx, p.Options, workflows.NightlyBatchName, p.Input)
	if err != nil {
		return Night{}, c.fault(ctx, "start night", string(p.Batch), err)
	}
	return night, nil
}

// Prepared is a start that was checked and not made yet: which night it would
// be now, and what Temporal would be handed.
type Prepared struct {
	Batch   batch.ID
	Start   tariff.Start
	Input   json.RawMessage             // of workflows.NightlyBatchName
	Options client.StartWorkflowOptions // workflow id, task queue, summaries; a night that is over may run again
}

// Prepare is Start without the start, for a door that has to make it by other
// means than a client's call. It asks nobody.
func (c *Client) Prepare(r Request) (Prepared, error) {
	input, name, window, slow, err := r.read()
	if err != nil {
		return Prepared{}, err
	}
	begins, err := window.Decide(c.now(), slow)
	if err != nil {
		return Prepared{}, &batch.Fault{
			Kind: batch.BadInput, Op: "plan night of", Thing: string(name), Err: err,
			Hint: "correct the window or policy.request_timeout",
		}
	}
	id := batch.NewID(name, begins.Span.Night)
	return Prepared{
		Batch: id, Start: begins, Input: input,
		Options: client.StartWorkflowOptions{
			ID:            id.WorkflowID(),
			TaskQueue:     workflows.TaskQueue,
			StaticSummary: "Night " + string(begins.Span.Night) + " of " + string(name),
			StaticDetails: details(id, begins),
			// One that is over may run again: the ledger sends nothing twice.
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		},
	}, nil
}

// begin starts a workflow of ours, or finds it running.
func (c *Client) begin(ctx context.Context, o client.StartWorkflowOptions, workflow string, input any) (runID string, running bool, err error) {
	o.TaskQueue = workflows.TaskQueue
	// One that runs is attached to. FAIL and not USE_EXISTING: they end the same
	// way, and only the error tells the two cases apart.
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	// One that is over may run again: the ledger sends nothing twice.
	o.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	run, err := c.temporal.ExecuteWorkflow(ctx, o, workflow, input)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &already):
		return already.RunId, true, nil
	case err != nil:
		return "", false, err
	}
	return run.GetRunID(), false, nil
}

// read checks the request and says what Temporal is handed and what the batch
// id is made of.
func (r Request) read() (input json.RawMessage, name batch.Name, w tariff.Window, slow time.Duration, err error) {
	bad := func(thing, detail string) error {
		return &batch.Fault{
			Kind: batch.BadInput, Op: "start night", Thing: thing, Detail: detail,
			Hint: "hand over either a manifest or the URL of one with its name",
		}
	}
	switch {
	case len(r.Manifest) == 0 && r.Ref == "":
		return nil, "", w, 0, bad("", "no manifest")
	case len(r.Manifest) != 0 && r.Ref != "":
		return nil, "", w, 0, bad(r.Ref, "a manifest and a reference to one are both given")
	case r.Ref != "":
		if err := r.Name.Valid(); err != nil {
			return nil, "", w, 0, bad(r.Ref, err.Error())
		}
		fields := map[string]any{"manifest": r.Ref}
		if r.Replace {
			fields["window"] = manifest.WindowField(r.Window.Fill())
		}
		input, err := json.Marshal(fields)
		if err != nil {
			return nil, "", w, 0, bad(r.Ref, err.Error())
		}
		if _, _, err := manifest.Ref(input); err != nil {
			return nil, "", w, 0, asBadInput(err)
		}
		w, slow = r.Window, r.Slow
		if w.Zone == "" {
			w = tariff.SwarmsWindow()
		}
		if slow <= 0 {
			slow = defaultSlow
		}
		return input, r.Name, w, slow, nil
	}
	m, err := manifest.Read("manifest", r.Manifest)
	if err != nil {
		return nil, "", w, 0, asBadInput(err)
	}
	return r.Manifest, m.Name, m.Window, m.Policy.RequestTimeout, nil
}

func asBadInput(err error) error {
	var ps manifest.Problems
	if errors.As(err, &ps) {
		return ps.Fault()
	}
	return &batch.Fault{Kind: batch.BadInput, Op: "read manifest", Err: err}
}

// details is what the Temporal UI shows under the night's name for good.
func details(id batch.ID, s tariff.Start) string {
	return fmt.Sprintf("Batch **%s**\n\n- %s\n- window %s, last job ends by %s\n",
		id, s.Reason, s.Span.Hours(), s.Span.Deadline.Format("15:04 MST"))
}
