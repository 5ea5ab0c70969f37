package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// Find is the night of a batch: the one that a door of ours started, else the
// newest run that says it is that batch (the Temporal UI, schedules and cron
// choose their own workflow ids). Kind NotFound when there is none.
func (c *Client) Find(ctx context.Context, id batch.ID) (Night, error) {
	if _, err := batch.ParseID(string(id)); err != nil {
		return Night{}, &batch.Fault{Kind: batch.BadInput, Op: "find night", Thing: string(id), Err: err}
	}
	d, err := c.temporal.DescribeWorkflowExecution(ctx, id.WorkflowID(), "")
	if err == nil {
		run := d.GetWorkflowExecutionInfo().GetExecution()
		return Night{Batch: id, WorkflowID: run.GetWorkflowId(), RunID: run.GetRunId(), client: c}, nil
	}
	if f := c.fault(ctx, "find night", string(id), err); f.Kind != batch.NotFound {
		return Night{}, f
	}
	runs, err := c.list(ctx, fmt.Sprintf("WorkflowType = '%s' AND %s = '%s'", workflows.NightlyBatchName, workflows.AttrBatch, id))
	if err != nil && !unknownAttribute(err) {
		return Night{}, c.fault(ctx, "find night", string(id), err)
	}
	if newest := latest(runs); newest != nil {
		return c.night(newest, id), nil
	}
	return Night{}, notFound("night", string(id))
}

// Latest is the newest night of a manifest's name. Kind NotFound when it never
// ran, or so long ago that Temporal has forgotten it.
func (c *Client) Latest(ctx context.Context, name batch.Name) (Night, error) {
	if err := name.Valid(); err != nil {
		return Night{}, &batch.Fault{Kind: batch.BadInput, Op: "find nights of", Thing: string(name), Err: err}
	}
	// A name can hold no quote: what is put into the query is safe.
	ours := fmt.Sprintf("WorkflowId STARTS_WITH 'nightly/%s/'", name)
	query := fmt.Sprintf("WorkflowType = '%s' AND ", workflows.NightlyBatchName)
	runs, err := c.list(ctx, query+fmt.Sprintf("(%s OR %s STARTS_WITH '%s/')", ours, workflows.AttrBatch, name))
	if unknownAttribute(err) {
		runs, err = c.list(ctx, query+ours)
	}
	if err != nil {
		return Night{}, c.fault(ctx, "find nights of", string(name), err)
	}
	if newest := latest(runs); newest != nil {
		return c.night(newest, batchOf(newest)), nil
	}
	return Night{}, notFound("night of", string(name))
}

// list asks visibility for one page of runs, which comes newest first from
// every store; more than a page of nights is older than anybody asks for.
func (c *Client) list(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	r, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 200})
	if err != nil {
		return nil, err
	}
	// A cron workflow's next run is there as soon as the last one ends, with that
	// one's search attributes, and stands still until its hour: it is no night yet.
	return slices.DeleteFunc(r.GetExecutions(), func(e *workflowpb.WorkflowExecutionInfo) bool {
		return e.GetExecutionTime().AsTime().After(c.now())
	}), nil
}

// latest is the run of the latest night; of several of one night, the one that
// was started last.
func latest(runs []*workflowpb.WorkflowExecutionInfo) *workflowpb.WorkflowExecutionInfo {
	var best *workflowpb.WorkflowExecutionInfo
	for _, r := range runs {
		if best == nil {
			best = r
			continue
		}
		a, b := batchOf(r).Night(), batchOf(best).Night()
		if a > b || a == b && r.GetStartTime().AsTime().After(best.GetStartTime().AsTime()) {
			best = r
		}
	}
	return best
}

func (c *Client) night(r *workflowpb.WorkflowExecutionInfo, id batch.ID) Night {
	return Night{Batch: id, WorkflowID: r.GetExecution().GetWorkflowId(), RunID: r.GetExecution().GetRunId(), client: c}
}

// batchOf is the batch that a run says it is: by its search attribute, else by
// its workflow id.
func batchOf(r *workflowpb.WorkflowExecutionInfo) batch.ID {
	if s := attribute(r, workflows.AttrBatch); s != "" {
		return batch.ID(s)
	}
	id, _ := strings.CutPrefix(r.GetExecution().GetWorkflowId(), "nightly/")
	return batch.ID(id)
}

func attribute(r *workflowpb.WorkflowExecutionInfo, name string) string {
	var s string
	if p, ok := r.GetSearchAttributes().GetIndexedFields()[name]; ok {
		// One that can't be read says nothing, as one that isn't there.
		_ = converter.GetDefaultDataConverter().FromPayload(p, &s)
	}
	return s
}

// unknownAttribute says that the namespace doesn't have our search attributes.
func unknownAttribute(err error) bool {
	var bad *serviceerror.InvalidArgument
	return errors.As(err, &bad)
}

func notFound(what, thing string) *batch.Fault {
	return &batch.Fault{
		Kind: batch.NotFound, Op: "find " + what, Thing: thing, Detail: "Temporal knows none",
		Hint: "starter run FILE starts one; a batch id is NAME/NIGHT, such as market-digest/2026-11-22",
	}
}
