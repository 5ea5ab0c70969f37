package nightly

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/tariff"
)

// shownNext is how many starts to come are shown: as many as a list has.
const shownNext = 5

// Schedules are all that start a workflow of ours, by id, whoever made them.
// What a list doesn't say is left empty: how late it may start, and how its
// runs ended. One that was made or changed a moment ago may not be in it yet.
func (c *Client) Schedules(ctx context.Context) ([]Schedule, error) {
	all := []Schedule{}
	list, err := c.temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, c.fault(ctx, "list schedules", "", err)
	}
	for list.HasNext() {
		e, err := list.Next()
		if err != nil {
			return nil, c.fault(ctx, "list schedules", "", err)
		}
		s := Schedule{ID: e.ID, Paused: e.Paused, Note: e.Note, Recent: runsOf(e.RecentActions)}
		if s.Kind = kindOf(e.WorkflowType.Name); s.Kind == "" {
			continue
		}
		_ = s.fill(c, e.Memo, e.Spec, e.NextActionTimes) // what can't be read is left empty: of one alone it is said
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Schedule) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Schedule is one schedule with its next starts and how its last runs ended.
// Kind NotFound when there is none of that id, or it starts something that
// isn't ours.
func (c *Client) Schedule(ctx context.Context, id string) (Schedule, error) {
	s, _, err := c.schedule(ctx, id)
	if err != nil {
		return Schedule{}, err
	}
	for i := range s.Recent {
		if err := c.howItEnded(ctx, s.Kind, &s.Recent[i]); err != nil {
			return Schedule{}, err
		}
	}
	return s, nil
}

// schedule is a schedule without how its runs ended, and what steers it.
func (c *Client) schedule(ctx context.Context, id string) (Schedule, client.ScheduleHandle, error) {
	none := func() *batch.Fault {
		return &batch.Fault{
			Kind: batch.NotFound, Op: "find schedule", Thing: id, Detail: "Temporal knows none of offpeak's by that id",
			Hint: "starter schedule list shows those there are",
		}
	}
	if id == "" {
		return Schedule{}, nil, none()
	}
	h := c.temporal.ScheduleClient().GetHandle(ctx, id)
	d, err := h.Describe(ctx)
	if err != nil {
		f := c.fault(ctx, "find schedule", id, err)
		if f.Kind == batch.NotFound && f.Detail == "" {
			f = none()
		}
		return Schedule{}, nil, f
	}
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok {
		return Schedule{}, nil, none()
	}
	name, _ := action.Workflow.(string)
	s := Schedule{
		ID: id, Kind: kindOf(name), WorkflowID: action.ID, CatchUp: d.Schedule.Policy.CatchupWindow.String(),
		Paused: d.Schedule.State.Paused, Note: d.Schedule.State.Note, Recent: runsOf(d.Info.RecentActions),
		Missed: d.Info.NumActionsMissedCatchupWindow, Skipped: d.Info.NumActionsSkippedOverlap,
	}
	if s.Kind == "" {
		return Schedule{}, nil, none()
	}
	if len(action.Args) == 1 {
		if p, ok := action.Args[0].(*commonpb.Payload); ok {
			var raw json.RawMessage
			if f := asFault(c.data.FromPayload(p, &raw)); f != nil { // a key is missing; who made it otherwise may have put anything there
				return Schedule{}, nil, f
			}
			s.input = string(raw)
		}
	}
	if err := s.fill(c, d.Memo, d.Schedule.Spec, d.Info.NextActionTimes); err != nil {
		return Schedule{}, nil, err
	}
	return s, h, nil
}

// fill reads what list and description have in common: who made it says it in
// the memo, when it fires only the spec says, which people can change. A memo
// that can't be read says nothing, as one that isn't there; that it is for want
// of a key is the error.
func (s *Schedule) fill(c *Client, about *commonpb.Memo, spec *client.ScheduleSpec, next []time.Time) error {
	var (
		m   memo
		err error
	)
	if p, ok := about.GetFields()[memoKey]; ok {
		if f := asFault(c.data.FromPayload(p, &m)); f != nil {
			err = f
		}
	}
	s.describe(c.now(), m, spec, next)
	return err
}

func (s *Schedule) describe(now time.Time, m memo, spec *client.ScheduleSpec, next []time.Time) {
	s.window = tariff.SwarmsWindow()
	if m.Window != nil {
		s.window = *m.Window
	}
	s.Name, s.Manifest = batch.Name(m.Name), m.Manifest
	if m.Kind == "" && s.input != "" { // made by other people
		s.Name, s.Manifest = named(s.input)
		if whole, err := manifest.Read("input", []byte(s.input)); err == nil {
			s.window = whole.Window
		}
	}
	s.Next = []time.Time{}
	s.Zone = "UTC"
	if spec == nil {
		return
	}
	s.Zone = or(spec.TimeZoneName, "UTC")
	loc, err := tariff.Location(s.Zone)
	if err != nil {
		loc = time.UTC // the server knows a zone that this binary doesn't
	}
	for _, t := range next[:min(len(next), shownNext)] {
		s.Next = append(s.Next, t.In(loc))
	}
	clock, days, one := timeOfDay(spec)
	if !one {
		return
	}
	s.At = clock.String()
	sc := scheduled{kind: s.Kind, at: clock, zone: s.Zone, loc: loc}
	shift := 0
	if s.Kind == KindNight && len(s.Next) > 0 {
		if span, ok := s.anyNight(s.Next[0]); ok {
			opens, _ := time.Parse(time.DateOnly, string(span.Night)) // the window made it
			shift = int(opens.Weekday()) - int(s.Next[0].Weekday())
		}
	}
	for _, d := range days {
		s.Days = append(s.Days, weekday(shifted(d, shift)))
	}
	if s.Kind == KindNight {
		s.Change = s.change(now, sc)
	}
}

