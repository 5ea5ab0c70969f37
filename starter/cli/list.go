package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/starter/switches"
	"github.com/offpeak/offpeak/tariff"
)

// aside is how long a command waits for what it can do without.
const aside = 2 * time.Second

func (a *app) listCmd() *cobra.Command {
	var (
		c     books.Choice
		night string
		after string
	)
	cmd := &cobra.Command{
		Use:     "list [NAME]",
		Aliases: []string{"ls", "nights"},
		Short:   "List batches, the newest first: state, jobs, dollars",
		Long: `Lists what ran lately and what runs now, the newest night first: where each batch
stands, how many of its jobs succeeded, what was paid and saved, and what the
audit said. With NAME only the nights of that manifest.

Jobs and dollars are those of the ledger that OFFPEAK_LEDGER names. Whether a
night runs, Temporal says; where it doesn't answer, the state is told from the
books and the clock alone. Where there is no ledger, the nights that run are
listed without their jobs and dollars.

States: planning, waiting, sending, paused, reconciling, auditing, done, failed (the
audit), unfinished (its hours are over and nobody judged it: start it again).`,
		Example: `  starter list
  starter list market-digest --state failed --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("want at most one argument, a manifest's name; got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.Name = batch.Name(args[0])
				if err := c.Name.Valid(); err != nil {
					return &batch.Fault{Kind: batch.BadInput, Op: "list nights of", Thing: args[0], Err: err}
				}
			}
			if err := inRange("--limit", c.Limit, 1, books.MaxLimit); err != nil {
				return err
			}
			if night != "" {
				if _, err := time.Parse(time.DateOnly, night); err != nil {
					return &batch.Fault{Kind: batch.BadInput, Op: "read --night", Thing: night, Detail: "not a date such as 2026-11-22", Err: err}
				}
				c.Night = tariff.Night(night)
			}
			if after != "" {
				id, err := batch.ParseID(after)
				if err != nil {
					return &batch.Fault{Kind: batch.BadInput, Op: "read --after", Thing: after, Err: err, Hint: "name the last batch of the page before, such as market-digest/2026-11-22"}
				}
				c.After = id
			}
			for _, s := range c.States {
				if !slices.Contains(nightStates, s) {
					return &batch.Fault{Kind: batch.BadInput, Op: "read --state", Thing: s, Detail: "no night is ever in it", Hint: "starter list --help names the states"}
				}
			}
			return a.list(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&night, "night", "", "only batches of this night, such as 2026-11-22")
	f.StringSliceVar(&c.States, "state", nil, "only nights in these states")
	f.IntVar(&c.Limit, "limit", 20, "at most so many, up to "+grouped(books.MaxLimit))
	f.StringVar(&after, "after", "", "only batches behind this one, the last of the page before")
	return cmd
}

// nightStates are those of starter list.
var nightStates = []string{"planning", "waiting", "sending", "paused", "reconciling", "auditing", "done", "failed", books.Unfinished}

// inRange checks a number that a flag was given.
func inRange(flag string, n, least, most int) error {
	if n >= least && n <= most {
		return nil
	}
	return &batch.Fault{Kind: batch.BadInput, Op: "read " + flag, Thing: strconv.Itoa(n), Detail: "it must lie between " + grouped(least) + " and " + grouped(most)}
}

func (a *app) list(ctx context.Context, c books.Choice) error {
	// The states of nights that run are Temporal's, so they are chosen by after
	// both were asked.
	states := c.States
	c.States = nil
	running, silent := a.running(ctx)
	var (
		out books.Nights
		now = a.Now()
	)
	err := a.onBooks(ctx, func(b *books.Books) (err error) {
		keep := func(n books.Night) bool { return len(states) == 0 || slices.Contains(states, n.State) }
		out, err = a.pageOf(ctx, b, c, now, running, keep)
		return err
	})
	if err != nil {
		if silent != nil || batch.KindOf(err) != batch.NotFound && batch.KindOf(err) != batch.OutOfReach {
			return err
		}
		a.note("note: the ledger can't be read, so jobs and dollars are left out: %s", plain(err))
		out = only(running, c, states)
	}
	if a.json {
		return a.object(out)
	}
	a.writeNights(out)
	a.standing(ctx)
	return nil
}

// running asks Temporal which nights run; an error says that it didn't answer.
func (a *app) running(ctx context.Context) ([]nightly.Running, error) {
	ctx, cancel := context.WithTimeout(ctx, aside)
	defer cancel()
	client, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Running(ctx)
}

// pageOf is a page of the books in which the nights that run have Temporal's
// state. Pages are read until enough nights are in the states that are wanted.
func (a *app) pageOf(ctx context.Context, b *books.Books, c books.Choice, now time.Time, running []nightly.Running, keep func(books.Night) bool) (books.Nights, error) {
	out := books.Nights{Batches: []books.Night{}}
	for want := c.Limit; ; {
		page, err := b.Nights(ctx, c, now)
		if err != nil {
			return out, err
		}
		for _, n := range page.Batches {
			if i := slices.IndexFunc(running, func(r nightly.Running) bool { return r.Batch == n.Batch }); i >= 0 {
				n.State = running[i].State
			}
			if !keep(n) {
				continue
			}
			if len(out.Batches) == want {
				out.Next = &out.Batches[want-1].Batch
				return out, nil
			}
			out.Batches = append(out.Batches, n)
		}
		if page.Next == nil {
			return out, nil
		}
		if len(out.Batches) == want {
			out.Next = &out.Batches[want-1].Batch
			return out, nil
		}
		c.After = *page.Next
	}
}

// only is what Temporal alone knows.
func only(running []nightly.Running, c books.Choice, states []string) books.Nights {
	out := books.Nights{Batches: []books.Night{}}
	for _, r := range running {
		if (c.Name == "" || r.Batch.Name() == c.Name) && (c.Night == "" || r.Batch.Night() == c.Night) &&
			(len(states) == 0 || slices.Contains(states, r.State)) && len(out.Batches) < c.Limit {
			out.Batches = append(out.Batches, books.Night{Batch: r.Batch, Night: r.Batch.Night(), State: r.State, PlannedAt: r.Since})
		}
	}
	return out
}

func (a *app) writeNights(p books.Nights) {
	if len(p.Batches) == 0 {
		fmt.Fprintln(a.Out, "no such nights")
		return
	}
	t := newTable(a.Out)
	t.row("batch", "state", "jobs", "succeeded", "paid", "saved", "audit")
	for _, n := range p.Batches {
		jobs, good, paid, saved, audit := "-", "-", "-", "-", "-"
		if n.Jobs.Total > 0 {
			jobs, good = grouped(n.Jobs.Total), grouped(n.Jobs.Succeeded)
		}
		if n.Money.Charges > 0 {
			paid, saved = n.Money.Billed.Dollars(), n.Money.Saved.Dollars()
			if p := percent(n.Money.Saved, n.Money.DayPrice); p != "" {
				saved += " (" + p + " %)"
			}
		}
		switch {
		case n.Passed == nil:
		case *n.Passed:
			audit = "passed"
		default:
			audit = "FAILED"
		}
		t.row(string(n.Batch), n.State, jobs, good, paid, saved, audit)
	}
	t.flush()
	if p.Next != nil {
		a.note("there are more: --after %s goes on", *p.Next)
	}
}

// standing says that a kill switch is pulled, where the books can be read at
// once. Who asks for a night doesn't need them.
func (a *app) standing(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, aside)
	defer cancel()
	p, err := switches.Look(ctx, a.Env)
	if err != nil {
		return
	}
	for _, s := range p.Pulled {
		what, flag := "nothing is sent at all", "--all"
		if s.Key != "" {
			what, flag = "nothing is sent with key "+printable(s.Key), "--key "+printable(s.Key)
		}
		a.note("warning: %s, stopped %s, %s: starter go %s goes on (%s)", what,
			printable(batch.Pause{By: s.By, Why: s.Why}.String()), a.second(s.At), flag, printable(p.Ledger))
	}
}

// plain is an error's own message, for a note.
func plain(err error) string {
	f := asFault("", err).(*batch.Fault) //nolint:errorlint // it makes one
	return printable(detail(f))
}
