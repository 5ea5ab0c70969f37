package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// onSchedule has the workflow started as Temporal's schedules start one.
func (h *hands) onSchedule(t *testing.T, due time.Time) {
	t.Helper()
	if err := h.env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById").ValueSet("digest"),
		temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime").ValueSet(due),
	)); err != nil {
		t.Fatal(err)
	}
}

// TestAScheduleFindsItsNightRunning: the run ends well, says where the night
// is, and sends, judges and asks nothing.
func TestAScheduleFindsItsNightRunning(t *testing.T) {
	nine := pacific(t, "2026-11-22 21:00:00")
	h := newHands(t, nine, 3)
	h.onSchedule(t, nine)
	h.plan = func(in batch.PlanRequest) (batch.Plan, error) {
		if !in.Scheduled {
			t.Errorf("planned %+v: it doesn't say that a schedule asks", in)
		}
		p, err := h.usualPlan(in)
		return batch.Plan{Batch: p.Batch, Start: p.Start, Elsewhere: "nightly/digest/2026-11-22"}, err
	}
	r, err := h.run(t)
	if err != nil || r.State != workflows.StateElsewhere || r.Elsewhere != "nightly/digest/2026-11-22" || r.Batch != "digest/2026-11-22" || r.ExitCode() != batch.ExitDone {
		t.Errorf("%+v, %v", r, err)
	}
	if len(h.sent)+len(h.audited)+len(h.asked)+len(h.compared) > 0 {
		t.Errorf("it did something: %d sent, %d audited, %d asked, %d compared", len(h.sent), len(h.audited), len(h.asked), len(h.compared))
	}
}

// TestWhoAsks: the hands are told that a schedule asks, and not when a person
// does.
func TestWhoAsks(t *testing.T) {
	nine := pacific(t, "2026-11-22 21:00:00")
	for _, by := range []bool{true, false} {
		h := newHands(t, nine, 1)
		if by {
			h.onSchedule(t, nine)
		}
		h.plan = func(in batch.PlanRequest) (batch.Plan, error) {
			if in.Scheduled != by {
				t.Errorf("scheduled %t: %+v", by, in)
			}
			return h.usualPlan(in)
		}
		if r, err := h.run(t); err != nil || r.State != workflows.StateDone || len(h.sent) != 1 {
			t.Errorf("%+v, %v, %d sent", r, err, len(h.sent))
		}
	}
}

// TestAScheduleThatIsLate asks for the night that was over when it was due, and
// never for one that lies ahead.
func TestAScheduleThatIsLate(t *testing.T) {
	now := pacific(t, "2026-11-25 13:00:00")
	for due, want := range map[time.Time]time.Time{
		now.AddDate(0, 0, -2): now.AddDate(0, 0, -2),
		now.Add(time.Hour):    now,
	} {
		h := newHands(t, now, 1)
		h.onSchedule(t, due)
		var asked time.Time
		h.nights = func(in batch.NightRequest) ([]batch.ID, error) {
			asked = in.Asked
			return nil, nil
		}
		h.env.ExecuteWorkflow(workflows.ReconcileNightName, batch.NightInput{Night: batch.Yesterday})
		if err := h.env.GetWorkflowError(); err != nil || !asked.Equal(want) {
			t.Errorf("due %s: asked as of %s, %v; want %s", due, asked, err, want)
		}
	}
}
