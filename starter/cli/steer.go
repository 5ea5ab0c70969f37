package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
)

// order is what the commands that steer a night have in common.
type order struct {
	by, why string
}

// who is who gives an order, as far as this machine knows.
func (a *app) who() string {
	user := a.Env.Lookup("USER")
	if user == "" {
		user = a.Env.Lookup("LOGNAME")
	}
	if user == "" {
		user = "somebody"
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		user += "@" + host
	}
	return user
}

func (a *app) orderFlags(cmd *cobra.Command, o *order) {
	cmd.Flags().StringVar(&o.why, "why", "", "one line that is shown wherever the order is")
	cmd.Flags().StringVar(&o.by, "by", "", "who orders it (default: you, at this machine)")
}

// steerCmd is a command that gives an order to a night that runs.
func (a *app) steerCmd(use, short, long, example, done string, give func(context.Context, nightly.Night, order) (batch.Progress, error)) *cobra.Command {
	var o order
	cmd := &cobra.Command{
		Use: use + " NAME/NIGHT|NAME", Short: short, Long: long, Example: example, Args: a.night,
		RunE: func(c *cobra.Command, args []string) error {
			if o.by == "" {
				o.by = a.who()
			}
			n, leave, err := a.reach(c.Context(), args[0])
			if err != nil {
				return err
			}
			defer leave()
			p, err := give(c.Context(), n, o)
			if err != nil {
				return err
			}
			v := nightly.View{Night: n, Progress: p}
			if a.json {
				return a.object(asResult(v))
			}
			a.note("%s: %s %s", n.Batch, done, batch.Pause{By: printable(o.by), Why: printable(o.why)})
			a.writeStatus(v)
			return nil
		},
	}
	a.orderFlags(cmd, &o)
	return cmd
}

func (a *app) pauseCmd() *cobra.Command {
	return a.steerCmd("pause", "Have a night send nothing new until resume",
		`Has a night send nothing new. When the command returns, no worker lets another
request leave; what is in flight is paid for and ends. starter resume goes on.
A night that is still paused at its deadline parks what is left.

What is paused is one night. starter stop --all holds everything on the ledger.`,
		`  starter pause market-digest --why "the answers look wrong"`, "paused",
		func(ctx context.Context, n nightly.Night, o order) (batch.Progress, error) {
			return n.Pause(ctx, o.by, o.why)
		})
}

func (a *app) resumeCmd() *cobra.Command {
	return a.steerCmd("resume", "Have a paused night go on",
		`Undoes starter pause: jobs that wait at the gate are sent within a second.`,
		"  starter resume market-digest", "resumed",
		func(ctx context.Context, n nightly.Night, o order) (batch.Progress, error) {
			return n.Resume(ctx, o.by, o.why)
		})
}

func (a *app) cancelCmd() *cobra.Command {
	return a.steerCmd("cancel", "End a night: nothing more is sent, the books are closed",
		`Ends a night for good. Nothing new is sent; what is in flight is paid for and
ends; the rest is cancelled and isn't sent by a later run either. The audit then
judges what was sent and writes the report: starter report has it.`,
		`  starter cancel market-digest/2026-11-22 --why "wrong file"`, "cancelled",
		func(ctx context.Context, n nightly.Night, o order) (batch.Progress, error) {
			return n.Cancel(ctx, o.by, o.why)
		})
}

func (a *app) raiseCmd() *cobra.Command {
	var (
		limit string
		to    money.USD
	)
	cmd := a.steerCmd("raise", "Give a running night a higher cap",
		`Gives a night that runs a higher cap than its manifest's budget.batch. Jobs that
wait for room under it go on within a second, and jobs that were skipped for want
of it are sent by the same night, as long as it is still sending.

It holds for this run of the night. A night that is over is run again with a
higher budget.batch in its manifest; nothing is sent twice.`,
		"  starter raise market-digest --batch-cap 80.00", "raised",
		func(ctx context.Context, n nightly.Night, o order) (batch.Progress, error) {
			return n.RaiseBudget(ctx, to, o.by, o.why)
		})
	cmd.PreRunE = func(*cobra.Command, []string) (err error) { // before anybody is asked for the night
		if to, err = money.Parse(limit); err != nil || to <= 0 {
			return &batch.Fault{
				Kind: batch.BadInput, Op: "read flag", Thing: "--batch-cap", Detail: fmt.Sprintf("%q is not an amount of dollars", printable(limit)), Hint: "write it as 80.00",
			}
		}
		return nil
	}
	cmd.Flags().StringVar(&limit, "batch-cap", "", "the new cap in dollars, such as 80.00")
	_ = cmd.MarkFlagRequired("batch-cap") // it was just added
	return cmd
}
