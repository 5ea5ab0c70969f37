package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

func (a *app) reconcileCmd() *cobra.Command {
	var night string
	cmd := &cobra.Command{
		Use:   "reconcile NAME/NIGHT|NAME",
		Short: "Compare a night's books with the provider's once more, and judge it again",
		Long: `Reads the provider's log and credits and compares them with the ledger. Jobs whose
outcome is unknown are settled when the log shows them by now, runs that came in
late are booked, and whatever doesn't agree is named with its dollars. Then the
night is judged again, and another report is written beside the first. Nothing is
sent. A name alone means its latest night.

Every night ends with this by itself; it is for afterwards, when the log was late
or out of reach. With --night it takes every batch of a night in hand, one after
the other: a date, or yesterday for the last night that is over.

It is done by a worker, as everything is: Ctrl-C stops the watching only. The exit
code is that of starter run: 0 when the books agree and every job is done, 3 with
jobs left over, 5 when the audit fails.`,
		Example: `  starter reconcile market-digest/2026-11-22
  starter reconcile --night yesterday`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case night == "" && len(args) != 1:
				return fmt.Errorf("want one argument, %s, or --night; got %d arguments", aNight, len(args))
			case night != "" && len(args) != 0:
				return errors.New("--night takes every batch of the night: leave the batch out, or the flag")
			}
			if len(args) == 1 {
				a.asked = args[0]
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if night != "" {
				return a.reconcileNight(c.Context(), night)
			}
			return a.reconcileBatch(c.Context(), args[0])
		},
	}
	cmd.Flags().StringVar(&night, "night", "", "all batches of this night: a date, or yesterday")
	return cmd
}

func (a *app) reconcileBatch(ctx context.Context, arg string) error {
	if err := named(arg); err != nil {
		return err
	}
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	id := batch.ID(arg)
	if !strings.Contains(arg, "/") {
		n, err := client.Latest(ctx, batch.Name(arg))
		if err != nil {
			return err
		}
		id = n.Batch
	}
	// The batch may be older than Temporal remembers: the books know it.
	n, err := client.Reconcile(ctx, id)
	if err != nil {
		return err
	}
	if n.Running {
		a.note("%s is being reconciled already: following it", n.Batch)
	}
	lines := &lines{app: a} // no bar: nobody knows how long the log is
	r, err := n.Watch(ctx, watchEvery, lines.see)
	if ctx.Err() != nil {
		return a.leave("starter reconcile " + string(id))
	}
	return a.finish(r, stillRuns(err, id))
}

// leave stops watching what goes on without this command.
func (a *app) leave(again string) error {
	if a.Release != nil {
		a.Release()
	}
	a.note("stopped watching; the reconciliation goes on\n  come back:  %s", again)
	return a.interrupted("follow", "reconciliation")
}

// stillRuns says what to do about a batch whose night isn't over.
func stillRuns(err error, id batch.ID) error {
	var f *batch.Fault
	if errors.As(err, &f) && f.Kind == batch.NightClaimed {
		g := *f
		g.Hint = "the night compares its books itself when it ends: starter watch " + string(id) + " follows it"
		return &g
	}
	return err
}

func (a *app) reconcileNight(ctx context.Context, night string) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	m, err := client.ReconcileNight(ctx, night)
	if err != nil {
		return err
	}
	if m.Running {
		a.note("the night is being reconciled already: following it")
	}
	var (
		said  batch.ID
		notes map[string]bool
	)
	books, err := m.Watch(ctx, watchEvery, func(v nightly.MorningView) {
		notes = a.notices(notes, nightly.View{NoWorker: v.NoWorker}, a.Err)
		if b := v.Books; b.Now != "" && b.Now != said {
			said = b.Now
			a.note("%s  reconciling %s, %s in all", a.Now().In(a.Local).Format("15:04:05"), b.Now, grouped(b.Of))
		}
	})
	if ctx.Err() != nil {
		return a.leave("starter reconcile --night " + night)
	}
	if err != nil && len(books.Batches)+len(books.Failed) == 0 {
		return err
	}
	return a.finishNight(books, err)
}

