package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// Daily is a piece of daily work under way, as a workflow of one activity that
// ends with one result.
type Daily[Out any] struct {
	WorkflowID string
	RunID      string
	Running    bool // it was under way before, and nothing new was started

	op, thing string
	client    *Client
}

// WatchUsage has the spend of a day judged, and of every day since the last
// watch; see [batch.UsageWatch]. Day is a date, or "yesterday". Nothing is sent
// but free questions. One of the same day that is under way is attached to.
func (c *Client) WatchUsage(ctx context.Context, day string) (Daily[batch.UsageWatch], error) {
	d := Daily[batch.UsageWatch]{op: "watch usage", thing: day, client: c}
	if day != batch.Yesterday {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return d, &batch.Fault{Kind: batch.BadInput, Op: d.op, Thing: day, Detail: "it is no date", Hint: "write a date such as 2026-11-21, or yesterday"}
		}
	}
	in := batch.WatchInput{Day: day}
	err := d.begin(ctx, in.WorkflowID(), "What was spent: "+day, workflows.UsageWatchName, in)
	return d, err
}

func (d *Daily[Out]) begin(ctx context.Context, id, summary, workflow string, in any) (err error) {
	d.WorkflowID = id
	d.RunID, d.Running, err = d.client.begin(ctx, client.StartWorkflowOptions{ID: id, StaticSummary: summary}, workflow, in)
	if err != nil {
		return d.client.fault(ctx, d.op, d.thing, err)
	}
	return nil
}

// DailyView is how far it is.
type DailyView struct {
	Beat     batch.Beat // what it does
	Attempt  int        // the worker's attempt at it, from 1
	Why      string     // why the last attempt failed; "" for a first one
	NoWorker bool       // nobody polls its task queue: it stands still
}

// Wait waits until it is over. When ctx ends first, it goes on and the fault is
// of kind Cancelling.
func (d Daily[Out]) Wait(ctx context.Context) (Out, error) {
	var out Out
	f := d.client.outlast(ctx, d.thing, func() (f *batch.Fault, over bool) {
		out, f, over = d.end(ctx)
		return f, over
	})
	if f != nil {
		return out, f
	}
	return out, nil
}

// Watch is Wait that says how far it is: at once, and every so often.
func (d Daily[Out]) Watch(ctx context.Context, every time.Duration, see func(DailyView)) (Out, error) {
	type end struct {
		out Out
		err error
	}
	ended := make(chan end, 1)
	go func() {
		out, err := d.Wait(ctx)
		ended <- end{out, err}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if idle, err := d.client.idle(ctx, workflows.TaskQueue); err == nil && idle {
			see(DailyView{NoWorker: true})
		} else if v, ok := d.look(ctx); ok {
			see(v)
		}
		select {
		case e := <-ended:
			return e.out, e.err
		case <-tick.C:
		}
	}
}

// look reads the heartbeat of the activity that does it.
func (d Daily[Out]) look(ctx context.Context) (DailyView, bool) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	desc, err := d.client.temporal.DescribeWorkflowExecution(ctx, d.WorkflowID, d.RunID)
	if err != nil {
		return DailyView{}, false
	}
	pending := desc.GetPendingActivities()
	if len(pending) == 0 {
		return DailyView{}, false
	}
	v := DailyView{Attempt: int(pending[0].GetAttempt())}
	if f := pending[0].GetLastFailure(); f != nil {
		v.Why = d.client.said(f)
	}
	_ = d.client.data.FromPayloads(pending[0].GetHeartbeatDetails(), &v.Beat) // none yet: nothing to say
	return v, true
}

// end is how it ended; over is as for a night.
func (d Daily[Out]) end(ctx context.Context) (out Out, f *batch.Fault, over bool) {
	err := d.client.temporal.GetWorkflow(ctx, d.WorkflowID, d.RunID).Get(ctx, &out)
	var ended *temporal.WorkflowExecutionError
	switch {
	case err == nil:
		return out, nil, true
	case !errors.As(err, &ended):
		return out, d.client.fault(ctx, d.op, d.thing, err), false
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return out, &batch.Fault{
			Kind: batch.Cancelling, Op: d.op, Thing: d.thing, Detail: "ended before it was through, by a person or by a timeout", Err: err, Hint: "start it again",
		}, true
	}
	f = &batch.Fault{Kind: batch.Kind(app.Type()), Op: d.op, Thing: d.thing, Detail: app.Message()}
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
