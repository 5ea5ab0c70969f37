package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/nightly"
)

type (
	SchedulePath struct {
		ID string `path:"id" maxLength:"200" doc:"The schedule's id" example:"market-digest"`
	}
	newSchedule struct {
		ID        string         `json:"id,omitempty" doc:"By default the manifest's name, and the kind of daily work" example:"market-digest"`
		Manifest  scheduledInput `json:"manifest,omitempty" doc:"A whole manifest, which stays as it is now, or the URL of one, which is read anew each night"`
		Name      string         `json:"name,omitempty" doc:"The manifest's name: needed with a URL that this server can't read"`
		Daily     string         `json:"daily,omitempty" enum:"watch,export,purge,reconcile" doc:"Instead of a night, every morning: judge what was spent, keep the provider's log, delete what is old, or compare the books of the night that is over"`
		Reconcile bool           `json:"reconcile,omitempty" doc:"The older way to say daily: reconcile"`
		At        string         `json:"at,omitempty" doc:"A time of day: by default the window's start_at; of daily work 07:00, 08:00, 09:00 and 10:00" example:"21:00"`
		Zone      string         `json:"zone,omitempty" doc:"By default the window's" example:"America/Los_Angeles"`
		Days      []string       `json:"days,omitempty" enum:"mon,tue,wed,thu,fri,sat,sun" doc:"Nights by the day on which they open; every night by default"`
		CatchUp   string         `json:"catch_up,omitempty" doc:"How late it may still start; 6h by default, or less where a night leaves less" example:"6h"`
		Paused    bool           `json:"paused,omitempty" doc:"Made, and held until it is resumed"`
		Note      string         `json:"note,omitempty" maxLength:"500" doc:"One line for people"`
	}
	stretch struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	}
	scheduleOutput struct{ Body nightly.Schedule }
	scheduleMade   struct {
		Location string `header:"Location"`
		Body     nightly.Schedule
	}
	schedules struct {
		Schedules []nightly.Schedule `json:"schedules" nullable:"false"`
	}
	schedulesOutput struct{ Body schedules }
	scheduleInput   struct {
		SchedulePath
		Payload
	}
)

func (a *API) scheduleOperations() {
	missing := []int{http.StatusNotFound}
	register(a, operation{
		id: "list-schedules", method: http.MethodGet, path: "/v1/schedules", tag: tagSchedule, scope: read,
		summary: "List schedules",
		text:    "All that start a workflow of offpeak, whoever made them. What a list doesn't say is left empty: how late it may start, and how its runs ended.",
	}, func(ctx context.Context, _ *struct{}) (*schedulesOutput, error) {
		all, err := a.Client.Schedules(ctx)
		if err != nil {
			return nil, err
		}
		return &schedulesOutput{schedules{all}}, nil
	})
	register(a, operation{
		id: "create-schedule", method: http.MethodPost, path: "/v1/schedules", tag: tagSchedule, scope: operate, status: http.StatusCreated,
		errors:  []int{http.StatusNotFound, http.StatusConflict},
		summary: "Start a night, or daily work, again and again",
		text:    "Fires by the calendar of a time zone, so that 21:00 Pacific stays 21:00 Pacific over a change of the clocks. A start is left out while the last run still goes on, and when it would come too late. Everything that is wrong is said at once.",
		body:    jsonBody[newSchedule](a, "What to start, and when", true, `{"manifest":"file:///srv/nights/digest.yaml","at":"21:00"}`),
	}, a.createSchedule)
	register(a, operation{
		id: "show-schedule", method: http.MethodGet, path: "/v1/schedules/{id}", tag: tagSchedule, scope: read, errors: missing,
		summary: "Show a schedule", text: "With its next five starts and how its last runs ended.",
	}, func(ctx context.Context, in *SchedulePath) (*scheduleOutput, error) {
		s, err := a.Client.Schedule(ctx, in.ID)
		return &scheduleOutput{s}, err
	})
	register(a, operation{
		id: "delete-schedule", method: http.MethodDelete, path: "/v1/schedules/{id}", tag: tagSchedule, scope: operate, status: http.StatusNoContent, errors: missing,
		summary: "Delete a schedule", text: "A night that it has started goes on.",
	}, func(ctx context.Context, in *SchedulePath) (*struct{}, error) {
		return nil, a.Client.DeleteSchedule(ctx, in.ID)
	})
	for _, v := range []struct {
		name, summary, text string
		do                  func(*nightly.Client, context.Context, string, string, string) (nightly.Schedule, error)
	}{
		{"pause", "Have a schedule start nothing", "A night that it has started goes on: pause that by itself.", (*nightly.Client).PauseSchedule},
		{"resume", "Undo a pause", "What was due meanwhile isn't started.", (*nightly.Client).ResumeSchedule},
	} {
		register(a, operation{
			id: v.name + "-schedule", method: http.MethodPost, path: "/v1/schedules/{id}/" + v.name, tag: tagSchedule, scope: operate, errors: missing,
			summary: v.summary, text: v.text, body: jsonBody[reason](a, "Why; may be left out", false, `{"why":"holidays"}`),
		}, func(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
			body, err := in.whole(v.name, maxOrder)
			if err != nil {
				return nil, err
			}
			o, err := decode[reason](a, v.name, body)
			if err != nil {
				return nil, err
			}
			k, _ := keys.From(ctx)
			s, err := v.do(a.Client, ctx, in.ID, by(k), o.Why)
			return &scheduleOutput{s}, err
		})
	}
	register(a, operation{
		id: "trigger-schedule", method: http.MethodPost, path: "/v1/schedules/{id}/trigger", tag: tagSchedule, scope: operate, status: http.StatusAccepted,
		errors:  []int{http.StatusNotFound, http.StatusConflict},
		summary: "Start now what a schedule starts", text: "A night that is asked for by day waits for its opening. 409 while the last run still goes on.",
	}, func(ctx context.Context, in *SchedulePath) (*scheduleOutput, error) {
		if err := a.Client.TriggerSchedule(ctx, in.ID); err != nil {
			return nil, err
		}
		s, err := a.Client.Schedule(ctx, in.ID)
		return &scheduleOutput{s}, err
	})
	register(a, operation{
		id: "backfill-schedule", method: http.MethodPost, path: "/v1/schedules/{id}/backfill", tag: tagSchedule, scope: operate, status: http.StatusAccepted,
		errors:  missing,
		summary: "Make up for missed starts",
		text:    "Of daily work, day by day. A night can't be made up for, its cheap hours are gone: only the one that is open now can still be started.",
		body:    jsonBody[stretch](a, "From when to when", true, `{"from":"2026-11-20T00:00:00Z","to":"2026-11-22T00:00:00Z"}`),
	}, func(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
		body, err := in.whole("backfill", maxOrder)
		if err != nil {
			return nil, err
		}
		o, err := decode[stretch](a, "backfill", body)
		if err != nil {
			return nil, err
		}
		if err := a.Client.BackfillSchedule(ctx, in.ID, o.From, o.To); err != nil {
			return nil, err
		}
		s, err := a.Client.Schedule(ctx, in.ID)
		return &scheduleOutput{s}, err
	})
}

