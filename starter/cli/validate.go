package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/starter/estimate"
)

func (a *app) validateCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|-",
		Short: "Check a manifest and say everything that is wrong with it",
		Long: `Reads a manifest in YAML or JSON strictly, the jobs that it keeps in a file of
their own (jobs_from) included, and says everything that is wrong at once, each
with file, line and column. Nothing is contacted and nothing is started.

A note says when the jobs are too many for one night, by OFFPEAK_LIMITS alone:
starter estimate asks for the account's own limits, too.

Unknown and duplicate fields, values of the wrong kind, amounts with more than
six decimals, hours that aren't inside the window: all are errors. Fields of the
provider's request that offpeak doesn't know pass.

Ends with 0 when all is well and with 2 when anything is wrong.`,
		Example: "  starter validate examples/market-digest.yaml",
		Args:    one(aManifest),
		RunE: func(_ *cobra.Command, args []string) error {
			in, err := a.read(args[0], "")
			if err != nil {
				return err
			}
			v, err := estimate.Check(in.manifest, in.each, a.Env, a.Now())
			if err != nil {
				return err
			}
			if v.Limits != "" {
				a.note("note: OFFPEAK_LIMITS isn't counted: %s", printable(v.Limits))
			}
			if f := v.Fit; !f.Fits {
				a.note("note: not all jobs fit into one night: %s takes %s and there are %s; what doesn't fit is parked for the next one", f.Binding, lasting(f.Needs), lasting(f.Has))
			}
			if a.json {
				return a.object(v)
			}
			fmt.Fprintf(a.Out, "OK: %s, %s, window %s, budget %s a job and %s in all\n",
				v.Name, plural(v.Jobs, "job"), v.Window, v.Budget.PerJob.Dollars(), v.Budget.Batch.Dollars())
			if !v.JobsRead {
				a.note("note: the jobs of %s are checked by the worker, which reads them", printable(v.JobsFrom))
			}
			return nil
		},
	}
}
