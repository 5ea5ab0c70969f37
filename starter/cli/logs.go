package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
)

func (a *app) logsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Keep the provider's log: export it, list it, prove it",
		Long: `The provider's log has no pages and no filter, comes late, may lose rows, and shows
the API key in each of them. The log lake (OFFPEAK_LAKE; lake below the archive by
default) keeps every row that it ever showed, without keys: a folder for each key
and day, as compressed JSON Lines and as Parquet, with a chain of manifests that
proves them. Nothing in it is ever written over. A day is one in Los Angeles.`,
		Example: "  starter logs export\n  starter logs list --from 2026-11-01",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.logsExportCmd(), a.logsListCmd(), a.logsVerifyCmd())
	return cmd
}

// logChoice are the flags that choose days and a key.
type logChoice struct{ day, from, to, key string }

func (l *logChoice) flags(c *cobra.Command) {
	c.Flags().StringVar(&l.day, "day", "", "this day alone, such as 2026-11-21")
	c.Flags().StringVar(&l.from, "from", "", "this day and those after it")
	c.Flags().StringVar(&l.to, "to", "", "this day and those before it")
}

func (l *logChoice) keyFlag(c *cobra.Command) {
	c.Flags().StringVar(&l.key, "key", "", "of this API key alone, by its id")
}

func (l *logChoice) days() (books.LogDays, error) {
	d := books.LogDays{From: l.from, To: l.to}
	if l.day != "" {
		if l.from != "" || l.to != "" {
			return d, &batch.Fault{Kind: batch.BadInput, Op: "read days", Thing: l.day, Detail: "--day is one day, and --from or --to is given, too", Hint: "leave --day out, or the other two"}
		}
		d = books.LogDays{From: l.day, To: l.day}
	}
	return d, d.Check()
}

// onLogs opens the lake for a command.
func (a *app) onLogs(ctx context.Context, do func(*books.Logs) error) (err error) {
	l, err := books.OpenLogs(ctx, a.Env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return do(l)
}

func (a *app) logsListCmd() *cobra.Command {
	var choice logChoice
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the days of the log lake: parts, rows, dollars, the ledger beside them",
		Long: `Lists what the lake has, a line for each day and API key: parts (what came late is
in a later one), rows, the size of its files, what the rows cost by the provider's
own amounts, how much of that isn't in the ledger, and whether ledger and log say
the same of the rest, as the last export of the day saw it: runs that differ are
named below. A key is named by the first digits of its hash.`,
		Example: "  starter logs list --from 2026-11-01\n  starter logs list --json | jq -r '.days[] | [.day, .rows, .money.all] | @csv'",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			days, err := choice.days()
			if err != nil {
				return err
			}
			return a.onLogs(c.Context(), func(l *books.Logs) error {
				out, err := l.List(c.Context(), choice.key, days)
				if err != nil {
					return err
				}
				if a.json {
					return a.object(out)
				}
				a.writeLogs(out)
				return nil
			})
		},
	}
	choice.flags(cmd)
	choice.keyFlag(cmd)
	return cmd
}

func (a *app) writeLogs(out books.LogListing) {
	if len(out.Days) == 0 {
		fmt.Fprintln(a.Out, "the lake has none of these days")
		return
	}
	var lines strings.Builder
	t := newTable(&lines)
	t.row("day", "key", "parts", "rows", "size", "dollars", "elsewhere", "ledger")
	for _, d := range out.Days {
		size := sized(d.Bytes)
		if d.Purged {
			size = "purged"
		}
		t.row(d.Day, printable(d.Key), grouped(d.Parts), grouped(d.Rows), size, d.Money.All.Dollars(), d.Money.Foreign.Dollars(), ledgerText(d))
	}
	t.flush()
	a.trimmed(lines.String())
	for _, d := range out.Days {
		a.writeDifferences(d)
	}
	a.note("in %s", where(out.URL))
}

// differencesShown is how many of a day's differences are listed for people;
// --json has more.
const differencesShown = 10

