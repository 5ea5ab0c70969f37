package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// What Temporal writes on a workflow that a schedule started.
// https://docs.temporal.io/search-attribute
var (
	scheduledBy = temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById")
	scheduledAt = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")
)

// bySchedule says that a schedule or cron started the workflow: nobody waits
// for how it ends but an alert.
func bySchedule(ctx workflow.Context) bool {
	_, by := workflow.GetTypedSearchAttributes(ctx).GetKeyword(scheduledBy)
	return by || workflow.GetInfo(ctx).CronSchedule != ""
}

// due is when the schedule that started this workflow meant it to start; now,
// of one that anybody else started. A schedule that catches up with what it
// missed, or is told to make up for a past day, starts late.
func due(ctx workflow.Context) time.Time {
	now := workflow.Now(ctx)
	if at, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledAt); ok && at.Before(now) {
		return at
	}
	return now
}

// errElsewhere ends the steps of a night that runs as another workflow.
var errElsewhere = errors.New("the night runs as another workflow")

// elsewhere is the end of a schedule's run whose night somebody else started:
// a good one, since what it was to do is being done. The other workflow says how
// it goes.
func (n *night) elsewhere(ctx workflow.Context) (batch.Result, error) {
	n.enter(ctx, StateElsewhere)
	n.log.Info("the night runs already", "batch", n.terms.Batch, "workflow", n.terms.Elsewhere)
	if err := n.settled(ctx); err != nil {
		return batch.Result{}, err
	}
	return batch.Result{
		Batch: n.terms.Batch, Night: n.terms.Batch.Night(), State: StateElsewhere, Span: n.terms.Start.Span, Elsewhere: n.terms.Elsewhere,
	}, nil
}
