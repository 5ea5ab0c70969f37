package nightly

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// Pause has nothing new sent until Resume: what is in flight ends, and what
// still waits at the night's deadline is parked. When it returns without an
// error, every worker keeps it. by is shown wherever the pause is.
func (n Night) Pause(ctx context.Context, by, why string) (batch.Progress, error) {
	return n.order(ctx, workflows.PauseUpdate, batch.Order{By: by, Why: why})
}

// Resume undoes Pause.
func (n Night) Resume(ctx context.Context, by, why string) (batch.Progress, error) {
	return n.order(ctx, workflows.ResumeUpdate, batch.Order{By: by, Why: why})
}

// Cancel ends the night for good: nothing new is sent, what is in flight ends,
// the rest is cancelled, and the audit closes the books. Wait says how.
func (n Night) Cancel(ctx context.Context, by, why string) (batch.Progress, error) {
	return n.order(ctx, workflows.CancelUpdate, batch.Order{By: by, Why: why})
}

// RaiseBudget gives the batch a higher cap. Jobs that wait for room go on, and
// those that were skipped for want of it are sent after all. It holds for this
// run: another one begins with the manifest's cap.
func (n Night) RaiseBudget(ctx context.Context, to money.USD, by, why string) (batch.Progress, error) {
	return n.order(ctx, workflows.RaiseBudgetUpdate, batch.Order{By: by, Why: why, Cap: to})
}

// Told hands on that a provider says that a job of the night is done (its
// webhook, which the caller received): the job is asked for at once, and not
// when its turn comes. Nothing else of a webhook is believed, so it may come
// twice, late or from anybody. seq is the job's place in the batch, from 0. A
// night that is over has nobody to tell, which is BadInput.
func (n Night) Told(ctx context.Context, seq int) error {
	bounded, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	err := n.client.temporal.SignalWorkflow(bounded, n.WorkflowID, n.RunID, workflows.ToldSignal, batch.Told{Seq: seq})
	if err != nil {
		return n.refused(ctx, workflows.ToldSignal, err)
	}
	return nil
}

// orderTimeout bounds an order: the story gives the ledger a minute.
const orderTimeout = 90 * time.Second

// order sends an update. A night that is over, and an order that makes no sense
// as it stands, is BadInput; without a worker it is OutOfReach.
func (n Night) order(ctx context.Context, name string, o batch.Order) (batch.Progress, error) {
	var p batch.Progress
	bounded, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	idle, err := n.client.idle(bounded, workflows.TaskQueue)
	if err == nil && idle {
		return p, &batch.Fault{
			Kind: batch.OutOfReach, Op: name, Thing: string(n.Batch), Detail: "no worker is polling task queue " + workflows.TaskQueue + ": nobody would carry it out, and nobody sends anything",
			Hint: "start one with go run ./worker; starter stop needs none",
		}
	}
	if err == nil {
		var h client.WorkflowUpdateHandle
		h, err = n.client.temporal.UpdateWorkflow(bounded, client.UpdateWorkflowOptions{
			WorkflowID: n.WorkflowID, RunID: n.RunID, UpdateName: name, Args: []any{o},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = h.Get(bounded, &p)
		}
	}
	if err != nil {
		return p, n.refused(ctx, name, err)
	}
	return p, nil
}

// refused translates what an update ends with when it doesn't end well.
func (n Night) refused(ctx context.Context, name string, err error) *batch.Fault {
	var (
		app     *temporal.ApplicationError
		missing *serviceerror.NotFound
	)
	switch {
	case errors.As(err, &app) && app.Type() != "" && known(batch.Kind(app.Type())):
		_, f := n.fromDetails(app)
		return f
	case errors.As(err, &app): // the story's own word: an order that makes no sense now
		return &batch.Fault{Kind: batch.BadInput, Op: name, Thing: string(n.Batch), Detail: app.Message()}
	case errors.As(err, &missing):
		return &batch.Fault{
			Kind: batch.BadInput, Op: name, Thing: string(n.Batch), Detail: "the night is over",
			Hint: "starter run with its manifest sends what is left over, and nothing twice; budget.batch there says how much it may cost",
		}
	}
	return n.client.fault(ctx, name, string(n.Batch), err)
}
