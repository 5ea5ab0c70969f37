package nightly_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

// pacific is a manifest in the Swarms window.
func pacific(name string) json.RawMessage {
	return json.RawMessage(`{"name":"` + name + `","jobs":[{"name":"a","task":"t"}]}`)
}

// TestSchedule makes a schedule, reads it back from the server, steers it and
// takes it away.
func TestSchedule(t *testing.T) {
	t.Parallel()
	c := dial(t, lonely) // no worker: nothing here needs one
	s, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{
		Night: nightly.Request{Manifest: pacific("plain")}, Note: "for ada", Days: []time.Weekday{time.Sunday, time.Friday},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "plain" || s.Kind != nightly.KindNight || s.Name != "plain" || s.At != "21:00" || s.Zone != "America/Los_Angeles" ||
		s.CatchUp != "6h0m0s" || s.Paused || s.Note != "for ada" || strings.Join(s.Days, " ") != "sun fri" || s.WorkflowID != "scheduled/plain" || len(s.Recent) != 0 {
		t.Errorf("%+v", s)
	}
	if len(s.Next) != 5 {
		t.Fatalf("next %v", s.Next)
	}
	for _, at := range s.Next {
		if d := at.Weekday(); at.Format("15:04:05") != "21:00:00" || d != time.Sunday && d != time.Friday {
			t.Errorf("it starts %s", at)
		}
	}
	if _, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: pacific("plain")}}); batch.KindOf(err) != batch.BadInput || !errors.Is(err, nightly.ErrScheduleExists) {
		t.Errorf("made twice: %v", err)
	}
	p, err := c.PauseSchedule(t.Context(), "plain", "ada", "a holiday")
	if err != nil || !p.Paused || p.Note != "paused by ada: a holiday" {
		t.Errorf("pause: %+v, %v", p, err)
	}
	p, err = c.ResumeSchedule(t.Context(), "plain", "ada", "")
	if err != nil || p.Paused || p.Note != "resumed by ada" {
		t.Errorf("resume: %+v, %v", p, err)
	}
	if _, err := c.PauseSchedule(t.Context(), "plain", " ", ""); batch.KindOf(err) != batch.BadInput {
		t.Errorf("by nobody: %v", err)
	}
	if err := c.DeleteSchedule(t.Context(), "plain"); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"show":    second(c.Schedule(t.Context(), "plain")),
		"pause":   second(c.PauseSchedule(t.Context(), "plain", "ada", "")),
		"trigger": c.TriggerSchedule(t.Context(), "plain"),
		"delete":  c.DeleteSchedule(t.Context(), "plain"),
		"no id":   second(c.Schedule(t.Context(), "")),
	} {
		if batch.KindOf(err) != batch.NotFound {
			t.Errorf("%s of one that is gone: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestScheduleChecks: everything that is wrong is said, at its field, before
// anything is made.
func TestScheduleChecks(t *testing.T) {
	t.Parallel()
	c := dial(t, lonely).WithClock(func() time.Time { return time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC) })
	night := nightly.Request{Manifest: pacific("wrong")}
	weekdays := tariff.SwarmsWindow()
	weekdays.Weekdays = []time.Weekday{time.Monday}
	several := nightly.Request{Ref: "file:///n.yaml", Name: "several", Window: tariff.Several("America/Los_Angeles",
		tariff.Interval{Open: 0, Close: 6 * 3600, Weekdays: []time.Weekday{1, 2, 3, 4, 5}},
		tariff.Interval{Open: 12 * 3600, Close: 14 * 3600, Weekdays: []time.Weekday{1, 2, 3, 4, 5, 6}},
	)}
	for name, c2 := range map[string]struct {
		ask  nightly.ScheduleRequest
		says []string // fields
		text string
	}{
		"everything":      {nightly.ScheduleRequest{ID: "A b", Night: night, At: "25:00", Zone: "Mars/Olympus", Days: []time.Weekday{8}, CatchUp: 1}, []string{"id", "at", "zone", "days", "catch_up"}, "IANA"},
		"by day":          {nightly.ScheduleRequest{Night: night, At: "12:00"}, []string{"at"}, "no cheap hour"},
		"as it closes":    {nightly.ScheduleRequest{Night: night, At: "06:00"}, []string{"at"}, "outside the window"},
		"too late":        {nightly.ScheduleRequest{Night: night, At: "04:55"}, []string{"at"}, "has to end by 05:00 PST"},
		"skipped":         {nightly.ScheduleRequest{Night: night, At: "02:30"}, []string{"at"}, "Sun 2027-03-14"},
		"skipped morning": {nightly.ScheduleRequest{Reconcile: true, At: "02:30"}, []string{"at"}, "Sun 2027-03-14"},
		"another zone":    {nightly.ScheduleRequest{Night: night, At: "05:30", Zone: "Europe/Berlin"}, nil, ""},
		"outside in March": {
			nightly.ScheduleRequest{Night: night, At: "05:00", Zone: "UTC"}, nil, "",
		},
		"outside in summer": {nightly.ScheduleRequest{Night: night, At: "03:30", Zone: "UTC"}, []string{"at"}, "outside the window on Sun 2026-11-22"},
		"outside in winter": {nightly.ScheduleRequest{Night: night, At: "12:45", Zone: "UTC"}, []string{"at"}, "2027-03-1"},
		"caught up by day":  {nightly.ScheduleRequest{Night: night, CatchUp: 7 * time.Hour}, []string{"catch_up"}, "6h50m0s"},
		"a day late":        {nightly.ScheduleRequest{Reconcile: true, CatchUp: 25 * time.Hour}, []string{"catch_up"}, "24h0m0s"},
		"two of them":       {nightly.ScheduleRequest{Night: night, Reconcile: true}, []string{"night"}, "no manifest"},
		"no window": {
			nightly.ScheduleRequest{Night: nightly.Request{Ref: "file:///n.yaml", Name: "n", Window: tariff.Window{Zone: "UTC", Open: 3600, Close: 3600, StartAt: tariff.Unset, FinishBy: tariff.Unset}}, At: "1"}, []string{"window.close", "at"}, "leaves no window",
		},
		"several intervals":   {nightly.ScheduleRequest{Night: several, At: "00:05"}, nil, ""},
		"between two of them": {nightly.ScheduleRequest{Night: several, At: "09:00"}, nil, ""}, // waits for the afternoon's, or Saturday's
		"after all of them":   {nightly.ScheduleRequest{Night: several, At: "18:00"}, []string{"at"}, "isn't before the end of that date's cheap hours, 00:00 to 06:00 and 12:00 to 14:00 PST, or lies in those of the night before; take 00:07:30"},
		"a closed date":       {nightly.ScheduleRequest{Night: several, Days: []time.Weekday{time.Sunday}}, []string{"days"}, "doesn't open that night"},
		"always":              {nightly.ScheduleRequest{Night: nightly.Request{Ref: "file:///n.yaml", Name: "n", Window: tariff.AlwaysOpen("Europe/Berlin")}}, nil, ""},
		"a closed night": {
			nightly.ScheduleRequest{Night: nightly.Request{Ref: "file:///n.yaml", Name: "n", Window: weekdays}, Days: []time.Weekday{time.Tuesday}}, []string{"days"}, "doesn't open that night",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := c.CreateSchedule(t.Context(), c2.ask)
			if c2.says == nil {
				if err != nil {
					t.Fatal(err)
				}
				if err := c.DeleteSchedule(t.Context(), s.ID); err != nil {
					t.Error(err)
				}
				return
			}
			var ps nightly.Problems
			if batch.KindOf(err) != batch.BadInput || !errors.As(err, &ps) || !strings.Contains(err.Error(), c2.text) {
				t.Fatalf("%v", err)
			}
			var fields []string
			for _, p := range ps {
				fields = append(fields, p.Field)
			}
			if strings.Join(fields, " ") != strings.Join(c2.says, " ") {
				t.Errorf("%s: %v", strings.Join(fields, " "), err)
			}
		})
	}
	_, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: json.RawMessage(`{"name":"x"}`)}, At: "9"})
	if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), "jobs") || !strings.Contains(err.Error(), `at "9"`) {
		t.Errorf("a bad manifest at a bad time: %v", err)
	}
}
