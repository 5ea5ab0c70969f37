package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/report"
	"github.com/offpeak/offpeak/starter/books"
)

func (a *app) reportCmd() *cobra.Command {
	var month, format string
	cmd := &cobra.Command{
		Use:   "report NAME/NIGHT|NAME",
		Short: "Print a finished night's report",
		Long: `Prints the report of a night that is over: what was paid and saved, where every
job stands, what the audit found and what to do about it. A name alone means its
latest night. While what it left over waits for another night, it is the report
of the last one that is over. Where the archive is on this machine the whole
written report is printed, else its summary.

The exit code is the night's, as of starter run. A night that isn't over has no
report: the error says what it is doing.

--format prints one of the files that the night wrote into the archive, as it
is: html is one page that needs nothing else, md is for a chat, csv has a line
for each job. --month prints what all nights of a month came to, what they come
to in a year, and what runs elsewhere on the same keys. Both read the books that
OFFPEAK_LEDGER names, and need no Temporal.`,
		Example: `  starter report market-digest/2026-11-22
  starter report market-digest/2026-11-22 --format md
  starter report --month 2026-11`,
		Args: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("month") {
				return cobra.NoArgs(c, args)
			}
			return a.night(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case c.Flags().Changed("month"):
				return a.month(c.Context(), month)
			case format != "":
				return a.written(c.Context(), args[0], format)
			}
			n, done, err := a.reach(c.Context(), args[0])
			if err != nil {
				return err
			}
			defer done()
			v, err := n.Judged(c.Context())
			if err != nil {
				return err
			}
			if !v.Closed {
				if last, err := n.LastJudged(c.Context()); err == nil {
					a.note("note: this is how its last night ended; the batch goes on: %s", a.progress(v))
					v = last
				} else if batch.KindOf(err) != batch.NotFound {
					return err
				}
			}
			if !v.Closed {
				return &batch.Fault{
					Kind: batch.NotFound, Op: "read report of", Thing: string(n.Batch), Detail: "the night isn't over; " + a.progress(v),
					Hint: "starter watch " + string(n.Batch) + " follows it",
				}
			}
			var fault error
			if v.Fault != nil {
				fault = v.Fault
			}
			if text, ok := archived(v.Result); ok && !a.json {
				fmt.Fprint(a.Out, text)
				if code := v.Result.ExitCode(); code != batch.ExitDone {
					return exit(code)
				}
				return nil
			}
			return a.finish(v.Result, fault)
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "what all nights of a month came to, such as 2026-11")
	cmd.Flags().StringVar(&format, "format", "", "a file of the archive as it is: "+strings.Join(books.Formats, ", "))
	cmd.MarkFlagsMutuallyExclusive("month", "format")
	return cmd
}

// month prints what a month came to.
func (a *app) month(ctx context.Context, month string) error {
	return a.onBooks(ctx, func(b *books.Books) error {
		m, err := b.Month(ctx, month)
		if err != nil {
			return err
		}
		if a.json {
			return a.object(m)
		}
		return report.MonthText(a.Out, m)
	})
}

// written prints a report's file as the archive has it.
func (a *app) written(ctx context.Context, arg, format string) error {
	if !slices.Contains(books.Formats, format) {
		return &batch.Fault{Kind: batch.BadInput, Op: "read --format", Thing: format, Detail: "no report is written in it", Hint: "one of " + strings.Join(books.Formats, ", ")}
	}
	return a.onBooks(ctx, func(b *books.Books) error {
		text, err := b.Report(ctx, arg, format)
		if err != nil {
			return err
		}
		if a.json && format != "json" {
			return a.object(map[string]string{"format": format, "report": string(text)})
		}
		_, err = a.Out.Write(text)
		return err
	})
}
