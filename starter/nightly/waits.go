package nightly

import (
	"context"
	"encoding/json"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// glance is what the heartbeats of a shard's activities, and the errors with
// which they gave up for a while, say beside what its query counts.
type glance struct {
	lane     batch.LaneResult // what a lane has done so far
	inFlight int
	waits    []batch.Wait
}

// glance describes a shard. One that has just ended, or that can't be asked,
// says nothing: the next look has it.
func (c *Client) glance(ctx context.Context, shard string) (g glance) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, shard, "")
	if err != nil {
		return g
	}
	for _, a := range d.GetPendingActivities() {
		g.add(c, a)
	}
	return g
}

func (g *glance) add(c *Client, a *workflowpb.PendingActivityInfo) {
	name := a.GetActivityType().GetName()
	switch name {
	case workflows.SubmitSwarmName, workflows.SubmitBatchName, workflows.SubmitLaneName:
	default:
		return
	}
	var beat batch.LaneBeat
	if c.data.FromPayloads(a.GetHeartbeatDetails(), &beat) != nil {
		beat = batch.LaneBeat{} // it hasn't beaten yet
	}
	if name == workflows.SubmitLaneName {
		g.lane.Jobs = g.lane.Jobs.Plus(beat.Lane.Jobs)
		g.lane.Billed += beat.Lane.Billed
		g.lane.DayPrice += beat.Lane.DayPrice
	}
	if a.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED {
		g.inFlight += beat.InFlight
		g.waits = append(g.waits, beat.Waits...)
		return
	}
	if w, ok := c.backLater(a); ok { // what it said before it gave up is old
		g.waits = append(g.waits, w)
	}
}

// backLater is what an attempt of an activity that gave up for a while waits
// for: by its error, whose type is a fault's kind.
func (c *Client) backLater(a *workflowpb.PendingActivityInfo) (w batch.Wait, ok bool) {
	if a.GetLastFailure() == nil {
		return w, false
	}
	app, ok := c.failures.FailureToError(a.GetLastFailure()).(*temporal.ApplicationError) //nolint:errorlint // the outermost is meant
	if !ok {
		return w, false
	}
	for _, raw := range detailsOf(app) {
		var f batch.Fault
		if json.Unmarshal(raw, &f) == nil && f.Kind != "" {
			w.Detail = f.Detail
		} else {
			_ = json.Unmarshal(raw, &w) // not ours: then its type says it
		}
	}
	if w.Reason == "" {
		switch batch.Kind(app.Type()) {
		case batch.RateLimited:
			w.Reason = "floor"
		case batch.OutcomeUnknown:
			w.Reason = "unknown"
		default: // not sent, or this worker shuts down: another try comes
			w.Reason = "retry"
		}
	}
	if w.Detail == "" {
		w.Detail = app.Message()
	}
	if at := a.GetNextAttemptScheduleTime(); w.Until.IsZero() && at != nil {
		w.Until = at.AsTime()
	}
	return w, true
}

// Following is the night for whoever looks at it again and again: what its
// activities say is asked at most every few seconds. It is for one goroutine.
func (n Night) Following() Night {
	n.seldom = &seldom{}
	return n
}

// seldom keeps a shard's glance for a while: who follows a night asks every
// second, and what five hundred pending activities say is half a megabyte.
type seldom struct {
	at   time.Time
	said map[string]glance
}

// glanceEvery is how old what activities say may be for who follows a night:
// they say it every few seconds.
const glanceEvery = 5 * time.Second

// of is the shard's glance, asked anew when the kept one is old. A lane's is
// one small heartbeat, and counts jobs: it is always asked.
func (s *seldom) of(ctx context.Context, c *Client, shard string, lane bool) glance {
	if s == nil || lane {
		return c.glance(ctx, shard)
	}
	if now := c.now(); now.Sub(s.at) >= glanceEvery || s.said == nil {
		s.at, s.said = now, map[string]glance{}
	}
	g, ok := s.said[shard]
	if !ok {
		g = c.glance(ctx, shard)
		s.said[shard] = g
	}
	return g
}
