package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
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
			terms, err := a.terms(c.Context())
			if err != nil {
				return err
			}
			e, err := a.estimate(in, terms)
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

// estimate is what a batch is expected to cost.
type estimate struct {
	Batch      batch.ID     `json:"batch"`
	Jobs       int          `json:"jobs"`
	Guessed    int          `json:"guessed"`  // jobs without an expect: priced by a guess from their request
	Unbounded  int          `json:"-"`        // jobs whose agents the provider chooses: the ceiling rests on assumptions
	Card       tariff.Card  `json:"card"`     //
	Day        money.USD    `json:"by_day"`   // expected, at the day price
	Night      money.USD    `json:"by_night"` // expected, at the night price
	Saving     money.USD    `json:"saving"`
	Percent    string       `json:"saving_percent"` // of the day price, one decimal
	AgentFee   money.USD    `json:"agent_fee"`      // the part that is never discounted
	Ceiling    money.USD    `json:"ceiling"`
	Needed     money.USD    `json:"credits_needed"`
	Credits    *money.USD   `json:"credits,omitempty"` // on the account, when it was asked
	Budget     batch.Budget `json:"budget"`
	OverPerJob []string     `json:"over_per_job,omitempty"` // jobs whose ceiling is above budget.per_job: the night would be refused
	Fit        batch.Fit    `json:"fit"`
	Starts     tariff.Start `json:"starts"`
	Notes      []string     `json:"notes,omitempty"`
	multiplier money.Ratio  // of tokens by night
}

// estimate prices every job.
func (a *app) estimate(in input, t terms) (estimate, error) {
	m := in.manifest
	e := estimate{Card: t.card, Budget: m.Budget, Credits: t.credits, Notes: t.notes, multiplier: t.card.Night}
	remote, err := in.each(func(j batch.Job) error {
		q, err := swarms.Price(j, t.card)
		if err != nil {
			return &batch.Fault{Kind: batch.BadInput, Op: "price job", Thing: j.Name, Err: err}
		}
		e.Jobs++
		if q.Guessed {
			e.Guessed++
		}
		if q.Shape.Guess {
			e.Unbounded++
		}
		e.Day, e.Night, e.Ceiling = add(e.Day, q.DayPrice), add(e.Night, q.Estimate), add(e.Ceiling, q.Ceiling)
		e.AgentFee = add(e.AgentFee, t.card.Day(tariff.Usage{Agents: q.Expect.Agents}).Total)
		if q.Ceiling > m.Budget.PerJob {
			e.OverPerJob = append(e.OverPerJob, j.Name)
		}
		return nil
	})
	if err != nil {
		return e, err
	}
	if remote {
		e.Notes = append(e.Notes, "the jobs of "+printable(m.JobsFrom)+" are not on this machine and aren't counted")
	}
	e.Saving = e.Day - e.Night
	e.Percent = percent(e.Saving, e.Day)
	e.Needed = batch.CreditsNeeded(e.Night)
	e.Starts, err = m.Window.Decide(a.Now(), m.Policy.RequestTimeout)
	if err != nil {
		return e, &batch.Fault{Kind: batch.BadInput, Op: "plan night of", Thing: string(m.Name), Err: err, Hint: "correct the window or policy.request_timeout"}
	}
	e.Batch = batch.NewID(m.Name, e.Starts.Span.Night)
	e.Fit = t.fit(e.Jobs, e.Starts, m.Policy.RequestTimeout)
	return e, nil
}

func (a *app) writeEstimate(e estimate) {
	fmt.Fprintf(a.Out, "%s: %s, rate card %s\n\n", e.Batch, plural(e.Jobs, "job"), e.Card.Source)
	t := newTable(a.Out)
	t.row("by day", e.Day.Dollars())
	t.row("by night", e.Night.Dollars())
	saving := e.Saving.Dollars()
	if e.Percent != "" {
		saving += ", " + e.Percent + " %"
	}
	if off := (money.One - e.multiplier).Rat(); e.AgentFee > 0 && e.Saving > 0 {
		saving += fmt.Sprintf("; not %s %%: the agent fee, %s, is never discounted",
			off.Mul(off, (100*money.Dollar).Rat()).FloatString(0), e.AgentFee.Dollars())
	}
	t.row("saving", saving)
	t.row("at most", e.Ceiling.Dollars()+", the ceiling: worst-case tokens at the day price")
	t.row("credits needed", e.Needed.Dollars()+", 1.5 x the night price"+e.credits())
	t.row("budget", e.budget())
	t.row("begins", a.moments(e.Starts.At))
	t.row("because", e.Starts.Reason)
	t.row("window", hours(e.Starts.Span))
	t.row("fits", e.fits())
	t.flush()
	if e.Guessed > 0 {
		a.note("note: %s without expect: priced by a guess from the request", plural(e.Guessed, "job"))
	}
	if e.Unbounded > 0 {
		a.note("note: %s leave agents or tools to the provider: the ceiling rests on assumptions", plural(e.Unbounded, "job"))
	}
	for _, n := range e.Notes {
		a.note("note: %s", n)
	}
}

func (e estimate) credits() string {
	switch {
	case e.Credits == nil:
		return ""
	case *e.Credits < e.Needed:
		return "; the account has " + e.Credits.Dollars() + ": NOT ENOUGH"
	}
	return "; the account has " + e.Credits.Dollars()
}

func (e estimate) budget() string {
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

func (e estimate) fits() string {
	word := "yes"
	if !e.Fit.Fits {
		word = "NO, what doesn't fit is parked for the next night"
	}
	s := fmt.Sprintf("%s: needs at least %s of %s", word, lasting(e.Fit.Needs), lasting(e.Fit.Has))
	if e.Fit.Binding != "" {
		s += "; binding: " + e.Fit.Binding
	}
	return s
}

// windowFlag adds --window to a command.
func windowFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "window", "", `another price window, "OPEN-CLOSE@ZONE", without margins: for trying things out`)
}

// askTimeout bounds each question to the provider: the answer is a nicety.
const askTimeout = 5 * time.Second