// finishNight prints a whole night's books and gives the worst exit code.
func (a *app) finishNight(b batch.NightBooks, err error) error {
	if b.Batches == nil {
		b.Batches = []batch.Result{}
	}
	if b.Failed == nil {
		b.Failed = []batch.BatchFailed{}
	}
	if a.json {
		if err := a.object(b); err != nil {
			return err
		}
	} else {
		a.writeNight(b)
	}
	code := batch.ExitDone
	for _, r := range b.Batches {
		code = worse(code, r.ExitCode())
	}
	if err != nil {
		code = worse(code, batch.KindOf(err).ExitCode())
	}
	if code != batch.ExitDone {
		return exit(code)
	}
	return nil
}

// worse is the graver of two exit codes of nights: what failed before what is
// left over.
func worse(a, b int) int {
	order := []int{batch.ExitDone, batch.ExitIncomplete, batch.ExitMoney, batch.ExitBadInput, batch.ExitOutOfReach, batch.ExitInternal, batch.ExitAudit}
	rank := func(code int) int {
		for i, c := range order {
			if c == code {
				return i
			}
		}
		return len(order)
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func (a *app) writeNight(b batch.NightBooks) {
	if b.Of == 0 {
		fmt.Fprintf(a.Out, "night %s: nothing was planned, so that there is nothing to reconcile\n", b.Night)
		return
	}
	fmt.Fprintf(a.Out, "night %s: %d of %d judged", b.Night, len(b.Batches), b.Of)
	if n := len(b.Failed); n > 0 {
		fmt.Fprintf(a.Out, ", %d failed", n)
	}
	fmt.Fprintln(a.Out)
	judged := map[batch.ID]bool{}
	for _, r := range b.Batches {
		judged[r.Batch] = true
		fmt.Fprintln(a.Out)
		a.writeResult(r)
	}
	for _, f := range b.Failed {
		if !judged[f.Batch] {
			fmt.Fprintf(a.Out, "\n%s: not judged: %s: %s\n", f.Batch, f.Kind, printable(f.Why))
		}
	}
	for _, id := range b.Busy {
		fmt.Fprintf(a.Out, "\n%s: left alone: its night, or another reconciliation of it, still runs\n", id)
	}
}

// against is what a comparison with the provider's books came to, in rows of a
// result.
func (a *app) against(t table, r *batch.Reconciliation) {
	if r.Log != "" {
		t.row("books", "not compared with the provider's log: "+printable(r.Log))
	} else {
		t.row("books", fmt.Sprintf("ledger %s, provider's log %s for %s", r.Charged.Dollars(), r.Logged.Dollars(), plural(r.Runs, "run")))
	}
	var settled []string
	for _, p := range []struct {
		n    int
		what string
	}{{r.Found, "found in the log"}, {r.Absent, "proven not to have run"}, {r.Late, "came in late"}} {
		if p.n > 0 {
			settled = append(settled, grouped(p.n)+" "+p.what)
		}
	}
	if len(settled) > 0 {
		t.row("settled", strings.Join(settled, ", "))
	}
	if r.Foreign.Runs > 0 {
		t.row("elsewhere", fmt.Sprintf("%s on the same key, %s", plural(r.Foreign.Runs, "run"), r.Foreign.Dollars.Dollars()))
	}
}

// writeNotes prints what a person should know and nothing fails for.
func (a *app) writeNotes(r *batch.Reconciliation) {
	for _, n := range r.Notes {
		fmt.Fprintf(a.Out, "\nnote: %s\n", printable(n.Text))
		if n.Remedy != "" {
			fmt.Fprintf(a.Out, "  %-6s %s\n", "do", printable(n.Remedy))
		}
	}
}
