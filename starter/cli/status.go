package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

func (a *app) statusCmd() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status NAME/NIGHT|NAME",
		Short: "Say how a night stands",
		Long: `Says how a night stands now: its state, when it begins, where its jobs are and
what was paid so far. A name alone means its latest night. A night that the
Temporal UI, a schedule or cron started is found by its search attributes.

With --watch it follows the night to its end, as starter run does, with the same
exit codes; without, it ends with 0 whatever the night's state is.`,
		Example: "  starter status market-digest/2026-11-22 --watch",
		Args:    a.night,
		RunE: func(c *cobra.Command, args []string) error {
			n, done, err := a.reach(c.Context(), args[0])
			if err != nil {
				return err
			}
			defer done()
			if watch {
				return a.followTo(c.Context(), n)
			}
			v, err := n.Judged(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.object(asResult(v))
			}
			a.writeStatus(v)
			if !v.Closed {
				a.standing(c.Context())
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "follow the night to its end")
	a.uiFlag(cmd)
	return cmd
}

func (a *app) watchCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "watch NAME/NIGHT|NAME",
		Short: "Follow a night to its end and print its report",
		Long: `Follows a night as starter run does, without starting anything: a progress bar on
a terminal, plain lines elsewhere, both on standard error, and the report at the
end. It says how many jobs a minute end, when that rate is through against the
hour by which the last job must have ended, what was paid against the cap, and
what jobs wait for: a pause, a provider's Retry-After, a full rate-limit window.

For a night that a schedule, another service or another person started, or one
whose watching was interrupted. Ctrl-C stops the watching and not the night.
starter status --watch does the same. With --json standard output gets one object
at the end.`,
		Example: "  starter watch market-digest",
		Args:    a.night,
		RunE: func(c *cobra.Command, args []string) error {
			n, done, err := a.reach(c.Context(), args[0])
			if err != nil {
				return err
			}
			defer done()
			return a.followTo(c.Context(), n)
		},
	}
}

// asResult is a night in the one shape that run, status and report print.
func asResult(v nightly.View) batch.Result {
	r := v.Result
	if r.Batch == "" {
		p := v.Progress
		r = batch.Result{
			Batch: p.Batch, Night: p.Batch.Night(), State: p.State, Jobs: p.Jobs,
			Money:  batch.Money{Billed: p.Billed, DayPrice: p.DayPrice, Saved: p.DayPrice - p.Billed, Ceiling: p.Ceiling},
			Paused: p.Paused, Waits: p.Waits,
		}
	}
	if r.Audit.Findings == nil {
		r.Audit.Findings = []batch.Finding{} // "none", which null isn't
	}
	return r
}

func (a *app) writeStatus(v nightly.View) {
	p := v.Progress
	a.notices(nil, v, a.Err)
	if v.Closed && v.Result.Batch != "" {
		a.writeResult(v.Result)
		return
	}
	fmt.Fprintf(a.Out, "%s: %s\n\n", p.Batch, p.State)
	t := newTable(a.Out)
	t.row("workflow", v.Night.WorkflowID)
	if page := a.page(v.Night); page != "" {
		t.row("page", page)
	}
	if p.Paused.On() {
		t.row("paused", printable(p.Paused.String())+", "+a.moments(p.Paused.At.In(p.Span.Location())))
	}
	if p.State == workflows.StateWaiting {
		t.row("begins", a.moments(waiting(p))+", in "+lasting(max(p.Waiting.Sub(a.Now()), 0)))
	}
	if !p.Span.Opens.IsZero() {
		t.row("window", hours(p.Span))
	}
	if p.Jobs.Total > 0 {
		t.row("jobs", counts(p.Jobs))
		t.row("money", fmt.Sprintf("paid %s so far, by day %s; estimate %s, at most %s",
			p.Billed.Dollars(), p.DayPrice.Dollars(), p.Estimate.Dollars(), p.Ceiling.Dollars()))
		if p.Cap > 0 {
			t.row("cap", p.Cap.Dollars()+" for the batch")
		}
	}
	if p.InFlight > 0 {
		t.row("in flight", plural(p.InFlight, "request"))
	}
	for _, w := range p.Waits {
		t.row("waits", plural(w.Jobs, "job")+": "+waitText(w))
	}
	t.flush()
	if v.Fault != nil {
		fmt.Fprintln(a.Out)
		writeFault(a.Out, v.Fault)
	}
}
