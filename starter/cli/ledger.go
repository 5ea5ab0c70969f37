package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
)

func (a *app) ledgerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Prove the books, or take them out",
		Long: `Reads the ledger that OFFPEAK_LEDGER names, beside running workers, without
Temporal and without changing anything.`,
		Example: "  starter ledger verify",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.verifyCmd(), a.exportCmd("ledger export"))
	return cmd
}

// quietTime is how long a command may work without a word of how far it is.
const quietTime = 2 * time.Second

// far says how far a long command is, on standard error.
func (a *app) far() func(format string, args ...any) {
	last := a.Now()
	return func(format string, args ...any) {
		if now := a.Now(); now.Sub(last) >= quietTime {
			last = now
			a.note(format, args...)
		}
	}
}

func (a *app) verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove that nobody changed the books",
		Long: `Walks the chain of charges from the first to the last: each must have its place,
the hash of the one before it, and content that hashes to what it says. Then
every running sum is added up again from the rows: each batch's jobs, states,
reservations and charges, each key's requests under way. All on one snapshot.

The head, the last charge's hash, stands for all charges before it: noted
elsewhere, it proves later that none was cut off.

Ends with 0 when everything holds, and with 5 when something doesn't: the first
row that doesn't is named.`,
		Example: "  starter ledger verify --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.onBooks(c.Context(), func(b *books.Books) error {
				far := a.far()
				v, err := b.Verify(c.Context(), func(v books.Checked) {
					far("verifying: %s, %s, %s so far", plural(int(v.Charges), "charge"), batches(v.Batches), plural(v.Jobs, "job"))
				})
				return a.verified(b.Place(), v, err)
			})
		},
	}
}

// verifiedJSON is the answer of ledger verify.
type verifiedJSON struct {
	OK      bool          `json:"ok"`
	Ledger  string        `json:"ledger"`
	Checked books.Checked `json:"checked"`
	Error   *failure      `json:"error,omitempty"`
}

func (a *app) verified(place string, v books.Checked, err error) error {
	var f *batch.Fault
	if err != nil && (!errors.As(err, &f) || f.Kind != batch.BooksDisagree) {
		return err
	}
	if a.json {
		out := verifiedJSON{OK: f == nil, Ledger: place, Checked: v}
		if f != nil {
			what := faultJSON(f)
			out.Error = &what
		}
		if err := a.object(out); err != nil {
			return err
		}
	} else {
		word, rows := a.paint(green, "OK"), "everything holds"
		if f != nil {
			word, rows = a.paint(red, "FAILED"), "this much held"
		}
		fmt.Fprintf(a.Out, "%s: %s, %s\n\n", word, printable(place), rows)
		t := newTable(a.Out)
		t.row("charges", fmt.Sprintf("%s of %s in all, in an unbroken chain", grouped(int(v.Charges)), v.Total.Dollars()))
		if f == nil || v.Batches > 0 { // else it didn't come so far
			t.row("batches", fmt.Sprintf("%s of %s, added up again", grouped(v.Batches), plural(v.Jobs, "job")))
		}
		if f == nil || v.Keys > 0 {
			t.row("keys", grouped(v.Keys)+", requests counted again")
		}
		t.row("head", v.Head)
		t.flush()
	}
	if f == nil {
		return nil
	}
	writeFault(a.Err, f)
	return exit(f.Kind.ExitCode())
}

func batches(n int) string {
	if n == 1 {
		return "1 batch"
	}
	return grouped(n) + " batches"
}