// anyNight is the night that t lies in, whatever its day of the week.
func (s *Schedule) anyNight(t time.Time) (tariff.Span, bool) {
	w := s.window
	w.Weekdays = nil
	return nightOf(w, t)
}

// change is the next night, within a year, that a change of the clocks makes
// longer or shorter.
func (s *Schedule) change(now time.Time, sc scheduled) *ClockChange {
	today := now.In(sc.loc)
	for i := range 366 {
		t, there := sc.due(time.Date(today.Year(), today.Month(), today.Day()+i, 0, 0, 0, 0, time.UTC))
		span, in := s.anyNight(t)
		if !there || !in || t.Before(now) || len(s.Days) > 0 && !slices.Contains(s.Days, weekday(span.Opens.Weekday())) {
			continue
		}
		_, before := span.Opens.Zone()
		_, after := span.Closes.Zone()
		if before != after {
			return &ClockChange{Night: span.Night, Start: t, Length: span.Length().String(), Back: after < before}
		}
	}
	return nil
}

// timeOfDay is when a spec fires, if that is one time of day on some days of
// the week and nothing else.
func timeOfDay(spec *client.ScheduleSpec) (at tariff.Clock, days []time.Weekday, one bool) {
	if len(spec.Calendars) != 1 || len(spec.Intervals)+len(spec.CronExpressions) > 0 {
		return 0, nil, false
	}
	c := spec.Calendars[0]
	single := func(rs []client.ScheduleRange) (int, bool) {
		switch {
		case len(rs) == 0:
			return 0, true
		case len(rs) == 1 && max(rs[0].Start, rs[0].End) == rs[0].Start:
			return rs[0].Start, true
		}
		return 0, false
	}
	h, okH := single(c.Hour)
	m, okM := single(c.Minute)
	sec, okS := single(c.Second)
	whole := func(rs []client.ScheduleRange, from, to int) bool {
		return len(rs) == 0 || len(rs) == 1 && rs[0].Start <= from && rs[0].End >= to && rs[0].Step <= 1
	}
	if !okH || !okM || !okS || !whole(c.DayOfMonth, 1, 31) || !whole(c.Month, 1, 12) || len(c.Year) > 0 {
		return 0, nil, false
	}
	if !whole(c.DayOfWeek, 0, 6) {
		for d := time.Sunday; d <= time.Saturday; d++ {
			for _, r := range c.DayOfWeek {
				if int(d) >= r.Start && int(d) <= max(r.Start, r.End) && (int(d)-r.Start)%max(r.Step, 1) == 0 {
					days = append(days, d)
					break
				}
			}
		}
	}
	return tariff.Clock(h*3600 + m*60 + sec), days, true
}

// named is the name of the manifest that an input is, or where it is.
func named(input string) (batch.Name, string) {
	var in struct {
		Name     string   `json:"name"`
		Manifest string   `json:"manifest"`
		Batch    batch.ID `json:"batch"`
	}
	if json.Unmarshal([]byte(input), &in) != nil {
		return "", ""
	}
	if in.Batch != "" {
		return in.Batch.Name(), ""
	}
	return batch.Name(in.Name), in.Manifest
}

// runsOf is what a schedule started, newest first.
func runsOf(actions []client.ScheduleActionResult) []ScheduleRun {
	runs := []ScheduleRun{}
	for _, a := range slices.Backward(actions) {
		if a.StartWorkflowResult == nil {
			continue
		}
		runs = append(runs, ScheduleRun{
			Due: a.ScheduleTime, Started: a.ActualTime,
			WorkflowID: a.StartWorkflowResult.WorkflowID, RunID: a.StartWorkflowResult.FirstExecutionRunID,
		})
	}
	return runs
}

// clock is when a schedule is due each day, of one that has a time of day.
func (s Schedule) clock() (scheduled, error) {
	at, err := tariff.ParseClock(s.At)
	if err != nil {
		return scheduled{}, scheduleFault("read schedule", s.ID, "it isn't due at one time of day", "it was made with Temporal's own tools, which also steer it: temporal schedule --help")
	}
	loc, err := tariff.Location(s.Zone)
	if err != nil {
		return scheduled{}, scheduleFault("read schedule", s.ID, "zone "+s.Zone+" isn't known here", "temporal schedule steers it")
	}
	return scheduled{kind: s.Kind, at: at, zone: s.Zone, loc: loc}, nil
}
