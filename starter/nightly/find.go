package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// Find is the night of a batch: the run that goes on, else the one that was
// started last; but not one that only found the night taken by another. It may be the one that a door of ours started, a later one that
// sends what that left over, or one that says it is that batch (the Temporal UI,
// schedules and cron choose their own workflow ids). Kind NotFound when there is
// none.
func (c *Client) Find(ctx context.Context, id batch.ID) (Night, error) {
	if _, err := batch.ParseID(string(id)); err != nil {
		return Night{}, &batch.Fault{Kind: batch.BadInput, Op: "find night", Thing: string(id), Err: err}
	}
	var runs []*workflowpb.WorkflowExecutionInfo
	d, err := c.temporal.DescribeWorkflowExecution(ctx, id.WorkflowID(), "")
	if err == nil {
		run := d.GetWorkflowExecutionInfo()
		if goesOn(run) {
			return c.night(run, id), nil // the usual case, without the delay of a search
		}
		runs = append(runs, run)
	} else if f := c.fault(ctx, "find night", string(id), err); f.Kind != batch.NotFound {
		return Night{}, f
	}
	others, err := c.runsOf(ctx, id)
	if err != nil {
		return Night{}, c.fault(ctx, "find night", string(id), err)
	}
	runs = append(runs, others...)
	if len(runs) == 0 {
		return Night{}, notFound("night", string(id))
	}
	slices.SortStableFunc(runs, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		if goesOn(a) != goesOn(b) {
			if goesOn(a) {
				return -1
			}
			return 1
		}
		return b.GetStartTime().AsTime().Compare(a.GetStartTime().AsTime())
	})
	best := runs[0]
	for _, r := range runs[:min(len(runs), before)] {
		stood, err := c.stoodBy(ctx, r, id)
		if err != nil {
			return Night{}, err
		}
		if !stood {
			best = r
			break
		}
	}
	return c.night(best, id), nil
}

// stoodBy says that a run is over and never was the night: another workflow
// had it, which a schedule leaves alone and everybody else is refused for. When
// ten clients start a night at once, such a run may be the last one to start.
func (c *Client) stoodBy(ctx context.Context, r *workflowpb.WorkflowExecutionInfo, id batch.ID) (bool, error) {
	if goesOn(r) {
		return false, nil
	}
	result, f, over := c.night(r, id).end(ctx)
	if !over {
		return false, f
	}
	return result.State == workflows.StateElsewhere || f != nil && f.Kind == batch.NightClaimed, nil
}

// elsewhere is a run of the batch that goes on under another id than that of
// our doors. What a night left over and waits for a later one isn't: whoever
// starts the night again is told so by the ledger.
func (c *Client) elsewhere(ctx context.Context, id batch.ID) (n Night, found bool, err error) {
	runs, err := c.runsOf(ctx, id)
	if err != nil {
		return Night{}, false, c.fault(ctx, "find night", string(id), err)
	}
	for _, r := range runs {
		if w := r.GetExecution().GetWorkflowId(); goesOn(r) && w != id.WorkflowID() && !batch.IsCarry(w) {
			return c.night(r, id), true, nil
		}
	}
	return Night{}, false, nil
}

func goesOn(r *workflowpb.WorkflowExecutionInfo) bool {
	return r.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// runsOf lists the runs of a batch's nights. The fields of an id can hold no
// quote: what is put into the query is safe.
func (c *Client) runsOf(ctx context.Context, id batch.ID) ([]*workflowpb.WorkflowExecutionInfo, error) {
	query := fmt.Sprintf("WorkflowType = '%s' AND ", workflows.NightlyBatchName)
	ours := fmt.Sprintf("WorkflowId = '%s' OR WorkflowId STARTS_WITH '%s'", id.WorkflowID(), id.CarryPrefix())
	runs, err := c.list(ctx, query+fmt.Sprintf("(%s OR %s = '%s')", ours, workflows.AttrBatch, id))
	if unknownAttribute(err) {
		runs, err = c.list(ctx, query+"("+ours+")")
	}
	return runs, err
}

// before bounds how many runs are looked at for the last judged one.
const before = 10

// LastJudged is how the batch's last night ended that is over and was judged,
// while a later one waits to send what it left over, or is refused. Kind
// NotFound when there is none.
func (n Night) LastJudged(ctx context.Context) (View, error) {
	runs, err := n.client.runsOf(ctx, n.Batch)
	if err != nil {
		return View{}, n.client.fault(ctx, "find night", string(n.Batch), err)
	}
	runs = slices.DeleteFunc(runs, goesOn)
	slices.SortStableFunc(runs, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		return b.GetStartTime().AsTime().Compare(a.GetStartTime().AsTime())
	})
	for _, r := range runs[:min(len(runs), before)] {
		v, err := n.client.night(r, n.Batch).Judged(ctx)
		if err != nil || v.Result.Batch != "" && v.Result.Elsewhere == "" {
			return v, err
		}
	}
	return View{}, notFound("judged night", string(n.Batch))
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
		return c.Find(ctx, batchOf(newest)) // of several runs, the one that is the night
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
	if name, rest, ok := strings.Cut(id, "/"); ok {
		night, _, _ := strings.Cut(rest, "/") // of one that carries on, too
		id = name + "/" + night
	}
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
