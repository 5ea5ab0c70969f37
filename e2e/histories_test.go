package e2e

import (
	"fmt"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
)

// TestHistoriesAreSmall: a job that is an activity of its own leaves three
// events and at most 470 bytes in its shard's history. Workflow tasks come on
// top, and how many depends on how busy the machine is: each is three events and
// 240 bytes, and on a quiet one a dozen jobs share it.
func TestHistoriesAreSmall(t *testing.T) {
	t.Parallel()
	const jobs = 600
	h := open(t, want{opens: -time.Minute, sim: unlimited})
	h.worker()
	if out := h.starter("run", "--json", h.many("market-digest", jobs)); out.code != 0 {
		t.Fatal(out)
	}
	var events, bytes, all int
	for _, from := range []int{0, 500} {
		id := fmt.Sprintf("nightly/%s/%06d", h.batchID("market-digest"), from)
		for pages := h.client.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); pages.HasNext(); {
			e, err := pages.Next()
			if err != nil {
				t.Fatal(err)
			}
			all += proto.Size(e)
			switch e.GetEventType() {
			case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
				events++
				bytes += proto.Size(e)
			}
		}
	}
	t.Logf("%.2f events and %d bytes a job by its activity, %d bytes in all", float64(events)/jobs, bytes/jobs, all/jobs)
	if few := 2; events > 3*(jobs+few) || bytes > 470*(jobs+few) { // each shard lists its jobs by an activity
		t.Errorf("%d jobs left %d events and %d bytes of activities; at most 3 and 470 each", jobs, events, bytes)
	}
}
