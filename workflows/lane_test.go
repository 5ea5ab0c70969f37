package workflows_test

import (
	"slices"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// TestLanes: each stretch is one activity, and the night adds up what they say.
func TestLanes(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 23) // stretches of 10, 10 and 3
	h.lane = 7
	var last []batch.Progress
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		v, err := h.env.QueryWorkflow(workflows.ProgressQuery)
		if err != nil {
			return batch.Result{}, err
		}
		var p batch.Progress
		if err := v.Get(&p); err != nil {
			return batch.Result{}, err
		}
		last = append(last, p)
		return batch.Result{Batch: in.Batch, State: "done"}, nil
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(h.laned, func(a, b batch.Lane) int { return a.From - b.From })
	want := [][2]int{{0, 10}, {10, 20}, {20, 23}}
	if len(h.laned) != len(want) || len(h.sent)+len(h.groups) != 0 {
		t.Fatalf("%d lanes, %d single jobs, %d groups", len(h.laned), len(h.sent), len(h.groups))
	}
	for i, l := range h.laned {
		if l.From != want[i][0] || l.To != want[i][1] || l.Width != 7 || l.Batch != "digest/2026-11-22" || l.Span.Night != "2026-11-22" || l.RequestTimeout != h.timeout {
			t.Errorf("lane %d is %+v", i, l)
		}
	}
	if p := last[0]; p.Jobs.Succeeded != 23 || p.Jobs.Total != 23 || p.Billed != 23*money.Cent || p.DayPrice != 46*money.Cent {
		t.Errorf("%+v", p)
	}
}

// TestLaneAfterAPilot: the one batch request that finds out about the log goes
// first and alone, and the lane takes everything that is left.
func TestLaneAfterAPilot(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 20)
	h.lane, h.chunk, h.chunks, h.flight = 5, 4, 1, 5
	over := false
	h.many = func(in batch.SubmitMany) (batch.Many, error) {
		over = true
		return batch.Many{Outcomes: answered(in.Seqs[:3]...).Outcomes, Left: in.Seqs[3:]}, nil
	}
	h.lanes = func(in batch.Lane) (batch.LaneResult, error) {
		if in.From == 0 && !over {
			t.Error("the lane began beside the batch request")
		}
		var r batch.LaneResult
		r.Add(batch.Outcome{State: batch.Succeeded})
		return r, nil
	}
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if len(h.groups) != 1 || len(h.groups[0].Seqs) != 4 || len(h.sent) != 0 || len(h.laned) != 2 {
		t.Errorf("%d groups, %d single jobs, lanes %+v", len(h.groups), len(h.sent), h.laned)
	}
}

// TestABrokenLane: one that fails for good stops the night, which is judged.
func TestABrokenLane(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 20)
	h.lane = 5
	h.lanes = func(in batch.Lane) (batch.LaneResult, error) {
		if in.From == 0 {
			return batch.LaneResult{}, fails(batch.Internal)
		}
		return batch.LaneResult{}, nil
	}
	_, _ = h.run(t)
	if len(h.audited) != 1 || h.audited[0].Stop == "" {
		t.Errorf("judged as %+v", h.audited)
	}
}

// TestALaneIsTriedAgain: what one attempt hands back, because its worker shuts
// down, another one takes up.
func TestALaneIsTriedAgain(t *testing.T) {
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), 10)
	h.lane = 5
	tries := 0
	h.lanes = func(batch.Lane) (batch.LaneResult, error) {
		if tries++; tries < 8 {
			return batch.LaneResult{}, temporal.NewApplicationError("this worker shuts down", string(batch.Waiting)) //nolint:forbidigo // a fake hand
		}
		return batch.LaneResult{}, nil
	}
	if _, err := h.run(t); err != nil || tries != 8 {
		t.Errorf("%d tries, %v", tries, err)
	}
}
