package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
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
			n := 0
			remote, err := in.each(func(batch.Job) error { n++; return nil })
			if err != nil {
				return err
			}
			m := in.manifest
			if err := a.tooMany(m, n); err != nil {
				return err
			}
			if a.json {
				return a.object(validated{
					OK: true, Name: m.Name, Provider: m.Provider, Jobs: n, JobsFrom: m.JobsFrom, JobsRead: !remote,
					Window: m.Window, Budget: m.Budget,
				})
			}
			fmt.Fprintf(a.Out, "OK: %s, %s, window %s to %s %s, budget %s a job and %s in all\n",
				m.Name, plural(n, "job"), m.Window.Open, m.Window.Close, m.Window.Zone, m.Budget.PerJob.Dollars(), m.Budget.Batch.Dollars())
			if remote {
				a.note("note: the jobs of %s are checked by the worker, which reads them", printable(m.JobsFrom))
			}
			return nil
		},
	}
}

// tooMany notes that jobs don't fit into one night by the operator's own limits.
func (a *app) tooMany(m batch.Manifest, jobs int) error {
	c, err := config.Load(a.Env)
	if err != nil { // a manifest is as good as it is, whatever this shell's settings are
		a.note("note: OFFPEAK_LIMITS isn't counted: %s", plain(err))
	}
	start, err := m.Window.Decide(a.Now(), m.Policy.RequestTimeout)
	if err != nil {
		return &batch.Fault{Kind: batch.BadInput, Op: "plan night of", Thing: string(m.Name), Err: err, Hint: "correct the window or policy.request_timeout"}
	}
	if f := batch.FitNight(jobs, start, m.Policy.RequestTimeout, "", own(c)); !f.Fits {
		a.note("note: not all jobs fit into one night: %s takes %s and there are %s; what doesn't fit is parked for the next one", f.Binding, lasting(f.Needs), lasting(f.Has))
	}
	return nil
}

// validated is the answer of validate as JSON.
type validated struct {
	OK       bool          `json:"ok"`
	Name     batch.Name    `json:"name"`
	Provider string        `json:"provider"`
	Jobs     int           `json:"jobs"`
	JobsFrom string        `json:"jobs_from,omitempty"`
	JobsRead bool          `json:"jobs_read"` // false: jobs_from is not on this machine, and its jobs aren't counted
	Window   tariff.Window `json:"window"`
	Budget   batch.Budget  `json:"budget"`
}

// add is a sum that stays at the largest amount there is instead of wrapping
// round: ceilings that can't be bounded are that amount.
func add(a, b money.USD) money.USD {
	const largest = money.USD(1<<63 - 1)
	if b > 0 && a > largest-b {
		return largest
	}
	return a + b
}
