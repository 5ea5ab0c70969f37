package activities

import (
	"github.com/offpeak/offpeak/batch"
)

// How policy.fan_out auto decides, and how a night of lanes is cut up.
const (
	// singly is up to how many jobs each are an activity of their own: the
	// Temporal UI shows every one with its attempts, at some 3.5 events and 400
	// bytes of history a job. Beyond it nobody reads them one by one.
	singly = 1000

	laneSize = 5000 // jobs per lane at the most: what a dead worker's successor lists again
	lanes    = 20   // lanes under way at once: so one that waits for stragglers holds up few
	fewLanes = 4    // lanes at the least, so that several workers have a share

	// laneFlight is how many jobs are under way at once in all lanes together:
	// as many as an activity for each job would have.
	laneFlight = shards * inFlight
)

// fanOut says whether the pending jobs are handed out one by one or in lanes.
// Where every job goes in a request of the batch endpoint there is nothing to
// hand out in lanes.
func fanOut(plan *batch.Plan) {
	many := plan.Pending > singly
	switch plan.Policy.FanOut {
	case batch.FanOutJobs:
		return
	case batch.FanOutLanes:
		many = plan.Pending > 0
	}
	if plan.Chunk > 1 && plan.Chunks == 0 {
		if plan.Policy.FanOut == batch.FanOutLanes {
			plan.Warnings = append(plan.Warnings, "policy.fan_out lanes means nothing tonight: jobs go in requests of the batch endpoint")
		}
		return
	}
	if !many {
		return
	}
	plan.ShardSize = min(max((plan.Jobs+fewLanes-1)/fewLanes, 1), laneSize)
	at := min((plan.Jobs+plan.ShardSize-1)/plan.ShardSize, lanes)
	plan.Shards, plan.Lane = at, laneFlight/at
	plan.InFlight = plan.Lane
}
