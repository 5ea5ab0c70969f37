package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// Export is an export of the provider's log, as a workflow.
type Export struct {
	WorkflowID string
	RunID      string
	Running    bool // it was under way before, perhaps for other days, and nothing new was started

	client *Client
}

// ExportLog has what is new in the provider's log taken into the lake. One that
// is under way is attached to: each reads the whole log, so that there is one
// at a time.
func (c *Client) ExportLog(ctx context.Context, in batch.LogExportInput) (Export, error) {
	e := Export{WorkflowID: in.WorkflowID(), client: c}
	var err error
	e.RunID, e.Running, err = c.begin(ctx, client.StartWorkflowOptions{
		ID: e.WorkflowID, StaticSummary: "The provider's log" + in.String(),
	}, workflows.LogExportName, in)
	if err != nil {
		return Export{}, c.fault(ctx, "export the log", "", err)
	}
	return e, nil
}

// ExportView is how far an export is.
type ExportView struct {
	Beat     batch.Beat // what it does
	Attempt  int        // the worker's attempt at it, from 1
	Why      string     // why the last attempt failed; "" for a first one
	NoWorker bool       // nobody polls its task queue: it stands still
}

// Wait waits until the export is over. When ctx ends first, it goes on and the
// fault is of kind Cancelling.
func (e Export) Wait(ctx context.Context) (batch.LogExport, error) {
	var out batch.LogExport
	f := e.client.outlast(ctx, "the log", func() (f *batch.Fault, over bool) {
		out, f, over = e.end(ctx)
		return f, over
	})
	if f != nil {
		return out, f
	}
	return out, nil
}

// Watch is Wait that says how far it is: at once, and every so often.
func (e Export) Watch(ctx context.Context, every time.Duration, see func(ExportView)) (batch.LogExport, error) {
	type end struct {
		out batch.LogExport
		err error
	}
	ended := make(chan end, 1)
	go func() {
		out, err := e.Wait(ctx)
		ended <- end{out, err}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if idle, err := e.client.idle(ctx, workflows.TaskQueue); err == nil && idle {
			see(ExportView{NoWorker: true})
		} else if v, ok := e.look(ctx); ok {
			see(v)
		}
		select {
		case en := <-ended:
			return en.out, en.err
		case <-tick.C:
		}
	}
}

// look reads the heartbeat of the activity that does it.
func (e Export) look(ctx context.Context) (ExportView, bool) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	d, err := e.client.temporal.DescribeWorkflowExecution(ctx, e.WorkflowID, e.RunID)
	if err != nil {
		return ExportView{}, false
	}
	pending := d.GetPendingActivities()
	if len(pending) == 0 {
		return ExportView{}, false
	}
	a := pending[0] // it has no other
	v := ExportView{Attempt: int(a.GetAttempt())}
	if f := a.GetLastFailure(); f != nil {
		v.Why = f.GetMessage()
	}
	_ = converter.GetDefaultDataConverter().FromPayloads(a.GetHeartbeatDetails(), &v.Beat) // none yet: nothing to say
	return v, true
}

// end is how it ended; over is as for a night.
func (e Export) end(ctx context.Context) (out batch.LogExport, f *batch.Fault, over bool) {
	err := e.client.temporal.GetWorkflow(ctx, e.WorkflowID, e.RunID).Get(ctx, &out)
	var ended *temporal.WorkflowExecutionError
	switch {
	case err == nil:
		return out, nil, true
	case !errors.As(err, &ended):
		return out, e.client.fault(ctx, "wait for the export of", "the log", err), false
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return out, &batch.Fault{
			Kind: batch.Cancelling, Op: "export the log", Detail: "ended before it was through, by a person or by a timeout; what is in the lake counts", Err: err,
			Hint: "start it again: it takes what is missing",
		}, true
	}
	f = &batch.Fault{Kind: batch.Kind(app.Type()), Op: "export the log", Detail: app.Message()}
	for _, raw := range detailsOf(app) {
		var g batch.Fault
		if json.Unmarshal(raw, &g) == nil && g.Kind == f.Kind {
			f = &g
		}
	}
	if !known(f.Kind) {
		f.Kind = batch.Internal
	}
	return out, f, true
}
