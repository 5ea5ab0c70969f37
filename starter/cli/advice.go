package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
)

func (a *app) adviceCmd() *cobra.Command {
	var nights int
	cmd := &cobra.Command{
		Use:   "advice [NAME/NIGHT|NAME]",
		Short: "Say what would save money or time, by the nights so far",
		Long: `Looks at the last nights of the ledger, or at one batch, and says what could be
better, by the thresholds of the provider's production checklist: the premium tier
(more than one request a day that met a rate limit, more than 1,200 requests a day,
an agent above 200,000 max_tokens), the batch endpoint (more than 20 jobs one by
one), agents whose fee is more than half of the bill, nights that save less than a
cent. Each comes with what it costs or saves a month, of 30 nights.

Nothing is wrong when it has something to say: the exit code is 0. A morning's
report has the same about its night, starter estimate about the one to come.`,
		Example: `  starter advice
  starter advice --nights 30 --json | jq -r '.advice[] | [.rule, .saves] | @tsv'
  starter advice market-digest/2026-11-22`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("want at most one argument, %s; got %d", aNight, len(args))
			}
			if len(args) == 1 {
				a.asked = args[0]
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := inRange("--nights", nights, 1, mostNights); err != nil {
				return err
			}
			return a.onBooks(c.Context(), func(b *books.Books) error {
				var id batch.ID
				if len(args) == 1 {
					var err error
					if id, err = b.Find(c.Context(), args[0]); err != nil {
						return err
					}
				}
				got, err := b.Advise(c.Context(), id, nights)
				if err != nil {
					return err
				}
				if a.json {
					return a.object(got)
				}
				of := plural(len(got.Batches), "batch")
				switch {
				case len(got.Batches) == 1:
					of = printable(string(got.Batches[0]))
				case len(got.Batches) > 1:
					of = fmt.Sprintf("%s batches of %s", grouped(len(got.Batches)), plural(got.Nights, "night"))
				}
				if len(got.Advice) == 0 {
					fmt.Fprintf(a.Out, "nothing to advise, by %s\n", of)
					return nil
				}
				fmt.Fprintf(a.Out, "by %s:\n", of)
				a.writeAdvice(got.Advice)
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&nights, "nights", 7, "the last so many nights that have a batch, up to "+grouped(mostNights))
	return cmd
}
