package nightly_test

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// TestAScheduleRunsANight: what it starts is a night like any other, found by
// its batch id; one that is under way isn't started again; who starts the same
// night by another door is attached to it.
func TestAScheduleRunsANight(t *testing.T) {
	t.Parallel()
	c := dial(t, "default")
	release := make(chan struct{})
	holds.Store(batch.Name("scheduled-night"), release)
	m := open("scheduled-night")
	s, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: m}, Paused: true})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Paused || s.Name != "scheduled-night" {
		t.Errorf("%+v", s)
	}
	if err := c.TriggerSchedule(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	id := batch.NewID("scheduled-night", night(t, m))
	n := untilFound(t, c, id)
	if !strings.HasPrefix(n.WorkflowID, "scheduled/scheduled-night-") {
		t.Errorf("it runs as %s", n.WorkflowID)
	}
	until(t, n, func(v nightly.View) bool { return v.Progress.Jobs.Succeeded == 1 })
	if again := start(t, c, m); !again.Running || again.RunID != n.RunID || again.Batch != id {
		t.Errorf("another door: %+v, want to be attached to %s", again, n.WorkflowID)
	}
	untilRun(t, c, s.ID, func(r nightly.ScheduleRun) bool { return r.State == "running" && r.Batch == id })
	if err := c.TriggerSchedule(t.Context(), s.ID); batch.KindOf(err) != batch.NightClaimed || !strings.Contains(err.Error(), n.WorkflowID) {
		t.Errorf("while it runs: %v", err)
	}
	close(release)
	if r, err := n.Wait(t.Context()); err != nil || r.Jobs.Succeeded != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	run := untilRun(t, c, s.ID, func(r nightly.ScheduleRun) bool { return r.State != "running" })
	if run.State != workflows.StateDone || run.Batch != id || run.RunID != n.RunID {
		t.Errorf("%+v", run)
	}
}

// TestAScheduleTellsHowItEnded: a night that was refused, one that failed its
// audit, one that runs as another workflow, and the books of a night.
func TestAScheduleTellsHowItEnded(t *testing.T) {
	t.Parallel()
	c := dial(t, "default")
	for name, want := range map[string]nightly.ScheduleRun{
		"refused-schedule":   {State: workflows.StateRefused, Kind: batch.CreditsTooLow, Why: "$1.00 of $1.50"},
		"missed-schedule":    {State: workflows.StateFailed, Kind: batch.DiscountMissed, Why: "1 job paid the day price"},
		"elsewhere-schedule": {State: workflows.StateElsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: open(name)}, Paused: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.TriggerSchedule(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			r := untilRun(t, c, s.ID, func(r nightly.ScheduleRun) bool { return r.State != "running" })
			if r.State != want.State || r.Kind != want.Kind || r.Why != want.Why {
				t.Errorf("%+v", r)
			}
			if want.State != workflows.StateRefused && r.Batch.Name() != batch.Name(name) {
				t.Errorf("it ran %q", r.Batch)
			}
		})
	}
	t.Run("reconcile", func(t *testing.T) {
		t.Parallel()
		s, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Reconcile: true, Paused: true})
		if err != nil {
			t.Fatal(err)
		}
		if s.ID != "reconcile" || s.Kind != nightly.KindReconcile || s.At != "10:00" || s.Zone != "America/Los_Angeles" || s.Next[0].Format("15:04:05") != "10:00:00" {
			t.Errorf("%+v", s)
		}
		// Two days that it missed, made up for one after the other: the hands are
		// asked for the night that was over at 10:00 on either.
		from := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
		if err := c.BackfillSchedule(t.Context(), s.ID, from, from.Add(48*time.Hour)); err != nil {
			t.Fatal(err)
		}
		s = untilSchedule(t, c, s.ID, func(s nightly.Schedule) bool {
			return len(s.Recent) == 2 && s.Recent[0].State == workflows.StateDone && s.Recent[1].State == workflows.StateDone
		})
		for i, r := range s.Recent {
			asked, ok := asOf.Load(r.Due.UTC().Format(time.RFC3339))
			if want := time.Date(2026, 1, 3-i, 18, 0, 0, 0, time.UTC); !r.Due.Equal(want) || !ok || !asked.(time.Time).Equal(want) {
				t.Errorf("run %d: %+v, asked as of %v", i, r, asked)
			}
		}
	})
}