func (a *API) createSchedule(ctx context.Context, in *struct{ Payload }) (*scheduleMade, error) {
	const op = "create-schedule"
	body, err := in.whole(op, maxBody)
	if err != nil {
		return nil, err
	}
	o, err := decode[newSchedule](a, op, body)
	if err != nil {
		return nil, err
	}
	r := nightly.ScheduleRequest{ID: o.ID, Daily: o.Daily, Reconcile: o.Reconcile, At: o.At, Zone: o.Zone, Paused: o.Paused, Note: o.Note}
	for _, d := range o.Days {
		r.Days = append(r.Days, weekdays[d])
	}
	if o.CatchUp != "" {
		if r.CatchUp, err = time.ParseDuration(o.CatchUp); err != nil {
			return nil, bad(op, "catch_up", quoted(o.CatchUp)+" is no duration", "write it as 6h or 90m")
		}
	}
	if r.Night, err = a.scheduledNight(ctx, o); err != nil {
		return nil, err
	}
	s, err := a.Client.CreateSchedule(ctx, r)
	if err != nil {
		return nil, scheduleFault(err)
	}
	return &scheduleMade{"/v1/schedules/" + s.ID, s}, nil
}

var weekdays = map[string]time.Weekday{
	"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday,
}

// scheduledNight is what is started each time.
func (a *API) scheduledNight(ctx context.Context, o newSchedule) (nightly.Request, error) {
	if len(o.Manifest) == 0 {
		return nightly.Request{}, nil
	}
	var ref string
	if json.Unmarshal(o.Manifest, &ref) != nil {
		w, err := a.inline(ctx, o.Manifest)
		return w.request, err
	}
	fields := map[string]string{"manifest": ref}
	if o.Name != "" {
		fields["name"] = o.Name
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nightly.Request{}, err
	}
	w, err := a.reference(ctx, "create-schedule", body)
	return w.request, err
}

// scheduleFault shows each mistake at its field, and an id that is taken as a
// conflict.
func scheduleFault(err error) error {
	var (
		f  *batch.Fault
		ps nightly.Problems
	)
	if !errors.As(err, &f) {
		return err
	}
	if errors.Is(err, nightly.ErrScheduleExists) {
		out := *f
		out.Kind = problem.Conflict
		return &out
	}
	p := problem.Of(f)
	if errors.As(err, &ps) && len(p.Errors) == 0 {
		for _, e := range ps {
			detail := e.Message
			if e.Value != "" {
				detail = strings.TrimSpace(fmt.Sprintf("%q %s", e.Value, e.Message))
			}
			p.Errors = append(p.Errors, problem.Item{Detail: detail, Field: e.Field, Source: "body"})
		}
	}
	return p
}

// scheduledInput is a manifest or the URL of one.
type scheduledInput []byte
