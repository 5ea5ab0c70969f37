package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
)

func (a *app) reportCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "report NAME/NIGHT|NAME",
		Short: "Print a finished night's report",
		Long: `Prints the report of a night that is over: what was paid and saved, where every
job stands, what the audit found and what to do about it. A name alone means its
latest night. While what it left over waits for another night, it is the report
of the last one that is over. Where the archive is on this machine the whole
written report is printed, else its summary.

The exit code is the night's, as of starter run. A night that isn't over has no
report: the error says what it is doing.`,
		Example: "  starter report market-digest/2026-11-22",
		Args:    a.night,
		RunE: func(c *cobra.Command, args []string) error {
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
}
