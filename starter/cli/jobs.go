package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
)

func (a *app) jobsCmd() *cobra.Command {
	var (
		states []string
		after  int
		limit  int
		name   string
		wide   bool
	)
	cmd := &cobra.Command{
		Use:   "jobs NAME/NIGHT|NAME",
		Short: "List a batch's jobs, or show one with all that was sent for it",
		Long: `Lists the jobs of a batch as the books have them: state, attempts, what was
billed, what it costs by day, and why a job is where it is. A name alone means
its latest night. With --job it shows one job and every request that was sent
for it: when, how long it took, what came of it, what it cost.

It reads the ledger that OFFPEAK_LEDGER names, beside running workers, and needs
neither Temporal nor a worker. Prompts and answers are never printed.

The jobs come in the manifest's order, --limit of them; --after goes on behind
the last number of the page before.`,
		Example: `  starter jobs market-digest --state unknown,rejected
  starter jobs market-digest/2026-11-22 --job "EU Market Digest"`,
		Args: a.night,
		RunE: func(c *cobra.Command, args []string) error {
			q := books.Query{After: after, Limit: limit}
			for _, s := range states {
				if !slices.Contains(batch.States(), batch.State(s)) {
					return &batch.Fault{Kind: batch.BadInput, Op: "read --state", Thing: s, Detail: "no job is ever in it", Hint: "the states are " + allStates()}
				}
				q.States = append(q.States, batch.State(s))
			}
			if limit < 1 || limit > books.MaxLimit {
				return &batch.Fault{Kind: batch.BadInput, Op: "read --limit", Thing: strconv.Itoa(limit), Detail: "it must lie between 1 and " + grouped(books.MaxLimit), Hint: "--after goes on with the next page"}
			}
			if c.Flags().Changed("job") {
				for _, f := range []string{"state", "limit", "after"} {
					if c.Flags().Changed(f) {
						return &batch.Fault{Kind: batch.BadInput, Op: "read flags", Thing: "--" + f, Detail: "it chooses among jobs, and --job names one"}
					}
				}
			}
			return a.onBooks(c.Context(), func(b *books.Books) error {
				if c.Flags().Changed("job") {
					t, err := b.Trail(c.Context(), args[0], name)
					if err != nil {
						return err
					}
					if a.json {
						return a.object(t)
					}
					a.writeTrail(t)
					return nil
				}
				p, err := b.Jobs(c.Context(), args[0], q)
				if err != nil {
					return err
				}
				if a.json {
					return a.object(p)
				}
				a.writeJobs(p, wide)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&states, "state", nil, "only jobs in these states: "+allStates())
	f.IntVar(&limit, "limit", 100, "at most so many jobs, up to "+grouped(books.MaxLimit))
	f.IntVar(&after, "after", -1, "only jobs behind this number (the first column)")
	f.StringVar(&name, "job", "", "show the job of this name, with every request that was sent for it")
	f.BoolVar(&wide, "wide", false, "request ids, and reasons in full")
	return cmd
}

func allStates() string {
	var all []string
	for _, s := range batch.States() {
		all = append(all, string(s))
	}
	return strings.Join(all, ", ")
}

// trimmed prints a table without the blanks of its empty last columns.
func (a *app) trimmed(lines string) {
	for line := range strings.Lines(lines) {
		fmt.Fprintln(a.Out, strings.TrimRight(line, " \n"))
	}
}

// onBooks opens the books for as long as do takes.
func (a *app) onBooks(ctx context.Context, do func(*books.Books) error) error {
	b, err := books.Open(ctx, a.Env)
	if err != nil {
		return err
	}
	return errors.Join(do(b), b.Close())
}

// Widths of what a table shows of texts that may be long; --wide shows all.
const (
	nameWidth = 40
	whyWidth  = 60
)

func (a *app) writeJobs(p books.Page, wide bool) {
	fmt.Fprintf(a.Out, "%s: %s\n", p.Batch, counts(p.Counts))
	if p.Money.Charges > 0 {
		fmt.Fprintf(a.Out, "paid %s, by day %s, saved %s\n", p.Money.Billed.Dollars(), p.Money.DayPrice.Dollars(), p.Money.Saved.Dollars())
	}
	for _, d := range p.Deleted {
		fmt.Fprintf(a.Out, "%s %s\n", d.What, printable(d.Said))
	}
	if len(p.Jobs) == 0 {
		fmt.Fprintln(a.Out, "\nno such jobs")
		return
	}
	fmt.Fprintln(a.Out)
	var lines strings.Builder
	t := newTable(&lines)
	head := []string{"job", "state", "attempts", "billed", "day price"}
	if wide {
		head = append(head, "request id")
	}
	t.row("#", append(head, "why")...)
	for _, j := range p.Jobs {
		name, why := printable(j.Name), printable(j.Why)
		if !wide {
			name, why = cut(name, nameWidth), cut(why, whyWidth)
		}
		billed, day := "-", "-"
		if j.Charges > 0 {
			billed, day = j.Billed.Dollars(), j.DayPrice.Dollars()
		}
		if j.Charges > 1 {
			billed += fmt.Sprintf(" (%d charges)", j.Charges)
		}
		cells := []string{name, string(j.State), strconv.Itoa(j.Attempts), billed, day}
		if wide {
			cells = append(cells, j.RequestID)
		}
		t.row(strconv.Itoa(j.Seq), append(cells, why)...)
	}
	t.flush()
	a.trimmed(lines.String()) // most have no reason
	if p.Next != nil {
		a.note("there are more: --after %d goes on", *p.Next)
	}
}

func (a *app) writeTrail(t books.Trail) {
	j := t.Job
	fmt.Fprintf(a.Out, "%s job %d: %s\n\n", t.Batch, j.Seq, printable(j.Name))
	w := newTable(a.Out)
	state := string(j.State)
	if j.Why != "" {
		state += ": " + printable(j.Why)
	}
	w.row("state", state+", since "+a.second(j.UpdatedAt))
	w.row("request id", j.RequestID)
	if t.Type != "" {
		w.row("work", printable(t.Type)+" of "+plural(int(t.Agents), "agent")+": "+printable(strings.Join(t.Models, ", ")))
	}
	w.row("money", fmt.Sprintf("estimate %s, at most %s", t.Estimate.Dollars(), t.Ceiling.Dollars()))
	if j.Charges > 0 {
		w.row("billed", fmt.Sprintf("%s in %s, by day %s", j.Billed.Dollars(), plural(j.Charges, "charge"), j.DayPrice.Dollars()))
	}
	if !t.NotBefore.IsZero() && !j.State.Over() {
		w.row("not before", a.second(t.NotBefore))
	}
	answer := books.Gone(t.Deleted, batch.KeptAnswers)
	if answer == "" {
		answer = t.Output
	}
	if answer != "" {
		w.row("answer", printable(answer))
	}
	for _, d := range t.Deleted {
		if d.What != batch.KeptAnswers {
			w.row(strings.TrimSuffix(string(d.What), "s"), printable(d.Said))
		}
	}
	w.flush()
	if len(t.Attempts) == 0 {
		fmt.Fprintln(a.Out, "\nnothing was sent for it")
		return
	}
	fmt.Fprintln(a.Out)
	w = newTable(a.Out)
	w.row("attempt", "sent", "status", "elapsed", "charge", "outcome")
	for _, at := range t.Attempts {
		status, elapsed, charge := "-", "-", "-"
		if at.Status != 0 {
			status = strconv.Itoa(at.Status)
		}
		if !at.EndedAt.IsZero() {
			elapsed = at.Elapsed.Round(time.Millisecond).String()
		}
		if c := at.Charge; c != nil {
			charge = fmt.Sprintf("%s (%s, by day %s)", c.Billed.Dollars(), c.Source, c.DayPrice.Dollars())
		}
		w.row(strconv.Itoa(at.N), a.second(at.SentAt), status, elapsed, charge, outcome(at))
	}
	w.flush()
}

// outcome is how an attempt ended, in words.
func outcome(at books.Attempt) string {
	words := map[string]string{
		"accepted": "taken on, and asked for until it is done",
		"":         "in flight, or its worker died", "answered": "answered and settled", "rejected": "rejected for good", "returned": "nothing ran",
		"unknown": "unknown", "overdue": "unknown: nobody reported its end", "found": "unknown, then found in the provider's log",
		"absent": "unknown, then absent from the provider's log",
	}
	s := words[string(at.Ending)]
	if s == "" {
		s = string(at.Ending)
	}
	if at.Free {
		s = map[string]string{"": words[""], "answered": "answered", "returned": "not sent"}[string(at.Ending)]
		if s == "" {
			s = string(at.Ending)
		}
	}
	if at.Step != "" {
		s = printable(at.Step) + ": " + s
	}
	if at.Outcome != "" {
		s += " (" + string(at.Outcome) + ")"
	}
	return s
}

// second is an instant where the person is.
func (a *app) second(t time.Time) string { return t.In(a.Local).Format("2006-01-02 15:04:05 MST") }

// cut shortens a text to a number of characters.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
