package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// Reconcile has a batch's books compared with the provider's once more, and its
// night judged again: what was unknown and is in the provider's log by now is
// settled. Nothing is sent. One that is under way is attached to; Wait and
// Watch say how it ends, as they do for a night.
//
// Starting needs Temporal alone, so a batch that was never planned is told by
// the end: kind NotFound. One whose night still runs ends as NightClaimed.
func (c *Client) Reconcile(ctx context.Context, id batch.ID) (Night, error) {
	if _, err := batch.ParseID(string(id)); err != nil {
		return Night{}, &batch.Fault{Kind: batch.BadInput, Op: "reconcile", Thing: string(id), Err: err}
	}
	in := batch.ReconcileInput{Batch: id}
	n := Night{Batch: id, WorkflowID: in.WorkflowID(), again: true, client: c}
	var err error
	n.RunID, n.Running, err = c.begin(ctx, client.StartWorkflowOptions{
		ID: n.WorkflowID, StaticSummary: "The books of " + string(id),
	}, workflows.ReconcileBatchName, in)
	if err != nil {
		return Night{}, c.fault(ctx, "reconcile", string(id), err)
	}
	return n, nil
}

// Morning is the reconciliation of all batches of a night, as a workflow.
type Morning struct {
	Night      string // as it was asked for
	WorkflowID string
	RunID      string
	Running    bool // it was under way before, and nothing new was started

	client *Client
}

// ReconcileNight has every batch of a night reconciled, one after the other.
// Night is a date, or "yesterday" for the last night that is over. One that is
// under way is attached to.
func (c *Client) ReconcileNight(ctx context.Context, night string) (Morning, error) {
	if night != batch.Yesterday {
		if _, err := time.Parse(time.DateOnly, night); err != nil {
			return Morning{}, &batch.Fault{
				Kind: batch.BadInput, Op: "reconcile night", Thing: night, Detail: "it is no night", Hint: "write a date such as 2026-11-22, or yesterday",
			}
		}
	}
	in := batch.NightInput{Night: night}
	m := Morning{Night: night, WorkflowID: in.WorkflowID(), client: c}
	var err error
	m.RunID, m.Running, err = c.begin(ctx, client.StartWorkflowOptions{
		ID: m.WorkflowID, StaticSummary: "The books of the night: " + night,
	}, workflows.ReconcileNightName, in)
	if err != nil {
		return Morning{}, c.fault(ctx, "reconcile night", night, err)
	}
	return m, nil
}

// Wait waits until every batch is judged. When some didn't pass it gives both:
// what there is of every batch, and a fault of the gravest kind that names
// them. When ctx ends first, it goes on and the fault is of kind Cancelling.
func (m Morning) Wait(ctx context.Context) (batch.NightBooks, error) {
	var b batch.NightBooks
	f := m.client.outlast(ctx, m.Night, func() (f *batch.Fault, over bool) {
		b, f, over = m.end(ctx)
		return f, over
	})
	if f != nil {
		return b, f
	}
	return b, nil
}

// MorningView is how far it is.
type MorningView struct {
	Books    batch.NightBooks
	NoWorker bool // nobody polls its task queue: it stands still
}

// Watch is Wait that says how far it is: at once, and every so often.
func (m Morning) Watch(ctx context.Context, every time.Duration, see func(MorningView)) (batch.NightBooks, error) {
	type end struct {
		books batch.NightBooks
		err   error
	}
	ended := make(chan end, 1)
	go func() {
		b, err := m.Wait(ctx)
		ended <- end{b, err}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if idle, err := m.client.idle(ctx, workflows.TaskQueue); err == nil && idle {
			see(MorningView{NoWorker: true})
		} else if b, err := m.progress(ctx); err == nil {
			see(MorningView{Books: b})
		}
		select {
		case e := <-ended:
			return e.books, e.err
		case <-tick.C:
		}
	}
}

// progress asks how far it is.
func (m Morning) progress(ctx context.Context) (batch.NightBooks, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var b batch.NightBooks
	answer, err := m.client.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: m.WorkflowID, RunID: m.RunID, QueryType: workflows.ProgressQuery,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	switch {
	case err != nil:
		return b, err
	case answer.QueryRejected != nil:
		return b, errClosed
	}
	return b, answer.QueryResult.Get(&b)
}

// end is how it ended; over is as for a night.
func (m Morning) end(ctx context.Context) (b batch.NightBooks, f *batch.Fault, over bool) {
	err := m.client.temporal.GetWorkflow(ctx, m.WorkflowID, m.RunID).Get(ctx, &b)
	var ended *temporal.WorkflowExecutionError
	switch {
	case err == nil:
		return b, nil, true
	case !errors.As(err, &ended):
		return b, m.client.fault(ctx, "wait for the reconciliation of", m.Night, err), false
	}
	night := Night{Batch: batch.ID(m.Night), again: true}
	_, f = night.ended(err)
	if f.Op == "run night" || f.Op == "reconcile" {
		f.Op = "reconcile night"
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		for _, raw := range detailsOf(app) {
			var found batch.NightBooks
			if json.Unmarshal(raw, &found) == nil && found.Night != "" {
				b = found
			}
		}
	}
	return b, f, true
}
