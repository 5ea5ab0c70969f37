package nightly

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// Running is a night that runs, by Temporal's list of workflows, which may be
// a moment behind.
type Running struct {
	Batch      batch.ID  `json:"batch"`
	State      string    `json:"state"` // as Progress.State, and paused
	WorkflowID string    `json:"workflow_id"`
	Since      time.Time `json:"since"`
}

// Running lists the nights that run or wait for their hour, the newest first,
// at most two hundred of them: no worker is asked.
func (c *Client) Running(ctx context.Context) ([]Running, error) {
	runs, err := c.list(ctx, fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.NightlyBatchName))
	if err != nil {
		return nil, c.fault(ctx, "list nights", "", err)
	}
	var out []Running
	for _, r := range runs {
		n := Running{Batch: batchOf(r), State: attribute(r, workflows.AttrState), WorkflowID: r.GetExecution().GetWorkflowId(), Since: r.GetStartTime().AsTime()}
		if _, err := batch.ParseID(string(n.Batch)); err != nil {
			continue // a schedule's, that hasn't read its manifest yet
		}
		if n.State == "" {
			n.State = workflows.StatePlanning
		}
		if !slices.ContainsFunc(out, func(o Running) bool { return o.Batch == n.Batch }) {
			out = append(out, n)
		}
	}
	return out, nil
}
