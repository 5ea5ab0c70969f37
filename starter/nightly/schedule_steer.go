package nightly

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
)

// PauseSchedule has a schedule start nothing until ResumeSchedule. A night that
// it has started goes on: [Client.Pause] holds that. by and why are kept in the
// schedule's note.
func (c *Client) PauseSchedule(ctx context.Context, id, by, why string) (Schedule, error) {
	return c.holdSchedule(ctx, "pause schedule", id, by, func(h client.ScheduleHandle) error {
		return h.Pause(ctx, client.SchedulePauseOptions{Note: "paused " + batch.Pause{By: by, Why: why}.String()})
	})
}

// ResumeSchedule undoes PauseSchedule. What was due meanwhile isn't started.
func (c *Client) ResumeSchedule(ctx context.Context, id, by, why string) (Schedule, error) {
	return c.holdSchedule(ctx, "resume schedule", id, by, func(h client.ScheduleHandle) error {
		return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: "resumed " + batch.Pause{By: by, Why: why}.String()})
	})
}

func (c *Client) holdSchedule(ctx context.Context, op, id, by string, do func(client.ScheduleHandle) error) (Schedule, error) {
	if strings.TrimSpace(by) == "" {
		return Schedule{}, scheduleFault(op, id, "nobody is named: say who orders it", "by is shown with the schedule, wherever that is shown")
	}
	_, h, err := c.schedule(ctx, id)
	if err != nil {
		return Schedule{}, err
	}
	if err := do(h); err != nil {
		return Schedule{}, c.fault(ctx, op, id, err)
	}
	return c.Schedule(ctx, id)
}

// TriggerSchedule has a schedule start now what it would start at its time. A
// night that is asked for by day waits for its opening; it doesn't start by day.
// While the schedule's last run still goes on nothing would be started, which is
// a fault of kind NightClaimed.
func (c *Client) TriggerSchedule(ctx context.Context, id string) error {
	const op = "trigger schedule"
	s, h, err := c.schedule(ctx, id)
	if err != nil {
		return err
	}
	if err := c.idleSchedule(ctx, op, s); err != nil {
		return err
	}
	if err := h.Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
		return c.fault(ctx, op, id, err)
	}
	return nil
}

// idleSchedule is a fault while the schedule's last run goes on.
func (c *Client) idleSchedule(ctx context.Context, op string, s Schedule) error {
	if len(s.Recent) == 0 {
		return nil
	}
	last := s.Recent[0]
	if err := c.howItEnded(ctx, s.Kind, &last); err != nil {
		return err
	}
	if last.State != "running" {
		return nil
	}
	f := &batch.Fault{
		Kind: batch.NightClaimed, Op: op, Thing: s.ID, Detail: "its last run still goes on, as " + last.WorkflowID + ": another one would be skipped",
		Hint: "follow that one, or cancel it first",
	}
	if last.Batch != "" {
		f.Hint = "starter watch " + string(last.Batch) + " follows it, starter cancel ends it"
	}
	return f
}

// mostBackfill bounds a backfill: a thousand starts are all that a schedule
// keeps waiting.
const mostBackfill = 366 * 24 * time.Hour

// BackfillSchedule starts what a schedule missed between two instants.
//
// Daily work is made up for day by day, one after the other, each as of its
// time. A night can't be: its cheap hours are gone,
// and whatever is started now runs in hours to come. Only the night that is
// open now can still be started, when its start lies in the range and a job
// still ends in time; for any other range the fault, of kind BadInput, says what
// to do instead.
func (c *Client) BackfillSchedule(ctx context.Context, id string, from, to time.Time) error {
	const op = "backfill schedule"
	now := c.now()
	layout := "2006-01-02 15:04:05 MST"
	switch {
	case !from.Before(to):
		return scheduleFault(op, id, fmt.Sprintf("from %s isn't before to %s", from.Format(layout), to.Format(layout)), "name a time that was")
	case to.After(now):
		return scheduleFault(op, id, fmt.Sprintf("to %s lies ahead", to.Format(layout)), "what is to come the schedule starts by itself; name a time that was")
	case to.Sub(from) > mostBackfill:
		return scheduleFault(op, id, fmt.Sprintf("%s is longer than a year", to.Sub(from)), "make up for less at a time")
	}
	s, h, err := c.schedule(ctx, id)
	if err != nil {
		return err
	}
	overlap := enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL
	if s.Kind == KindNight {
		due, err := s.stillOpen(now, from, to)
		if err != nil {
			return err
		}
		if err := c.idleSchedule(ctx, op, s); err != nil {
			return err
		}
		from, to, overlap = due.Add(-time.Second), due.Add(time.Second), enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
	}
	err = h.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{Start: from, End: to, Overlap: overlap}}})
	if err != nil {
		return c.fault(ctx, op, id, err)
	}
	return nil
}

// stillOpen is the start, between from and to, of the night that is open now.
func (s Schedule) stillOpen(now, from, to time.Time) (time.Time, error) {
	useless := func(why string) error {
		return scheduleFault("backfill schedule", s.ID, why+"; nothing starts by day, and what is started now runs in the next night, as the schedule's own start does",
			"starter schedule trigger "+s.ID+" starts the next night now, and has it wait for its opening; starter run with the manifest does, too")
	}
	clock, err := s.clock()
	if err != nil {
		return time.Time{}, err
	}
	span, open := s.window.During(now)
	if !open {
		return time.Time{}, useless("no night is open now: the cheap hours of a past one are gone")
	}
	for _, day := range []int{-1, 0, 1} {
		local := now.In(clock.loc)
		due, there := clock.due(time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, time.UTC))
		of, in := nightOf(s.window, due)
		if !there || !in || of.Night != span.Night || due.Before(from) || due.After(to) {
			continue
		}
		if now.After(span.Deadline) {
			return time.Time{}, useless("the night of " + string(span.Night) + " is as good as over: its last job has to end by " + span.Deadline.Format("15:04 MST"))
		}
		return due, nil
	}
	return time.Time{}, useless(fmt.Sprintf("the start of the night that is open now, %s, doesn't lie in that range", span.Night))
}

// DeleteSchedule removes a schedule. A night that it has started goes on.
func (c *Client) DeleteSchedule(ctx context.Context, id string) error {
	_, h, err := c.schedule(ctx, id)
	if err != nil {
		return err
	}
	if err := h.Delete(ctx); err != nil {
		return c.fault(ctx, "delete schedule", id, err)
	}
	return nil
}
