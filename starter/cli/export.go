package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/tariff"
)

// exportCmd is starter export; it is below ledger, too, by the name that it had
// first.
func (a *app) exportCmd(name string) *cobra.Command {
	var (
		o     books.Order
		night string
	)
	cmd := &cobra.Command{
		Use:   "export --out FILE.csv|FILE.parquet",
		Short: "Write the charges as a table for the warehouse",
		Long: `Writes a table with a row for each charge, keyed by request id (and attempt, for
a job that was billed twice), and a row without dollars for each job that has no
charge: what was billed, what it costs by day, what was saved, tokens, agents,
the provider's words on the discount, and the charge's hash.

CSV has dollars with six decimals and makes text harmless that a spreadsheet
would run as a formula. Parquet has dollars as DECIMAL(18,6) and times in
microseconds, UTC.

The file appears when it is complete: it was read back, and its sums are the
ledger's to the micro-dollar. One that is there is left alone without --force.`,
		Example: strings.ReplaceAll(`  starter NAME --out night.parquet --night 2026-11-22
  starter NAME --out digest.csv --batch market-digest/2026-11-22`, "NAME", name),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Out == "" {
				return &batch.Fault{Kind: batch.BadInput, Op: "read flags", Thing: "--out", Detail: "it isn't given", Hint: "name the file to write, such as --out charges.parquet"}
			}
			if night != "" {
				if _, err := time.Parse(time.DateOnly, night); err != nil {
					return &batch.Fault{Kind: batch.BadInput, Op: "read --night", Thing: night, Detail: "not a date such as 2026-11-22", Err: err}
				}
			}
			o.Night = tariff.Night(night)
			return a.onBooks(c.Context(), func(b *books.Books) error {
				far := a.far()
				e, err := b.Export(c.Context(), o, func(rows int) { far("exporting: %s so far", plural(rows, "row")) })
				if err != nil {
					return err
				}
				if a.json {
					return a.object(e)
				}
				fmt.Fprintf(a.Out, "%s: %s, %s bytes\n\n", printable(e.File), strings.ToUpper(e.Format), grouped(int(e.Bytes)))
				t := newTable(a.Out)
				t.row("rows", fmt.Sprintf("%s: %s, %s of %s", grouped(e.Rows), plural(e.Money.Charges, "charge"), plural(e.Jobs, "job"), batches(e.Batches)))
				t.row("billed", e.Money.Billed.Dollars())
				t.row("day price", e.Money.DayPrice.Dollars())
				t.row("saved", e.Money.Saved.Dollars())
				t.row("ledger", "the same, to the micro-dollar")
				t.flush()
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Out, "out", "", "the file to write; its ending says what it is")
	f.StringVar(&o.Batch, "batch", "", "only this batch, NAME/NIGHT, or NAME for its latest night")
	f.StringVar(&night, "night", "", "only batches of this night, such as 2026-11-22")
	f.BoolVar(&o.Force, "force", false, "write over a file that is there")
	return cmd
}
