package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/starter/nightly"
)

const aSchedule = "a schedule's id"

func (a *app) scheduleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Have Temporal start nights by the clock",
		Long: `Makes and steers Temporal schedules that start a batch's night, or the comparison
of last night's books, again and again. They fire by the calendar of the window's
own zone: 21:00 Pacific is 21:00 Pacific on either side of a clock change.

A start is left out while the last run still goes on, and when Temporal was away
for longer than the catch-up. What a schedule starts is a night as starter start
starts it: status, report, pause and the others find it by its batch id.

A schedule that was made with Temporal's own tools is listed and steered as well,
as long as it starts a workflow of offpeak's.`,
		Example: `  starter schedule create examples/market-digest.yaml
  starter schedule create --reconcile
  starter schedule list`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.scheduleCreateCmd(), a.scheduleListCmd(), a.scheduleShowCmd(), a.schedulePauseCmd(), a.scheduleResumeCmd(),
		a.scheduleTriggerCmd(), a.scheduleBackfillCmd(), a.scheduleDeleteCmd())
	return cmd
}

func (a *app) scheduleListCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The schedules that start a workflow of offpeak's",
		Long: `Lists the schedules that start a workflow of offpeak's, whoever made them, with
their next start. One that was made or changed a moment ago may not be in it yet.`,
		Example: "  starter schedule list --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.dial(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			all, err := client.Schedules(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.object(map[string]any{"schedules": all})
			}
			a.writeSchedules(all)
			return nil
		},
	}
}

func (a *app) scheduleShowCmd() *cobra.Command {
	return a.oneScheduleCmd("show", "A schedule: when it starts next, and how its runs ended",
		`Prints what a schedule starts, its next five starts as Temporal's server has worked
them out, in the window's zone, in UTC and in local time, with the night of a
clock change marked, and how its last runs ended.`,
		"  starter schedule show market-digest",
		func(ctx context.Context, c *nightly.Client, id string) (nightly.Schedule, error) {
			return c.Schedule(ctx, id)
		})
}

// oneScheduleCmd is a command that does something with a schedule and shows it.
func (a *app) oneScheduleCmd(use, short, long, example string, do func(context.Context, *nightly.Client, string) (nightly.Schedule, error)) *cobra.Command {
	return &cobra.Command{
		Use: use + " ID", Short: short, Long: long, Example: example, Args: one(aSchedule),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.dial(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			s, err := do(c.Context(), client, args[0])
			if err != nil {
				return err
			}
			return a.showSchedule(s)
		},
	}
}

func (a *app) schedulePauseCmd() *cobra.Command {
	var o order
	cmd := a.oneScheduleCmd("pause", "Have a schedule start nothing until resume",
		`Holds a schedule: it starts nothing until starter schedule resume. A night that it
has started goes on; starter pause holds that. Who and why are kept in its note.`,
		`  starter schedule pause market-digest --why "no funding news in August"`,
		func(ctx context.Context, c *nightly.Client, id string) (nightly.Schedule, error) {
			return c.PauseSchedule(ctx, id, o.by, o.why)
		})
	a.scheduleOrder(cmd, &o)
	return cmd
}

func (a *app) scheduleResumeCmd() *cobra.Command {
	var o order
	cmd := a.oneScheduleCmd("resume", "Have a paused schedule go on",
		`Undoes starter schedule pause. What was due meanwhile isn't started.`,
		"  starter schedule resume market-digest",
		func(ctx context.Context, c *nightly.Client, id string) (nightly.Schedule, error) {
			return c.ResumeSchedule(ctx, id, o.by, o.why)
		})
	a.scheduleOrder(cmd, &o)
	return cmd
}

func (a *app) scheduleOrder(cmd *cobra.Command, o *order) {
	a.orderFlags(cmd, o)
	cmd.PreRun = func(*cobra.Command, []string) {
		if o.by == "" {
			o.by = a.who()
		}
	}
}

func (a *app) scheduleDeleteCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "delete ID",
		Short:   "Remove a schedule",
		Long:    `Removes a schedule. A night that it has started goes on; starter cancel ends that.`,
		Example: "  starter schedule delete market-digest",
		Args:    one(aSchedule),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := a.dial(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			if err := client.DeleteSchedule(c.Context(), args[0]); err != nil {
				return err
			}
			if a.json {
				return a.object(map[string]any{"id": args[0], "deleted": true})
			}
			fmt.Fprintf(a.Out, "%s: deleted\n", printable(args[0]))
			return nil
		},
	}
}
