package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/starter/books"
)

func (a *app) resultsCmd() *cobra.Command {
	var q books.Wanted
	cmd := &cobra.Command{
		Use:   "results NAME/NIGHT|NAME",
		Short: "Print every job of a batch with its answer, as JSON Lines",
		Long: `Prints one JSON object a line for each job of the batch, in the manifest's
order: name, request id, state, dollars, and the output of its answer, or null
and the reason where there is none. A name alone means its latest night. These
are the lines of results.jsonl, which the audit writes into the archive; here
they are as of now, also while the night runs.

It reads the ledger that OFFPEAK_LEDGER names and the archive that
OFFPEAK_ARCHIVE names, beside running workers, and needs neither Temporal nor a
worker. Answers are printed: mind who reads along.

With -o it writes a file, which appears when it is complete; one that is there
is left alone without --force.`,
		Example: `  starter results market-digest | jq -r 'select(.state == "succeeded") | .output'
  starter results market-digest/2026-11-22 -o night.jsonl
  starter results market-digest --job "EU Market Digest"`,
		Args: a.night,
		RunE: func(c *cobra.Command, args []string) error {
			q.Batch = args[0]
			return a.onBooks(c.Context(), func(b *books.Books) error {
				far := a.far()
				w, err := b.Results(c.Context(), q, a.Out, func(jobs int) {
					if a.Width > 0 && (q.Out != "" || !a.Color) { // a person waits, and the lines don't tell
						far("writing results: %s so far", plural(jobs, "job"))
					}
				})
				if err != nil || q.Out == "" {
					return err
				}
				if a.json {
					return a.object(w)
				}
				fmt.Fprintf(a.Out, "%s: %s, %s, %s bytes\n", printable(w.File), plural(w.Jobs, "job"), plural(w.Answers, "answer"), grouped(int(w.Bytes)))
				if w.Missing > 0 {
					a.note("%s missing: output_missing says why", plural(w.Missing, "answer"))
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&q.Out, "output", "o", "", "the file to write, instead of standard output")
	f.StringArrayVar(&q.Jobs, "job", nil, "only the job of this name; may be given several times")
	f.BoolVar(&q.Force, "force", false, "write over a file that is there")
	return cmd
}
