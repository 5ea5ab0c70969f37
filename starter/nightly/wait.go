package nightly

import (
	"context"
	"errors"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// Wait waits until the batch's night is over: see [Night.Wait].
func (c *Client) Wait(ctx context.Context, id batch.ID) (batch.Result, error) {
	n, err := c.Find(ctx, id)
	if err != nil {
		return batch.Result{}, err
	}
	return n.Wait(ctx)
}

// Wait waits until the night is over and says how it ended. A night that
// failed its audit gives both: the result, and a fault of the audit's kind.
// One that was refused, before anything was sent, gives a fault alone.
//
// A run that found its night in the hands of another door's run, which was
// quicker by a moment, is over at once; Wait then waits for that one, since the
// night is the same.
//
// When ctx ends first, the night goes on and the fault is of kind Cancelling.
// A worker isn't needed for waiting, though without one nothing will happen.
func (n Night) Wait(ctx context.Context) (batch.Result, error) {
	r, f, _ := n.end(ctx)
	if f == nil {
		return r, nil
	}
	if quicker, ok := n.quicker(f); ok {
		return quicker.Wait(ctx)
	}
	return r, f
}

// quicker is the run that has the night which this one was refused. What an
// earlier night left over and runs in a later one by itself isn't: whoever asked
// for it to run now is told so.
func (n Night) quicker(f *batch.Fault) (Night, bool) {
	i := strings.LastIndexByte(f.Thing, '/')
	if n.again || f.Kind != batch.NightClaimed || f.Op != "claim" || i < 0 {
		return Night{}, false
	}
	other := Night{Batch: n.Batch, WorkflowID: f.Thing[:i], RunID: f.Thing[i+1:], client: n.client}
	return other, other.WorkflowID != n.WorkflowID && !batch.IsCarry(other.WorkflowID)
}

// end waits until the night is over. over says that it is: what fault there is
// is then the night's own, else it is that of asking.
func (n Night) end(ctx context.Context) (r batch.Result, f *batch.Fault, over bool) {
	// Not following: a cron workflow's run ends by starting the next one, and
	// who follows that chain waits for ever.
	err := n.client.temporal.GetWorkflow(ctx, n.WorkflowID, n.RunID).
		GetWithOptions(ctx, &r, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
	var ended *temporal.WorkflowExecutionError
	var next *workflow.ContinueAsNewError
	switch {
	case errors.As(err, &next):
		return n.handedOn(ctx)
	case err == nil:
		return r, nil, true
	case errors.As(err, &ended):
		r, f = n.ended(err)
		return r, f, true
	}
	return r, n.client.fault(ctx, "wait for night", string(n.Batch), err), false
}

// handedOn is the end of a cron workflow's run: how it ended stands in the
// event that started the next one.
func (n Night) handedOn(ctx context.Context) (r batch.Result, f *batch.Fault, over bool) {
	events := n.client.temporal.GetWorkflowHistory(ctx, n.WorkflowID, n.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	e, err := events.Next()
	if err != nil {
		return r, n.client.fault(ctx, "wait for night", string(n.Batch), err), false
	}
	last := e.GetWorkflowExecutionContinuedAsNewEventAttributes()
	if last.GetFailure() != nil { //nolint:staticcheck // deprecated for new servers; it is the only place where a cron run says how it failed
		r, f = n.ended(n.client.failures.FailureToError(last.GetFailure())) //nolint:staticcheck // as above
		return r, f, true
	}
	if err := n.client.data.FromPayloads(last.GetLastCompletionResult(), &r); err != nil {
		return r, n.client.fault(ctx, "read the result of night", string(n.Batch), err), false
	}
	return r, nil, true
}

// Watch is Wait that says how the night stands: at once, every so often, and
// when it is over. A look that Temporal doesn't answer is passed over, and an
// outage of up to five minutes is waited out.
func (n Night) Watch(ctx context.Context, every time.Duration, see func(View)) (batch.Result, error) {
	n = n.Following() // before anybody else has it
	type end struct {
		result batch.Result
		fault  *batch.Fault
	}
	ended := make(chan end, 1)
	n = n.Following() // before anybody else reads it
	go func() {
		r, f := n.patient(ctx)
		ended <- end{r, f}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if v, err := n.Look(ctx); err == nil {
			see(v)
		}
		select {
		case e := <-ended:
			if e.fault != nil {
				if quicker, ok := n.quicker(e.fault); ok {
					return quicker.Watch(ctx, every, see)
				}
			}
			if ctx.Err() == nil {
				if v, err := n.Look(ctx); err == nil {
					see(v) // how it ended
				}
			}
			if e.fault != nil {
				return e.result, e.fault
			}
			return e.result, nil
		case <-tick.C:
		}
	}
}

// outage is how long Watch lets Temporal be away before it gives up: a server
// on one machine takes up to a minute to come back after a crash.
const outage = 5 * time.Minute

// patient is end that outlasts a restart of Temporal.
func (n Night) patient(ctx context.Context) (r batch.Result, f *batch.Fault) {
	f = n.client.outlast(ctx, string(n.Batch), func() (f *batch.Fault, over bool) {
		r, f, over = n.end(ctx)
		return f, over
	})
	return r, f
}

// outlast asks until it is over, or Temporal was away for too long.
func (c *Client) outlast(ctx context.Context, thing string, ask func() (f *batch.Fault, over bool)) *batch.Fault {
	var since time.Time
	for {
		asked := c.now()
		f, over := ask()
		if over || f.Kind != batch.OutOfReach {
			return f
		}
		if since.IsZero() || c.now().Sub(asked) > outage {
			since = c.now() // the first one, or one after a long quiet wait
		}
		if c.now().Sub(since) > outage {
			return f
		}
		pause := time.NewTimer(time.Second)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return c.fault(ctx, "wait for night", thing, ctx.Err())
		}
	}
}

// Report is the result of a night that is over, with the fault of its kind
// when it failed; of one that was reconciled since, the result of that. While
// what it left over waits for another night, its result stands. One that still
// runs for the first time is a fault of kind Waiting.
func (c *Client) Report(ctx context.Context, id batch.ID) (batch.Result, error) {
	n, err := c.Find(ctx, id)
	if err != nil {
		return batch.Result{}, err
	}
	v, err := n.Judged(ctx)
	switch {
	case err != nil:
		return batch.Result{}, err
	case !v.Closed:
		if last, err := n.LastJudged(ctx); err == nil {
			v = last
			break
		} else if batch.KindOf(err) != batch.NotFound {
			return batch.Result{}, err
		}
		return batch.Result{}, &batch.Fault{
			Kind: batch.Waiting, Op: "report on", Thing: string(n.Batch), Detail: "the night isn't over: " + v.Progress.State,
			Hint: "starter watch " + string(n.Batch) + " follows it",
		}
	}
	if v.Fault != nil {
		return v.Result, v.Fault
	}
	return v.Result, nil
}
