package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
)

func (a *app) logsExportCmd() *cobra.Command {
	var (
		choice logChoice
		today  bool
		detach bool
	)
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Take what is new in the provider's log into the lake",
		Long: `Has a worker read the provider's whole log and take every row that the lake doesn't
have yet: of all days that are over in Los Angeles, or of those that are named.
Rows that came late, or that the provider changed since, become a later part of
their day. Each day is compared with the ledger, run by run; what differs is
counted here and named in the day's manifest.

It may be started at any time, and killed at any time: what is in the lake is
never taken twice. One that is under way is followed. Ctrl-C stops the watching
only. starter schedule create --export has it done every morning.`,
		Example: "  starter logs export\n  starter logs export --day 2026-11-21 --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := choice.days(); err != nil {
				return err
			}
			return a.exportLogs(c.Context(), batch.LogExportInput{Day: choice.day, From: choice.from, To: choice.to, Today: today}, detach)
		},
	}
	choice.flags(cmd)
	cmd.Flags().BoolVar(&today, "today", false, "today, too: what comes after is a later part of it")
	cmd.Flags().BoolVar(&detach, "detach", false, "start it and don't wait for its end")
	return cmd
}

func (a *app) exportLogs(ctx context.Context, in batch.LogExportInput, detach bool) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	e, err := client.ExportLog(ctx, in)
	if err != nil {
		return err
	}
	if detach {
		if a.json {
			return a.object(struct {
				WorkflowID string `json:"workflow_id"`
				RunID      string `json:"run_id"`
				Running    bool   `json:"running"`
			}{e.WorkflowID, e.RunID, e.Running})
		}
		fmt.Fprintf(a.Out, "started: workflow %s, run %s\n", e.WorkflowID, e.RunID)
		return nil
	}
	if e.Running {
		a.note("an export is under way already, perhaps of other days: following it")
	}
	out, err := e.Watch(ctx, watchEvery, a.dailyProgress())
	if ctx.Err() != nil {
		if a.Release != nil {
			a.Release()
		}
		a.note("stopped watching; the export goes on\n  come back:  starter logs export")
		return a.interrupted("follow", "export of the log")
	}
	var f *batch.Fault
	if errors.As(err, &f) && f.Kind == batch.Cancelling {
		return &batch.Fault{Kind: batch.Internal, Op: f.Op, Thing: f.Thing, Detail: f.Detail, Hint: f.Hint}
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.object(out)
	}
	a.writeExport(out)
	return nil
}

// daysShown is how many days an export lists for people.
const daysShown = 31

func (a *app) writeExport(e batch.LogExport) {
	fmt.Fprintf(a.Out, "%s\n\n", e)
	t := newTable(a.Out)
	t.row("lake", where(e.URL))
	days := "up to " + e.To
	if e.From != "" {
		days = e.From + " to " + e.To
	}
	t.row("days", days)
	t.row("read", plural(e.Read, "row")+" of the provider's log")
	if e.Waiting > 0 {
		t.row("waiting", plural(e.Waiting, "row")+" of days that aren't over: a later export takes them")
	}
	t.flush()
	if len(e.Days) == 0 {
		return
	}
	fmt.Fprintln(a.Out)
	t = newTable(a.Out)
	t.row("day", "key", "part", "rows", "size", "dollars", "elsewhere", "ledger")
	more := max(0, len(e.Days)-daysShown)
	for _, d := range e.Days[more:] {
		t.row(d.Day, printable(d.Key), grouped(d.Part), rowsText(d), sized(d.Bytes), d.Dollars.Dollars(), d.Foreign.Dollars(), againstLedger(d))
	}
	t.flush()
	if more > 0 {
		fmt.Fprintf(a.Out, "\nand %s before: starter logs list\n", plural(more, "day"))
	}
}

func rowsText(d batch.ExportedDay) string {
	if d.Revised == 0 {
		return grouped(d.Rows)
	}
	return fmt.Sprintf("%s, %s changed", grouped(d.Rows), grouped(d.Revised))
}

func againstLedger(d batch.ExportedDay) string {
	switch {
	case d.Logged == nil || d.Charged == nil:
		return "-"
	case d.Differences > 0:
		return fmt.Sprintf("%s: log %s, ledger %s (starter logs list --day %s)", differ(d.Differences), d.Logged.Dollars(), d.Charged.Dollars(), d.Day)
	case d.Unlogged > 0:
		return fmt.Sprintf("equal, %s; %s not in the log", d.Charged.Dollars(), plural(d.Unlogged, "charge"))
	}
	return "equal, " + d.Charged.Dollars()
}
