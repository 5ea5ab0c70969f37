package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/estimate"
)

func (a *app) estimateCmd() *cobra.Command {
	var window string
	cmd := &cobra.Command{
		Use:   "estimate FILE|-",
		Short: "Say what a batch costs by day and by night, and when it would begin",
		Long: `Prices every job of a manifest with the code that plans a night: what it is
expected to cost by day and by night, the ceiling that is set aside before
sending (worst-case tokens at the day price), the credits that the account must
hold (1.5 x the night price), whether it fits tonight, and when it would begin.

A job's own expect is believed; without one the size is guessed from the request
and the table says how many were guessed. Tokens cost half by night; the agent
fee is never discounted, which is why the saving is below 50 %.

The rate card, limits and credits are the account's own where SWARMS_API_KEY is
set and the API answers; these are free requests. Otherwise the built-in card
and the limits of the free tier are taken, and the output says so. Limits of a
contract, in OFFPEAK_LIMITS as the worker reads them, count beside them.`,
		Example: "  starter estimate examples/market-digest.yaml",
		Args:    one(aManifest),
		RunE: func(c *cobra.Command, args []string) error {
			in, err := a.read(args[0], window)
			if err != nil {
				return err
			}
			terms, err := estimate.Ask(c.Context(), a.Env, a.Now)
			if err != nil {
				return err
			}
			e, err := estimate.Price(in.manifest, in.each, terms, a.Now())
			if err != nil {
				return err
			}
			if a.json {
				return a.object(e)
			}
			a.writeEstimate(e)
			return nil
		},
	}
	windowFlag(cmd, &window)
	return cmd
}

func (a *app) writeEstimate(e estimate.Estimate) {
	fmt.Fprintf(a.Out, "%s: %s, rate card %s\n\n", e.Batch, plural(e.Jobs, "job"), e.Card.Source)
	t := newTable(a.Out)
	if e.Card.None() {
		t.row("expected", e.Night.Dollars()+"; this provider has no prices by day and by night")
		t.row("at most", e.Ceiling.Dollars()+", the ceilings that the jobs declare")
	} else {
		a.byDayAndNight(t, e)
	}
	t.row("budget", budgetOf(e))
	t.row("begins", a.moments(e.Starts.At))
	t.row("because", e.Starts.Reason)
	t.row("window", hours(e.Starts.Span))
	t.row("fits", fitOf(e.Fit))
	t.flush()
	a.writeAdvice(e.Advice)
	if e.Guessed > 0 {
		a.note("note: %s without expect: priced by a guess from the request", plural(e.Guessed, "job"))
	}
	if e.Unbounded > 0 {
		a.note("note: %s leave agents or tools to the provider: the ceiling rests on assumptions", plural(e.Unbounded, "job"))
	}
	for _, n := range e.Notes {
		a.note("note: %s", printable(n))
	}
}

// byDayAndNight are the rows of a provider with a tariff.
func (a *app) byDayAndNight(t table, e estimate.Estimate) {
	t.row("by day", e.Day.Dollars())
	t.row("by night", e.Night.Dollars())
	saving := e.Saving.Dollars()
	if e.Percent != "" {
		saving += ", " + e.Percent + " %"
	}
	if off := (money.One - e.Card.Night).Rat(); e.AgentFee > 0 && e.Saving > 0 {
		saving += fmt.Sprintf("; not %s %%: the agent fee, %s, is never discounted",
			off.Mul(off, (100*money.Dollar).Rat()).FloatString(0), e.AgentFee.Dollars())
	}
	t.row("saving", saving)
	for _, p := range e.Parts {
		note := ""
		if p.Day == p.Night && p.Day > 0 {
			note = ": never discounted"
		}
		t.row("  "+p.Name, p.Day.Dollars()+" by day, "+p.Night.Dollars()+" by night"+note)
	}
	t.row("30 nights", e.Month.Night.Dollars()+" instead of "+e.Month.Day.Dollars()+": "+e.Month.Saving.Dollars()+" saved, "+e.Year.Saving.Dollars()+" in twelve such months")
	t.row("at most", e.Ceiling.Dollars()+", the ceiling: worst-case tokens at the day price")
	t.row("credits needed", e.Needed.Dollars()+", 1.5 x the night price"+creditsOf(e))
}

func creditsOf(e estimate.Estimate) string {
	switch {
	case e.Credits == nil:
		return ""
	case *e.Credits < e.Needed:
		return "; the account has " + e.Credits.Dollars() + ": NOT ENOUGH"
	}
	return "; the account has " + e.Credits.Dollars()
}

func budgetOf(e estimate.Estimate) string {
	s := e.Budget.PerJob.Dollars() + " a job, " + e.Budget.Batch.Dollars() + " in all"
	if e.Budget.Day > 0 {
		s += ", " + e.Budget.Day.Dollars() + " a night with all batches"
	}
	switch {
	case len(e.OverPerJob) > 0:
		s += fmt.Sprintf(": REFUSED, the ceiling of %s is above the cap of a job, first %s", plural(len(e.OverPerJob), "job"), printable(e.OverPerJob[0]))
	case e.Night > e.Budget.Batch, e.Budget.Day > 0 && e.Night > e.Budget.Day:
		s += ": REFUSED, the night price is above it"
	case e.Ceiling > e.Budget.Batch:
		s += "; the ceiling is above it, so jobs wait for others to settle, and some may be skipped"
	}
	return s
}

func fitOf(f batch.Fit) string {
	word := "yes"
	if !f.Fits {
		word = "NO, what doesn't fit is parked for the next night"
	}
	s := fmt.Sprintf("%s: needs at least %s of %s", word, lasting(f.Needs), lasting(f.Has))
	if f.Binding != "" {
		s += "; binding: " + f.Binding
	}
	return s
}

// windowFlag adds --window to a command.
func windowFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "window", "", `another price window, "OPEN-CLOSE@ZONE", without margins: for trying things out`)
}
