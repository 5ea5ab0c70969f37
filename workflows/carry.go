package workflows

import (
	"errors"

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
