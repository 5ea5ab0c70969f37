package e2e

import (
	"fmt"
	"testing"
	"time"
)

// laneJobs is a night that goes in lanes by itself.
var laneJobs = max(2000, scaleJobs)

// TestScaleKilledLane: SIGKILL at 40 % of a night whose jobs go in lanes. The
// lanes go on in another worker: nothing is lost, nothing is bought twice, what
// was in flight is named, and no history grew with the jobs.
func TestScaleKilledLane(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, fresh func(*testing.T) string) {
		times(t, func(t *testing.T) {
			h := open(t, want{opens: -time.Minute, sim: unlimited, store: fresh(t)})
			path := h.many("lanes", laneJobs)
			first := h.worker()
			began := time.Now()
			follow := h.start("starter", nil, "run", "--json", path)
			h.awaitArrivals(laneJobs * 2 / 5)
			h.awaitFlight(4)
			first.kill()
			died := h.sending("lanes")
			if len(died) == 0 {
				t.Error("nothing was in flight at the kill: it proves nothing")
			}
			second := h.worker()
			<-follow.ended
			took := time.Since(began)
			h.wantWhole("lanes", laneJobs, follow.cmd.ProcessState.ExitCode(), follow)
			h.wantRecorded(h.batchID("lanes"))
			h.row(h.tally("lanes", died, took, ""))
			h.wantNamed(h.batchID("lanes"), died, second)
			d, err := h.client.DescribeWorkflowExecution(t.Context(), fmt.Sprintf("nightly/%s/%06d", h.batchID("lanes"), 0), "")
			if err != nil {
				t.Fatal(err)
			}
			if n := d.GetWorkflowExecutionInfo().GetHistoryLength(); n > 40 {
				t.Errorf("a shard of %d jobs has %d events: it didn't go in a lane", laneJobs/4, n)
			}
			h.record(h.batchID("lanes").WorkflowID(), "nightly-lanes")
			h.record(fmt.Sprintf("nightly/%s/%06d", h.batchID("lanes"), 0), "shard-lane")
		})
	})
}
