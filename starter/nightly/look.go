package nightly

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// View is how a night stands.
type View struct {
	Night    Night
	Progress batch.Progress
	Closed   bool
	Result   batch.Result // of a night that is over and was judged; else Result.Batch is ""
	Fault    *batch.Fault // why it is over, when it didn't end well
	NoWorker bool         // nobody polls its task queue: it stands still, and Progress is what was last written down
}

// queryTimeout bounds one query: a worker that doesn't answer in that time is
// as good as none.
const queryTimeout = 5 * time.Second

// Status is the progress of a batch's night.
func (c *Client) Status(ctx context.Context, id batch.ID) (batch.Progress, error) {
	n, err := c.Find(ctx, id)
	if err != nil {
		return batch.Progress{}, err
	}
	v, err := n.Look(ctx)
	return v.Progress, err
}

// Look says how the night stands now: by its own word and that of its shards
// while it runs, by its result when it is over.
func (n Night) Look(ctx context.Context) (View, error) {
	v := View{Night: n, Progress: batch.Progress{Batch: n.Batch}}
	d, err := n.client.temporal.DescribeWorkflowExecution(ctx, n.WorkflowID, n.RunID)
	if err != nil {
		return v, n.client.fault(ctx, "look at night", string(n.Batch), err)
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return n.over(ctx, v)
	}
	if v.NoWorker, err = n.client.idle(ctx, workflows.TaskQueue); err != nil {
		return v, n.client.fault(ctx, "look at night", string(n.Batch), err)
	}
	if v.NoWorker {
		v.Progress.State = n.lastState(info)
		return v, nil
	}
	p, err := n.client.progress(ctx, n.WorkflowID, n.RunID)
	switch {
	case gone(err): // it ended between the two questions
		return n.over(ctx, v)
	case err != nil && ctx.Err() == nil && unanswered(err):
		v.NoWorker = true // the pollers that Temporal remembers are of the last minutes
		v.Progress.State = n.lastState(info)
		return v, nil
	case err != nil:
		return v, n.client.fault(ctx, "look at night", string(n.Batch), err)
	}
	n.addShards(ctx, &p)
	if p.Batch == "" {
		p.Batch = n.Batch // still being planned
	}
	v.Progress = p
	return v, nil
}

// Judged is Look with the last word on a night that is over: when it was
// reconciled since, that is how it ended.
func (n Night) Judged(ctx context.Context) (View, error) {
	v, err := n.Look(ctx)
	if err != nil || !v.Closed || n.again {
		return v, err
	}
	night, err := n.client.temporal.DescribeWorkflowExecution(ctx, n.WorkflowID, n.RunID)
	if err != nil {
		return v, n.client.fault(ctx, "look at night", string(n.Batch), err)
	}
	id := v.Night.Batch
	d, err := n.client.temporal.DescribeWorkflowExecution(ctx, batch.ReconcileInput{Batch: id}.WorkflowID(), "")
	if err != nil {
		if f := n.client.fault(ctx, "look at the reconciliation of", string(id), err); f.Kind != batch.NotFound {
			return v, f
		}
		return v, nil // the usual case: the night's own audit was the last
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetStartTime().AsTime().Before(night.GetWorkflowExecutionInfo().GetCloseTime().AsTime()) {
		return v, nil
	}
	later, err := Night{Batch: id, WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), again: true, client: n.client}.Look(ctx)
	if err != nil {
		return v, err
	}
	if later.Result.Batch != "" { // else it was refused, or failed without a verdict
		later.Night = v.Night
		return later, nil
	}
	return v, nil
}

// addShards adds what the shards under way have done so far, and what their
// jobs wait for: the night itself only counts those that are over. A lane's
// heartbeats come every few seconds, and no workflow sees them.
func (n Night) addShards(ctx context.Context, p *batch.Progress) {
	var waits []batch.Wait
	for _, id := range p.Shards {
		s, err := n.client.progress(ctx, id, "")
		if err != nil {
			continue // just started or just ended: the next look has it
		}
		add(p, s.Jobs, s.Billed, s.DayPrice)
		g := n.seldom.of(ctx, n.client, id, s.Lane)
		if s.Lane {
			add(p, g.lane.Jobs, g.lane.Billed, g.lane.DayPrice)
		}
		p.InFlight += g.inFlight
		waits = append(waits, g.waits...)
	}
	p.InFlight = min(p.InFlight, p.Jobs.Pending()) // heartbeats are older than what was counted
	p.Waits = batch.MergeWaits(waits)
}

func add(p *batch.Progress, jobs batch.Counts, billed, dayPrice money.USD) {
	total := p.Jobs.Total
	p.Jobs = p.Jobs.Plus(jobs)
	p.Jobs.Total = total
	p.Billed += billed
	p.DayPrice += dayPrice
}

// over reads a closed night from its result.
func (n Night) over(ctx context.Context, v View) (View, error) {
	r, f, over := n.end(ctx)
	if !over {
		return v, f
	}
	if f != nil {
		if quicker, ok := n.quicker(f); ok {
			return quicker.Look(ctx) // the night is that one's: who follows it isn't told that it is over
		}
	}
	v.Closed, v.Fault = true, f
	if f != nil {
		v.Progress.State = workflows.StateRefused
	}
	if r.Batch != "" {
		v.Result = r
		v.Night.Batch = r.Batch
		v.Progress = batch.Progress{
			Batch: r.Batch, State: r.State, Jobs: r.Jobs,
			Billed: r.Money.Billed, DayPrice: r.Money.DayPrice, Ceiling: r.Money.Ceiling,
		}
	}
	return v, nil
}

// progress asks one workflow that is running.
func (c *Client) progress(ctx context.Context, workflowID, runID string) (batch.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var p batch.Progress
	answer, err := c.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: workflowID, RunID: runID, QueryType: workflows.ProgressQuery,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	switch {
	case err != nil:
		return p, err
	case answer.QueryRejected != nil:
		return p, errClosed
	}
	return p, answer.QueryResult.Get(&p)
}

var errClosed = errors.New("the workflow is closed")

func gone(err error) bool {
	var missing *serviceerror.NotFound
	return errors.Is(err, errClosed) || errors.As(err, &missing)
}

// unanswered says that Temporal is there and no worker answered the query.
func unanswered(err error) bool {
	var (
		late   *serviceerror.DeadlineExceeded
		failed *serviceerror.QueryFailed
		early  *serviceerror.WorkflowNotReady // no worker has picked it up yet
	)
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) || errors.As(err, &failed) || errors.As(err, &early)
}

// pollerAge is how long ago a worker may have asked for work and still count:
// a poll lasts a minute, and Temporal remembers pollers for five.
const pollerAge = 75 * time.Second

// idle says that no worker polls a task queue.
func (c *Client) idle(ctx context.Context, queue string) (bool, error) {
	d, err := c.temporal.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return false, err
	}
	for _, p := range d.GetPollers() {
		if c.now().Sub(p.GetLastAccessTime().AsTime()) < pollerAge {
			return false, nil
		}
	}
	return true, nil
}

// lastState is what a night without a worker last wrote down about itself.
func (n Night) lastState(info *workflowpb.WorkflowExecutionInfo) string {
	if s := attribute(info, workflows.AttrState); s != "" {
		return s
	}
	if n.again {
		return workflows.StateReconciling
	}
	return workflows.StatePlanning
}
