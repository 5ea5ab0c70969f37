package workflows

import (
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// What Temporal writes on a workflow that a schedule started.
// https://docs.temporal.io/search-attribute
const (
	scheduledBy = "TemporalScheduledById"
	scheduledAt = "TemporalScheduledStartTime"
)

// bySchedule says that a schedule or cron started the workflow: nobody waits
// for how it ends but an alert.
func bySchedule(info *workflow.Info) bool {
	return attribute(info, scheduledBy) != nil || info.CronSchedule != ""
}

// attribute is a search attribute as JSON; nil when it isn't there. The server
// writes its own without their type, and the SDK's typed reading leaves such
// out.
func attribute(info *workflow.Info, name string) []byte {
	return info.SearchAttributes.GetIndexedFields()[name].GetData() //nolint:staticcheck // deprecated for the typed reading
}

// due is when the schedule that started this workflow meant it to start; now,
// of one that anybody else started. A schedule that catches up with what it
// missed, or is told to make up for a past day, starts late.
func due(ctx workflow.Context) time.Time {
	now := workflow.Now(ctx)
	var at time.Time
	if json.Unmarshal(attribute(workflow.GetInfo(ctx), scheduledAt), &at) != nil || at.After(now) {
		return now
	}
	return at
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
