package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// carryOver starts the night that sends what this one parked, as the hands
// decided when they judged it. That one is detached: whoever follows this night
// gets its result tonight. It waits for its hour by itself.
func (n *night) carryOver(ctx workflow.Context, c *batch.Carry) {
	if c == nil || c.WorkflowID == "" || ctx.Err() != nil {
		return
	}
	err := LeftOver.Detach(ctx, batch.GoOn{Batch: n.terms.Batch, After: n.span.Closes}, c.WorkflowID)
	if err != nil {
		n.log.Error("what is parked isn't carried over: run the batch again to send it", "batch", n.terms.Batch, "jobs", c.Jobs, "error", err)
		return
	}
	n.log.Info("what is parked is carried over", "batch", n.terms.Batch, "jobs", c.Jobs, "workflow", c.WorkflowID, "begins", c.Begins)
}

// yield lets a night that carries a batch on give way to another run of it, as
// long as it only waits: what it would have sent is that run's then. It is the
// workers that ask, when they claim the batch for the other run, and the answer
// is this night's own: nobody else knows whether it has begun to send.
//
// By in the order is the workflow that asks.
func (n *night) yield(ctx workflow.Context) error {
	may := func(o batch.Order) error {
		switch {
		case strings.TrimSpace(o.By) == "":
			return errors.New(`say in "by" who takes the batch`)
		case !batch.IsCarry(workflow.GetInfo(ctx).WorkflowExecution.ID):
			return errors.New("only a night that carries a batch on gives way")
		}
		return n.begun()
	}
	handle := func(ctx workflow.Context, o batch.Order) (batch.Progress, error) {
		// One that is being planned has the batch already, and doesn't know it.
		if err := workflow.Await(ctx, func() bool { return n.planned || n.progress.State != StatePlanning }); err != nil {
			return batch.Progress{}, err
		}
		if err := n.begun(); err != nil {
			return batch.Progress{}, err
		}
		n.gaveWay = o.By
		n.progress.State, n.progress.Waiting = StateGaveWay, time.Time{}
		n.log.Info("the night gives way", "batch", n.terms.Batch, "to", o.By)
		n.end()
		return n.progress, nil
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, GiveWayUpdate, handle, workflow.UpdateHandlerOptions{
		Validator: may, Description: "Leaves the batch to another run, while it only waits",
	})
}

// begun says why a night doesn't give way any more, or nil.
func (n *night) begun() error {
	switch {
	case n.sent || n.progress.State != StatePlanning && n.progress.State != StateWaiting:
		return fmt.Errorf("it doesn't wait any more, the night is %s", n.progress.State)
	case n.cancelled:
		return errors.New("the night is being cancelled")
	}
	return nil
}

// stepAside ends a night that gave way. It judges nothing: the books are the
// other run's.
func (n *night) stepAside(ctx workflow.Context) (batch.Result, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	n.enter(ctx, StateGaveWay)
	if err := n.settled(ctx); err != nil {
		return batch.Result{}, err
	}
	return batch.Result{Batch: n.terms.Batch, Night: n.span.Night, State: StateGaveWay, Span: n.span, Elsewhere: n.gaveWay}, nil
}

// judged is the result that an audit which failed the night carries.
func judged(err error) batch.Result {
	var (
		app   *temporal.ApplicationError
		fault batch.Fault
		r     batch.Result
	)
	if errors.As(err, &app) && app.HasDetails() && app.Details(&fault, &r) == nil {
		return r
	}
	return batch.Result{}
}

// parent is the night that handed its parked jobs on to this one; of one that
// anybody else started, the zero Run.
func parent(info *workflow.Info) batch.Run {
	p := info.ParentWorkflowExecution
	if p == nil || !batch.IsCarry(info.WorkflowExecution.ID) {
		return batch.Run{}
	}
	return batch.Run{WorkflowID: p.ID, RunID: p.RunID}
}
