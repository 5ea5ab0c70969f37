package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

func (a *app) scheduleTriggerCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "trigger ID",
		Short: "Start now what a schedule starts at its time",
		Long: `Starts what a schedule would start at its time. A night that is asked for by day
waits for its opening: nothing is sent before, whenever this is typed. While the
last run still goes on, another one would be skipped, and this says so.`,
		Example: "  starter schedule trigger market-digest",
		Args:    one(aSchedule),
		RunE: func(c *cobra.Command, args []string) error {
			return a.start(c.Context(), args[0], func(client *nightly.Client, _ nightly.Schedule) error {
				return client.TriggerSchedule(c.Context(), args[0])
			})
		},
	}
}

func (a *app) scheduleBackfillCmd() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "backfill ID --from DATE [--to DATE]",
		Short: "Start what a schedule missed",
		Long: `Makes up for starts that a schedule missed, because it was paused or Temporal was
away: by date, in the schedule's zone, both included, or by instant.

The books of past nights are compared one after the other, each as of the morning
on which it was due.

A night that is over can't be made up for: its cheap hours are gone, nothing ever
starts by day, and what is started now runs in the next night, as the schedule's
own start does. So for a night this only works while it is open: when its start
was missed and its last job can still end in time, it begins at once.`,
		Example: `  starter schedule backfill reconcile --from 2026-11-16 --to 2026-11-20`,
		Args:    one(aSchedule),
		RunE: func(c *cobra.Command, args []string) error {
			return a.start(c.Context(), args[0], func(client *nightly.Client, s nightly.Schedule) error {
				begin, end, err := a.stretch(s, from, to)
				if err != nil {
					return err
				}
				return client.BackfillSchedule(c.Context(), args[0], begin, end)
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the first day, 2026-11-16, or an instant, 2026-11-16T21:00:00-08:00")
	cmd.Flags().StringVar(&to, "to", "", "the last one (default: until now)")
	return cmd
}

// start has a schedule start something now and says how to follow it.
func (a *app) start(ctx context.Context, id string, do func(*nightly.Client, nightly.Schedule) error) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.Schedule(ctx, id)
	if err == nil {
		err = do(client, s)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.object(map[string]any{"id": id, "triggered": true})
	}
	fmt.Fprintf(a.Out, "%s: triggered\n", printable(id))
	follow := "starter schedule show " + id + " says how it ends"
	if s.Kind == nightly.KindNight && s.Name != "" {
		follow = "starter status " + string(s.Name) + " --watch follows it; asked for by day, it waits for its opening"
	}
	a.note("%s", printable(follow))
	return nil
}

// stretch is what --from and --to mean: whole days of the schedule's zone, or
// instants, and never beyond now.
func (a *app) stretch(s nightly.Schedule, from, to string) (begin, end time.Time, err error) {
	loc, err := tariff.Location(s.Zone)
	if err != nil {
		loc = time.UTC
	}
	read := func(flag, v string, days int) (time.Time, error) {
		if t, err := time.ParseInLocation(time.DateOnly, v, loc); err == nil {
			return t.AddDate(0, 0, days), nil
		}
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return t, &batch.Fault{
				Kind: batch.BadInput, Op: "read flag", Thing: flag, Detail: fmt.Sprintf("%q is neither a date nor an instant", printable(v)),
				Hint: "write 2026-11-16 or 2026-11-16T21:00:00-08:00",
			}
		}
		return t, nil
	}
	if from == "" {
		return begin, end, usage(errors.New("say with --from since when"))
	}
	if begin, err = read("--from", from, 0); err != nil {
		return begin, end, err
	}
	now := a.Now()
	if to == "" {
		return begin, now, nil
	}
	if end, err = read("--to", to, 1); err == nil && end.After(now) && len(to) == len(time.DateOnly) && end.AddDate(0, 0, -1).Before(now) {
		end = now // today
	}
	return begin, end, err
}
