package cli

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
)

// mostNights bounds starter usage: a year.
const mostNights = 366

func (a *app) usageCmd() *cobra.Command {
	var nights int
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Say what the last nights cost, by key, beside the week before each",
		Long: `Adds up the last nights of the ledger that OFFPEAK_LEDGER names, by night and API
key: jobs, what was billed, what the same runs cost by day, what was saved and
which share of the day price that is, and what was billed on average on the seven
nights before, those without a job counted as zero. "x" is how many times that
average the night was; more than 2 is marked. The newest night comes first, and
it is the newest that the books have.

"elsewhere" is spend on the same key that isn't in these books, of another program
or person, as far as a comparison with the provider's log saw it during the night.
A key is named by the first digits of its hash. A night is that of its batch id:
what was carried over counts to the night for which it was planned.`,
		Example: `  starter usage --nights 7
  starter usage watch                 # calendar days, others on the key, credits
  starter usage --json | jq -r '.nights[] | [.night, .money.billed] | @csv'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := inRange("--nights", nights, 1, mostNights); err != nil {
				return err
			}
			return a.onBooks(c.Context(), func(b *books.Books) error {
				u, err := b.Usage(c.Context(), nights, a.Now())
				if err != nil {
					return err
				}
				if a.json {
					return a.object(u)
				}
				a.writeUsage(u)
				return nil
			})
		},
	}
	cmd.AddCommand(a.usageWatchCmd())
	cmd.Flags().IntVar(&nights, "nights", 14, "so many nights, up to "+grouped(mostNights))
	return cmd
}

func (a *app) writeUsage(u books.Usage) {
	if len(u.Days) == 0 {
		fmt.Fprintln(a.Out, "these books have no night yet")
		return
	}
	var lines strings.Builder
	t := newTable(&lines)
	t.row("night", "key", "batches", "jobs", "billed", "day price", "saved", "discount", "mean before", "x", "elsewhere")
	for _, d := range u.Days {
		if d.Batches == 0 {
			t.row(string(d.Night), "-", "-", "-", "-", "-", "-", "-", "-", "-", "-")
			continue
		}
		mean, times, foreign := "-", "-", "-"
		if d.Mean != nil {
			mean, times = d.Mean.Dollars(), timesOf(d.Money.Billed, *d.Mean)
		}
		if d.Foreign.Runs > 0 {
			foreign = fmt.Sprintf("%s in %s", d.Foreign.Dollars.Dollars(), plural(d.Foreign.Runs, "run"))
		}
		t.row(string(d.Night), printable(d.Key), grouped(d.Batches), grouped(d.Succeeded)+" of "+grouped(d.Jobs), d.Money.Billed.Dollars(), d.Money.DayPrice.Dollars(),
			d.Money.Saved.Dollars(), share(d.Money), mean, times, foreign)
	}
	t.row("all", "", "", "", u.Total.Billed.Dollars(), u.Total.DayPrice.Dollars(), u.Total.Saved.Dollars(), share(u.Total))
	t.flush()
	a.trimmed(lines.String())
}

// share is the realised discount, "32.7 %"; "-" where nothing was charged.
func share(s books.Sums) string {
	if p := percent(s.Saved, s.DayPrice); p != "" {
		return p + " %"
	}
	return "-"
}

// timesOf is how many times the mean a night was, "2.4 (!)"; "-" without one.
func timesOf(billed, mean money.USD) string {
	if mean <= 0 {
		return "-"
	}
	r := new(big.Rat).Quo(billed.Rat(), mean.Rat())
	s := r.FloatString(1)
	if r.Cmp(big.NewRat(2, 1)) > 0 {
		s += " (!)"
	}
	return s
}
