package nightly

import (
	"context"
	"encoding/json"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// States of a run that a night doesn't have by itself.
const (
	stateForgotten = "forgotten" // Temporal has dropped its history, as it does some days after a workflow's end
	stateCancelled = "cancelled" // by a person, before anything was sent
)

// howItEnded looks a run up in Temporal.
func (c *Client) howItEnded(ctx context.Context, kind string, r *ScheduleRun) error {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, r.WorkflowID, r.RunID)
	if err != nil {
		f := c.fault(ctx, "look at the run of a schedule", r.WorkflowID, err)
		if f.Kind == batch.NotFound {
			r.State = stateForgotten
			return nil
		}
		return f
	}
	info := d.GetWorkflowExecutionInfo()
	r.Batch = batch.ID(attribute(info, workflows.AttrBatch))
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		r.State = "running"
		return nil
	}
	var (
		f    *batch.Fault
		over bool
	)
	switch kind {
	case KindReconcile:
		_, f, over = Morning{WorkflowID: r.WorkflowID, RunID: r.RunID, client: c}.end(ctx)
		r.State = workflows.StateDone
	case KindWatch, KindExport, KindPurge:
		_, f, over = Daily[json.RawMessage]{WorkflowID: r.WorkflowID, RunID: r.RunID, op: "look at the run of a schedule", thing: r.WorkflowID, client: c}.end(ctx)
		r.State = workflows.StateDone
	default:
		var result batch.Result
		result, f, over = Night{Batch: r.Batch, WorkflowID: r.WorkflowID, RunID: r.RunID, client: c}.end(ctx)
		if r.State = result.State; result.Batch != "" {
			r.Batch = result.Batch
		} else {
			r.State = workflows.StateRefused
		}
	}
	switch {
	case !over:
		return f
	case f != nil:
		switch {
		case f.Kind == batch.Cancelling:
			r.State = stateCancelled
		case kind != KindNight:
			r.State = workflows.StateFailed
		}
		r.Kind, r.Why = f.Kind, f.Detail
	}
	return nil
}
