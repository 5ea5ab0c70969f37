package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

func (a *app) purgeCmd() *cobra.Command {
	var (
		in   batch.PurgeInput
		id   string
		what []string
		yes  bool
	)
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Delete texts that are no longer to be kept; money is never deleted",
		Long: `Has a worker delete what is older than its settings say: prompts and receipts
from the ledger (OFFPEAK_KEEP_PROMPTS, OFFPEAK_KEEP_RECEIPTS), answers and results
from the archive (OFFPEAK_KEEP_ANSWERS), rows of the provider's log from the lake
(OFFPEAK_KEEP_LOGS). What has no setting is kept for ever. With --dry-run it says
what that would be, by batch, and deletes nothing.

Charges, states, digests, times and reports stay: starter ledger verify passes as
before, and a manifest that is run again still finds its jobs, and pays for none
twice. Whoever looks for what is gone is told since when, and why.

With --batch the texts of one batch go now, whatever their age, because somebody
asks for that: without --yes it only says what they are. A batch that runs, or of
which an outcome isn't known, is left alone.

A schedule does this every day. Ctrl-C stops the watching only.`,
		Example: `  starter purge --dry-run
  starter purge --batch market-digest/2026-11-22 --what prompts,answers --yes`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, w := range what {
				in.What = append(in.What, batch.Kept(strings.TrimSpace(w)))
			}
			if yes && id == "" {
				return &batch.Fault{Kind: batch.BadInput, Op: "read flags", Thing: "--yes", Detail: "it is for --batch alone: without one, the worker's settings say what goes", Hint: "leave it out"}
			}
			if id != "" {
				if err := named(id); err != nil {
					return err
				}
			}
			client, err := a.dial(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			if in.Batch = batch.ID(id); id != "" && !strings.Contains(id, "/") {
				n, err := client.Latest(c.Context(), batch.Name(id))
				if err != nil {
					return err
				}
				in.Batch = n.Batch
			}
			asks := in.Batch != "" && !yes
			in.DryRun = in.DryRun || asks
			if in.Batch != "" {
				in.By = a.who()
			}
			return a.purge(c.Context(), client, in, asks)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&in.DryRun, "dry-run", false, "say what would go, and delete nothing")
	f.StringVar(&id, "batch", "", "the texts of this batch (NAME/NIGHT, or NAME for its latest night), now")
	f.StringSliceVar(&what, "what", nil, "only these: prompts, answers, receipts, logs")
	f.BoolVar(&yes, "yes", false, "delete what --batch names, without being asked once more")
	return cmd
}

func (a *app) purge(ctx context.Context, client *nightly.Client, in batch.PurgeInput, asks bool) error {
	p, err := client.Purge(ctx, in)
	if err != nil {
		return err
	}
	if p.Running {
		a.note("it is under way already: following it")
	}
	out, err := p.Watch(ctx, watchEvery, a.dailyProgress())
	if ctx.Err() != nil {
		if a.Release != nil {
			a.Release()
		}
		a.note("stopped watching; the purge goes on\n  come back:  starter purge")
		return a.interrupted("follow", "purge")
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.object(out)
	}
	a.writePurged(out)
	if asks && len(out.Sums) > 0 {
		a.note("nothing was deleted; to delete it: the same command with --yes")
	}
	return nil
}

// writePurged prints what went, or would.
func (a *app) writePurged(p batch.Purged) {
	verb := "deleted"
	if p.DryRun {
		verb = "would be deleted"
	}
	var rules []string
	for _, r := range p.Rules {
		rules = append(rules, string(r.What)+" "+r.Keep)
	}
	switch {
	case len(p.Sums) == 0 && p.Batch != "":
		fmt.Fprintf(a.Out, "%s: there is nothing left to delete\n", p.Batch)
	case len(p.Sums) == 0:
		fmt.Fprintf(a.Out, "nothing is older than it may be (kept: %s)\n", strings.Join(rules, ", "))
	default:
		for _, s := range p.Sums {
			fmt.Fprintf(a.Out, "%s: %s %s, %s", verb, grouped(int(s.Items)), noun(s.What, s.Items), sized(s.Bytes))
			if s.Batches > 0 && p.Batch == "" {
				fmt.Fprintf(a.Out, ", of %s", batches(s.Batches))
			}
			fmt.Fprintln(a.Out)
		}
		fmt.Fprintln(a.Out)
		t := newTable(a.Out)
		t.row("batch", "what", "items", "bytes", "why")
		for _, b := range p.Batches {
			id := string(b.Batch)
			if id == "" {
				id = "-"
			}
			t.row(id, string(b.What), grouped(int(b.Items)), grouped(int(b.Bytes)), printable(b.Rule))
		}
		t.flush()
		if p.More > 0 {
			fmt.Fprintf(a.Out, "and %s more: the view warehouse_purges has all\n", grouped(p.More))
		}
	}
	for _, h := range p.Held {
		fmt.Fprintf(a.Out, "\nkept: %s\n  %-6s %s\n", h.Batch, "why", printable(h.Why))
	}
}

// noun is what items of a kind are called.
func noun(k batch.Kept, n int64) string {
	what := map[batch.Kept]string{
		batch.KeptPrompts: "prompt", batch.KeptAnswers: "file of answers", batch.KeptReceipts: "receipt", batch.KeptLogs: "day of the provider's log", batch.KeptUploads: "uploaded file",
	}[k]
	if n == 1 {
		return what
	}
	if first, rest, of := strings.Cut(what, " of "); of {
		return first + "s of " + rest
	}
	return what + "s"
}

// sized is a number of bytes for people.
func sized(n int64) string {
	unit, of := "bytes", int64(1)
	for _, u := range []string{"KiB", "MiB", "GiB"} {
		if n < 1024*of {
			break
		}
		unit, of = u, of*1024
	}
	if of == 1 {
		return grouped(int(n)) + " bytes"
	}
	tenths := n * 10 / of
	return fmt.Sprintf("%s.%d %s", grouped(int(tenths/10)), tenths%10, unit)
}