// untilFound looks for a batch's night until there is one.
func untilFound(t *testing.T, c *nightly.Client, id batch.ID) nightly.Night {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := c.Find(t.Context(), id)
		if err == nil {
			return n
		}
		if batch.KindOf(err) != batch.NotFound {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

// untilSchedule looks at a schedule until it is as wanted.
func untilSchedule(t *testing.T, c *nightly.Client, id string, want func(nightly.Schedule) bool) nightly.Schedule {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := c.Schedule(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if want(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("never as wanted; last %+v", s)
		}
	}
}

// untilRun looks at a schedule's last run until it is as wanted.
func untilRun(t *testing.T, c *nightly.Client, id string, want func(nightly.ScheduleRun) bool) nightly.ScheduleRun {
	t.Helper()
	return untilSchedule(t, c, id, func(s nightly.Schedule) bool { return len(s.Recent) > 0 && want(s.Recent[0]) }).Recent[0]
}

// TestANightIsMadeUpForWhileItIsOpen: a start that was missed an hour ago can
// still be made, and the run says when it was due.
func TestANightIsMadeUpForWhileItIsOpen(t *testing.T) {
	t.Parallel()
	c := dial(t, "default")
	now := time.Now().UTC()
	due := now.Add(-time.Hour).Truncate(time.Minute)
	s, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{
		Night: nightly.Request{Manifest: open("made-up")}, At: due.Format("15:04"), Paused: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.BackfillSchedule(t.Context(), s.ID, now.Add(-90*time.Minute), now); err != nil {
		t.Fatal(err)
	}
	r := untilRun(t, c, s.ID, func(r nightly.ScheduleRun) bool { return r.State != "running" })
	if r.State != workflows.StateDone || !r.Due.Equal(due) || r.Started.Before(now.Truncate(time.Second)) {
		t.Errorf("%+v, due %s", r, due)
	}
}

// TestUselessBackfills are refused with what to do instead.
func TestUselessBackfills(t *testing.T) {
	t.Parallel()
	at := func(clock string) time.Time {
		when, err := time.Parse(time.RFC3339, clock)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	c := dial(t, lonely)
	if _, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: pacific("past")}, Paused: true}); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]struct{ now, from, to, says string }{
		"by day":          {"2026-11-22T12:00:00-08:00", "2026-11-15T00:00:00-08:00", "2026-11-22T00:00:00-08:00", "no night is open now"},
		"another night":   {"2026-11-22T23:00:00-08:00", "2026-11-15T00:00:00-08:00", "2026-11-22T00:00:00-08:00", "2026-11-22, doesn't lie in that range"},
		"as good as over": {"2026-11-23T05:30:00-08:00", "2026-11-22T20:00:00-08:00", "2026-11-23T05:00:00-08:00", "as good as over"},
		"to come":         {"2026-11-22T12:00:00-08:00", "2026-11-22T00:00:00-08:00", "2026-11-23T00:00:00-08:00", "lies ahead"},
		"backwards":       {"2026-11-22T12:00:00-08:00", "2026-11-21T00:00:00-08:00", "2026-11-20T00:00:00-08:00", "isn't before"},
		"too much":        {"2026-11-22T12:00:00-08:00", "2020-11-21T00:00:00-08:00", "2026-11-20T00:00:00-08:00", "longer than a year"},
	} {
		err := c.WithClock(func() time.Time { return at(b.now) }).BackfillSchedule(t.Context(), "past", at(b.from), at(b.to))
		if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), b.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err := c.Schedule(t.Context(), "past"); err != nil || len(s.Recent) != 0 {
		t.Errorf("something was started: %+v, %v", s, err)
	}
}
