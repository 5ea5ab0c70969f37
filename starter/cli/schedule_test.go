package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/starter/cli"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// at runs a command against a server, in Berlin, at an instant.
func at(t *testing.T, server string, now time.Time, args ...string) said {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	code := cli.Run(t.Context(), args, cli.World{
		Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir(), "USER=ada", "TEMPORAL_ADDRESS=" + server},
		Now: func() time.Time { return now }, Local: berlin,
	})
	return said{out.String(), errs.String(), code}
}

// TestSchedule goes through every verb on a real server. Nobody works there:
// what is triggered waits.
func TestSchedule(t *testing.T) {
	t.Parallel()
	server := devserver.ForTest(t, devserver.Options{}).Address
	now := time.Now()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"list"}, batch.ExitDone, "no schedules"},
		{[]string{"create", "testdata/good.yaml", "--days", "sun,FRI", "--at", "01:30:05", "--note", "for ada"}, batch.ExitDone, "good: sun, fri at 01:30:05 America/Los_Angeles"},
		{[]string{"create", "testdata/good.yaml"}, batch.ExitBadInput, "there is a schedule with this id"},
		{[]string{"create", "testdata/good.yaml", "--at", "noon", "--zone", "Mars", "--id", "A b"}, batch.ExitBadInput, "3 mistakes"},
		{[]string{"create", "testdata/bad.yaml"}, batch.ExitBadInput, "7 mistakes"},
		{[]string{"create", "testdata/good.yaml", "--days", "someday"}, batch.ExitBadInput, "no day of the week"},
		{[]string{"create", "testdata/good.yaml", "--catch-up", "-1h"}, batch.ExitBadInput, "below zero"},
		{[]string{"create", "testdata/good.yaml", "--name", "x"}, batch.ExitBadInput, "leave it out"},
		{[]string{"create", "-", "--reference"}, batch.ExitBadInput, "--reference"},
		{[]string{"create"}, batch.ExitBadInput, "want one argument"},
		{[]string{"create", "--reconcile", "testdata/good.yaml"}, batch.ExitBadInput, "leave the manifest out"},
		{[]string{"create", "--reconcile", "--window", "20:00-06:00@UTC"}, batch.ExitBadInput, "takes no manifest"},
		{[]string{"create", "--watch", "--purge"}, batch.ExitBadInput, "got --watch, --purge"},
		{[]string{"create", "--daily", "--at", "07:00"}, batch.ExitBadInput, "leave --id and --at out"},
		{[]string{"create", "--watch", "--at", "02:30"}, batch.ExitBadInput, "the clocks go forward"},
		{[]string{"create", "s3://b/n.yaml"}, batch.ExitBadInput, "--name digest"},
		{[]string{"create", "s3://ada:secret@b/n.yaml", "--name", "n"}, batch.ExitBadInput, "give secrets to the worker"},
		{[]string{"create", "s3://b/n.yaml", "--name", "n", "--window", "20:00-06:00@UTC", "--paused"}, batch.ExitDone, "every night at 20:00 UTC"},
		{[]string{"create", "--reference", "testdata/good.yaml", "--id", "by-name"}, batch.ExitDone, "testdata/good.yaml, read anew each night"},
		{[]string{"create", "--reconcile"}, batch.ExitDone, "every day at 10:00 America/Los_Angeles"},
		{[]string{"create", "--watch", "--id", "early", "--at", "06:30"}, batch.ExitDone, "usage watch"},
		{[]string{"create", "--daily"}, batch.ExitDone, "reconcile: there already, and left as it is"},
		{[]string{"show", "purge"}, batch.ExitDone, "every day at 09:00 America/Los_Angeles"},
		{[]string{"delete", "export"}, batch.ExitDone, "export: deleted"},
		{[]string{"delete", "purge"}, batch.ExitDone, "purge: deleted"},
		{[]string{"show", "good"}, batch.ExitDone, "note      for ada"},
		{[]string{"pause", "good", "--by", "ada", "--why", "a holiday"}, batch.ExitDone, "paused by ada: a holiday"},
		{[]string{"resume", "good"}, batch.ExitDone, "resumed by ada@"},
		{[]string{"trigger", "good"}, batch.ExitDone, "good: triggered"},
		{[]string{"backfill", "good"}, batch.ExitBadInput, "--from"},
		{[]string{"backfill", "good", "--from", "soon"}, batch.ExitBadInput, "neither a date nor an instant"},
		{[]string{"backfill", "reconcile", "--from", "2027-01-01", "--to", "2026-01-01"}, batch.ExitBadInput, "isn't before"},
		{[]string{"backfill", "by-name", "--from", "2025-11-16", "--to", "2025-11-17"}, batch.ExitBadInput, "starter schedule trigger by-name"},
		{[]string{"backfill", "reconcile", "--from", "2025-11-16", "--to", "2025-11-17"}, batch.ExitDone, "reconcile: triggered"},
		{[]string{"delete", "by-name"}, batch.ExitDone, "by-name: deleted"},
		{[]string{"show", "by-name"}, batch.ExitBadInput, "not found"},
		{[]string{"show"}, batch.ExitBadInput, "a schedule's id"},
	} {
		got := at(t, server, now, append([]string{"schedule"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.out+got.err, c.says) {
			t.Errorf("%v: want exit code %d and %q, got %+v", c.args, c.code, c.says, got)
		}
	}
	var list struct{ Schedules []nightly.Schedule }
	tick := time.NewTicker(50 * time.Millisecond) // a list comes a moment late
	defer tick.Stop()
	for len(list.Schedules) != 5 {
		<-tick.C
		if err := json.Unmarshal([]byte(at(t, server, now, "schedule", "list", "--json").out), &list); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, s := range list.Schedules {
		ids = append(ids, s.ID+" "+s.Kind+" "+string(s.Name))
	}
	if got := strings.Join(ids, ", "); got != "early watch , good night good, n night n, reconcile reconcile , watch watch " {
		t.Errorf("listed %q", got)
	}
	if got := at(t, server, now, "__complete", "schedule", "pause", "g"); !strings.HasPrefix(got.out, "good\n") || strings.Contains(got.out, "reconcile") {
		t.Errorf("completed: %+v", got)
	}
	for _, says := range []string{"books of the night before", "usage watch", "night of good", "sun, fri at 01:30:05", "paused", "active"} {
		if got := at(t, server, now, "schedule", "list"); !strings.Contains(got.out, says) {
			t.Errorf("want %q in %s", says, got.out)
		}
	}
	var s nightly.Schedule
	if err := json.Unmarshal([]byte(at(t, server, now, "schedule", "show", "good", "--json").out), &s); err != nil || s.Kind != nightly.KindNight || len(s.Next) != 5 || len(s.Recent) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestScheduleOverTheClocks: what the server works out for 21:00 Pacific on
// both nights of a clock change, shown in three zones with the change marked.
// The schedules are made as other people make them, so that they can begin then.
func TestScheduleOverTheClocks(t *testing.T) {
	t.Parallel()
	server := devserver.ForTest(t, devserver.Options{}).Address
	c, err := client.Dial(client.Options{HostPort: server})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, from := range map[string]time.Time{
		"schedule-forward": time.Date(2027, 3, 12, 0, 0, 0, 0, time.UTC),
		"schedule-back":    time.Date(2027, 11, 5, 0, 0, 0, 0, time.UTC),
	} {
		_, err := c.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
			ID: name,
			Spec: client.ScheduleSpec{
				CronExpressions: []string{"0 21 * * *"}, TimeZoneName: "America/Los_Angeles", StartAt: from,
			},
			Action: &client.ScheduleWorkflowAction{
				ID: name, Workflow: workflows.NightlyBatchName, TaskQueue: workflows.TaskQueue,
				Args: []any{json.RawMessage(`{"manifest": "file:///srv/nights/digest.yaml"}`)},
			},
			CatchupWindow: 6 * time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		got := at(t, server, from, "schedule", "show", name)
		if got.code != batch.ExitDone {
			t.Errorf("%+v", got)
		}
		golden(t, name, got.out)
	}
}
