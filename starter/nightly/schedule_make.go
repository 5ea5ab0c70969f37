package nightly

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// memoKey is under what a schedule's memo holds what it is.
const memoKey = "offpeak"

// memo is what a schedule is, for those who find it in Temporal.
type memo struct {
	Kind     string         `json:"kind"`
	Name     string         `json:"name,omitempty"`
	Manifest string         `json:"manifest,omitempty"`
	At       string         `json:"at"`
	Zone     string         `json:"zone"`
	Window   *tariff.Window `json:"window,omitempty"`
}

// scheduledID is what the workflow ids of a schedule's runs begin with;
// Temporal appends the time at which the run was due. It is none that a night
// of another door has: the ledger, and not the id, keeps a night to one run.
func scheduledID(id string) string { return "scheduled/" + id }

// CreateSchedule has Temporal start a night, or daily work, again and again. It fires by the calendar of a time zone, so that 21:00 Pacific stays
// 21:00 Pacific over a change of the clocks; it skips a start while the last run
// still goes on; and it starts nothing that comes later than CatchUp, when
// Temporal was away.
//
// Everything that is wrong with the request is one fault of kind BadInput, with
// Problems as its cause. So is an id that is taken: errors.Is ErrScheduleExists.
func (c *Client) CreateSchedule(ctx context.Context, r ScheduleRequest) (Schedule, error) {
	s, err := r.check(c.now())
	if err != nil {
		return Schedule{}, err
	}
	_, err = c.temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: s.id,
		Spec: client.ScheduleSpec{
			Calendars:    []client.ScheduleCalendarSpec{s.calendar()},
			TimeZoneName: s.zone,
		},
		Action: &client.ScheduleWorkflowAction{
			ID: scheduledID(s.id), Workflow: s.workflow, TaskQueue: workflows.TaskQueue, Args: []any{s.input},
			StaticSummary: s.summary(), StaticDetails: s.details(),
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: s.catchUp,
		Note:          r.Note,
		Paused:        r.Paused,
		Memo:          map[string]any{memoKey: s.memo()},
	})
	switch {
	case errors.Is(err, temporal.ErrScheduleAlreadyRunning):
		f := scheduleFault("create schedule", s.id, ErrScheduleExists.Error(), "starter schedule show "+s.id+" shows it; give this one another id, or delete that one first")
		f.Err = ErrScheduleExists
		return Schedule{}, f
	case err != nil:
		return Schedule{}, c.fault(ctx, "create schedule", s.id, err)
	}
	return c.Schedule(ctx, s.id)
}

// calendar is the spec: one time of day, on some days of the week.
func (s scheduled) calendar() client.ScheduleCalendarSpec {
	only := func(n int) []client.ScheduleRange { return []client.ScheduleRange{{Start: n}} }
	c := client.ScheduleCalendarSpec{
		Hour: only(int(s.at) / 3600), Minute: only(int(s.at) / 60 % 60), Second: only(int(s.at) % 60),
		Comment: s.when(),
	}
	for _, d := range s.on {
		c.DayOfWeek = append(c.DayOfWeek, client.ScheduleRange{Start: int(d)})
	}
	return c
}

func (s scheduled) memo() memo {
	m := memo{Kind: s.kind, Name: string(s.name), Manifest: s.ref, At: s.at.String(), Zone: s.zone}
	if s.kind == KindNight {
		m.Window = &s.window
	}
	return m
}

// when is "every night at 21:00 America/Los_Angeles".
func (s scheduled) when() string {
	each, on := "every day", "on "
	if s.kind == KindNight {
		each, on = "every night", "the nights of "
	}
	if len(s.days) > 0 {
		names := make([]string, len(s.days))
		for i, d := range s.days {
			names[i] = d.String()
		}
		each = on + strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s at %s %s", each, s.at, s.zone)
}

// summary is the line that the Temporal UI shows beside a run.
func (s scheduled) summary() string {
	if d, ok := dailyOf(s.kind); ok {
		return d.summary
	}
	return "Night of " + string(s.name)
}

// details is what the Temporal UI shows under a run's name for good.
func (s scheduled) details() string {
	d := fmt.Sprintf("Started by the schedule **%s**: %s\n\n", s.id, s.when())
	if w, ok := dailyOf(s.kind); ok {
		return d + "- " + w.does + "\n"
	}
	d += fmt.Sprintf("- window %s to %s %s\n", s.window.Open, s.window.Close, s.window.Zone)
	if s.ref != "" {
		d += "- manifest " + s.ref + "\n"
	}
	return d
}
