package nightly_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// workedOut is when the server itself would start a schedule between two dates.
func workedOut(t *testing.T, id, from, to string) []time.Time {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: temporalAt, Namespace: lonely})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	day := func(s string) *timestamppb.Timestamp {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return timestamppb.New(d.Add(12 * time.Hour)) // noon UTC: no night's start, in any of the zones
	}
	r, err := c.WorkflowService().ListScheduleMatchingTimes(t.Context(), &workflowservice.ListScheduleMatchingTimesRequest{
		Namespace: lonely, ScheduleId: id, StartTime: day(from), EndTime: day(to),
	})
	if err != nil {
		t.Fatal(err)
	}
	var at []time.Time
	for _, s := range r.GetStartTime() {
		at = append(at, s.AsTime())
	}
	return at
}

// TestTheServersOwnTimes asks a real server when it starts a schedule for 21:00
// Pacific around both clock changes of 2027 and the autumn one of 2026: right to
// the second.
func TestTheServersOwnTimes(t *testing.T) {
	t.Parallel()
	c := dial(t, lonely)
	if _, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: pacific("clocks")}}); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"2026-10-31": "2026-11-01T04:00:00Z 2026-11-02T05:00:00Z", // the 31st is PDT at 21:00, the 1st is PST
		"2027-03-13": "2027-03-14T05:00:00Z 2027-03-15T04:00:00Z",
		"2027-11-06": "2027-11-07T04:00:00Z 2027-11-08T05:00:00Z",
	} {
		day, err := time.Parse(time.DateOnly, from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, at := range workedOut(t, "clocks", from, day.AddDate(0, 0, 2).Format(time.DateOnly)) {
			got = append(got, at.Format(time.RFC3339Nano))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("from %s: %s, want %s", from, s, want)
		}
	}
}

// TestTheServerAgreesForAYear: every start of two years, as the server works
// them out, is the start that the story would choose for that night; in zones
// whose clocks change in March, in October, and the other way round.
func TestTheServerAgreesForAYear(t *testing.T) {
	t.Parallel()
	c := dial(t, lonely)
	for _, zone := range []string{"America/Los_Angeles", "Europe/Berlin", "Australia/Sydney", "Asia/Kolkata"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			w := tariff.SwarmsWindow()
			w.Zone = zone
			id := strings.ToLower(filepath.Base(zone))
			_, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{
				Ref: "file:///n.yaml", Name: batch.Name(id), Window: w,
			}})
			if err != nil {
				t.Fatal(err)
			}
			got := workedOut(t, id, "2026-10-01", "2028-10-01")
			if len(got) < 730 || len(got) > 732 {
				t.Fatalf("%d starts in two years", len(got))
			}
			for i, at := range got {
				s, open := w.Containing(at)
				if !open || !s.StartAt.Equal(at) {
					t.Errorf("it starts at %s, and the night of %s at %s", at, s.Night, s.StartAt)
				}
				if i > 0 {
					if before, _ := w.Containing(got[i-1]); before.Night >= s.Night {
						t.Errorf("%s after %s", s.Night, before.Night)
					}
				}
			}
		})
	}
}

// TestNightsByName: the nights that are named are those that open on that day,
// also where they start after midnight.
func TestNightsByName(t *testing.T) {
	t.Parallel()
	c := dial(t, lonely)
	s, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{
		ID: "small-hours", Night: nightly.Request{Manifest: pacific("small-hours")}, At: "03:30", Days: []time.Weekday{time.Saturday, time.Sunday, time.Saturday},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Days, []string{"sat", "sun"}) {
		t.Errorf("nights %v", s.Days)
	}
	for _, at := range s.Next {
		if n, _ := tariff.SwarmsWindow().Containing(at); at.Format("15:04") != "03:30" || at.Weekday() != time.Monday && at.Weekday() != time.Sunday || n.Opens.Weekday() != time.Sunday && n.Opens.Weekday() != time.Saturday {
			t.Errorf("it starts %s, in the night of %s", at, n.Night)
		}
	}
	if s.CatchUp != "1h20m0s" { // 03:30 to 05:00, less a job of ten minutes
		t.Errorf("catch-up %s", s.CatchUp)
	}
}

// TestAServerThatWasDown kills a real server before a start is due and brings it
// back long after. A schedule whose catch-up is shorter leaves the start out; one
// whose catch-up is longer makes up for it at once; and a plain schedule of other
// people's, which catches up for a year, starts a workflow by day that waits for
// its opening.
func TestAServerThatWasDown(t *testing.T) {
	t.Parallel()
	server := devserver.ForTest(t, devserver.Options{DBFile: filepath.Join(t.TempDir(), "temporal.db"), Attributes: attributes})
	connect := func() (*nightly.Client, client.Client) {
		raw, err := client.Dial(client.Options{HostPort: server.Address})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(raw.Close)
		return nightly.New(raw, server.Address), raw
	}
	var late, caught, plain string
	var due time.Time
	for lead := 3 * time.Second; ; lead *= 2 { // on a busy machine making them takes long
		c, raw := connect()
		due = time.Now().UTC().Add(lead).Truncate(time.Second).Add(time.Second)
		n := lead.String()
		late, caught, plain = "late-"+n, "caught-"+n, "plain-"+n
		for id, catchUp := range map[string]time.Duration{late: 10 * time.Second, caught: 0} {
			_, err := c.CreateSchedule(t.Context(), nightly.ScheduleRequest{Night: nightly.Request{Manifest: open(id)}, At: due.Format(time.TimeOnly), CatchUp: catchUp})
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err := raw.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
			ID: plain, Spec: client.ScheduleSpec{CronExpressions: []string{fmt.Sprintf("%d %d %d * * * *", due.Second(), due.Minute(), due.Hour())}},
			Action: &client.ScheduleWorkflowAction{ID: plain, Workflow: workflows.NightlyBatchName, TaskQueue: workflows.TaskQueue, Args: []any{shut(plain)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		// Only one that was looked at is surely under way: it counts what it missed
		// from its own beginning.
		if _, err := c.Schedule(t.Context(), plain); err != nil {
			t.Fatal(err)
		}
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(due) {
			break
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for away := time.NewTicker(100 * time.Millisecond); time.Since(due) < 11*time.Second; {
		<-away.C // the server is away: a second longer than the catch-up
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop, err := work(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c, _ := connect()
	run := untilRun(t, c, caught, func(r nightly.ScheduleRun) bool { return r.State != "running" })
	if run.State != workflows.StateDone || !run.Due.Equal(due) || run.Started.Sub(due) < 11*time.Second {
		t.Errorf("made up for: %+v, due %s", run, due)
	}
	s := untilSchedule(t, c, late, func(s nightly.Schedule) bool { return s.Missed == 1 })
	if len(s.Recent) != 0 {
		t.Errorf("left out: %+v", s)
	}
	run = untilRun(t, c, plain, func(r nightly.ScheduleRun) bool { return r.Batch != "" })
	n, err := c.Find(t.Context(), run.Batch)
	if err != nil {
		t.Fatal(err)
	}
	v := until(t, n, func(v nightly.View) bool { return v.Progress.State == workflows.StateWaiting })
	if p := v.Progress; !p.Waiting.Equal(p.Span.StartAt) || p.Waiting.Sub(run.Started) < 6*time.Hour || p.Jobs.Succeeded != 0 {
		t.Errorf("asked for at %s, by day: %+v", run.Started, p)
	}
}