// writeDifferences names the runs of which log and ledger say something else,
// and the charges that the log doesn't show.
func (a *app) writeDifferences(d books.LogDay) {
	if d.Ledger == nil {
		return
	}
	amount := func(u *money.USD, none string) string {
		if u == nil {
			return none
		}
		return u.Dollars()
	}
	for _, x := range d.Ledger.Differences[:min(len(d.Ledger.Differences), differencesShown)] {
		fmt.Fprintf(a.Out, "\ndiffers: %s, request %s, run %s, row %s\n  log     %s\n  ledger  %s\n", d.Day, printable(x.RequestID), printable(x.JobID), printable(x.Row),
			amount(x.Logged, "names no amount"), amount(x.Charged, "has no charge for it"))
	}
	if more := d.Ledger.Different - differencesShown; more > 0 {
		fmt.Fprintf(a.Out, "\nand %s more of %s: --json names the first hundred\n", grouped(more), d.Day)
	}
	if u := d.Ledger.Unlogged; u.Charges > 0 {
		fmt.Fprintf(a.Out, "\nnot in the log: %s of %s, %s: %s\n", plural(u.Charges, "charge"), d.Day, u.Dollars.Dollars(), strings.Join(u.RequestIDs[:min(len(u.RequestIDs), differencesShown)], ", "))
	}
}

// differ is "1 run differs", "2 runs differ".
func differ(n int) string {
	if n == 1 {
		return "1 run differs"
	}
	return plural(n, "run") + " differ"
}

// ledgerText is how a day compares with the books, in a few words.
func ledgerText(d books.LogDay) string {
	l := d.Ledger
	if l == nil {
		return "-"
	}
	var parts []string
	switch {
	case l.Different > 0:
		parts = append(parts, fmt.Sprintf("%s: log %s, ledger %s", differ(l.Different), l.Logged.Dollars(), l.Charged.Dollars()))
	case l.Runs > 0:
		parts = append(parts, "equal, "+plural(l.Runs, "run"))
	default:
		parts = append(parts, "no run of ours")
	}
	if n := l.Unlogged.Charges; n > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s not in the log", plural(n, "charge"), l.Unlogged.Dollars.Dollars()))
	}
	return strings.Join(parts, "; ")
}

func (a *app) logsVerifyCmd() *cobra.Command {
	var choice logChoice
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that nobody changed the log lake",
		Long: `Reads everything again: walks each key's chain of manifests from the first to the
last, compares every file with its hash, adds up the rows and compares them with
what the manifests say, and reads each Parquet file row by row beside the JSON
Lines that it was made of. With days, the chain is still walked whole.

The heads, the last manifests' hashes, stand for all before them: noted elsewhere,
they prove later that none was cut off. A part without a manifest is an export at
work, or one that was killed: it doesn't count, and the next export completes it.

Ends with 0 when everything holds, and with 5 when something doesn't: each file
that doesn't is named.`,
		Example: "  starter logs verify --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			days, err := choice.days()
			if err != nil {
				return err
			}
			return a.onLogs(c.Context(), func(l *books.Logs) error {
				far := a.far()
				v, err := l.Verify(c.Context(), choice.key, days, func(v books.LogsProven) {
					far("verifying: %s, %s, %s so far", plural(v.Parts, "part"), plural(v.Rows, "row"), sized(v.Bytes))
				})
				if err != nil {
					return err
				}
				return a.proven(v)
			})
		},
	}
	choice.flags(cmd)
	choice.keyFlag(cmd)
	return cmd
}

// provenJSON is the answer of logs verify.
type provenJSON struct {
	OK bool `json:"ok"`
	books.LogsProven
}

func (a *app) proven(v books.LogsProven) error {
	ok := len(v.Wrong) == 0
	if a.json {
		if err := a.object(provenJSON{ok, v}); err != nil {
			return err
		}
	} else {
		word := a.paint(green, "everything holds")
		if !ok {
			word = a.paint(red, plural(len(v.Wrong), "thing")+" wrong")
		}
		fmt.Fprintf(a.Out, "%s: %s\n\n", where(v.URL), word)
		t := newTable(a.Out)
		t.row("checked", fmt.Sprintf("%s in %s, %s of %s", plural(v.Rows, "row"), plural(v.Parts, "part"), sized(v.Bytes), plural(v.Manifests, "manifest")))
		t.row("dollars", v.Dollars.Dollars())
		if v.Purged > 0 {
			t.row("purged", plural(v.Purged, "part")+", deleted for their age")
		}
		for _, p := range v.Pending {
			t.row("pending", printable(p)+": no manifest yet; the next export completes it")
		}
		for _, h := range v.Heads {
			t.row("head", fmt.Sprintf("%s of key %s: %s", grouped(h.N), printable(h.Key), h.Hash))
		}
		t.flush()
		for _, w := range v.Wrong {
			fmt.Fprintf(a.Out, "\nwrong: %s\n  %s\n", printable(w.Name), printable(w.Why))
		}
	}
	if ok {
		return nil
	}
	return exit(batch.BooksDisagree.ExitCode())
}
