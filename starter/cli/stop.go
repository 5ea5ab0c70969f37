package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/switches"
)

// scope is what a switch is for.
type scope struct {
	all bool
	key string
}

func (s *scope) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.all, "all", false, "everything on the ledger")
	cmd.Flags().StringVar(&s.key, "key", "", "one API key, by its id in the books (never the key itself)")
}

// given says whether one of both was named.
func (s scope) given() (bool, error) {
	if s.all && s.key != "" {
		return false, usage(errors.New("--all and --key are both given: name one of them"))
	}
	return s.all || s.key != "", nil
}

func (a *app) stopCmd() *cobra.Command {
	var (
		s scope
		o order
	)
	cmd := &cobra.Command{
		Use:   "stop --all|--key KEYID",
		Short: "Pull the kill switch: no worker on the ledger sends anything",
		Long: `Writes into the ledger that OFFPEAK_LEDGER names that nothing is sent, with one
key or with any. When the command returns, no worker on these books lets another
request leave, whichever batch it is for. What is in flight is paid for and ends.
Jobs wait; what still waits at a night's deadline is parked. starter go goes on.

It needs neither Temporal nor a worker. Without a flag it changes nothing and
lists the switches that are pulled and the keys.`,
		Example: `  starter stop --all --why "the invoices look wrong"
  starter stop`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			given, err := s.given()
			if err != nil {
				return err
			}
			if o.by == "" {
				o.by = a.who()
			}
			var p switches.Panel
			if given {
				p, err = switches.Stop(c.Context(), a.Env, s.key, o.by, o.why)
			} else {
				p, err = switches.Look(c.Context(), a.Env)
			}
			if err != nil {
				return err
			}
			return a.writePanel(p)
		},
	}
	s.flags(cmd)
	a.orderFlags(cmd, &o)
	return cmd
}

func (a *app) goCmd() *cobra.Command {
	var s scope
	cmd := &cobra.Command{
		Use:     "go --all|--key KEYID",
		Short:   "Release the kill switch",
		Long:    `Undoes starter stop. What waits at the gate is sent within a second.`,
		Example: "  starter go --all",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			given, err := s.given()
			if err != nil {
				return err
			}
			if !given {
				return usage(errors.New("what may go on? --all, or --key KEYID; starter stop lists what is held"))
			}
			p, err := switches.Go(c.Context(), a.Env, s.key)
			if err != nil {
				return err
			}
			if !p.Changed {
				a.note("note: that switch wasn't pulled")
			}
			return a.writePanel(p)
		},
	}
	s.flags(cmd)
	return cmd
}

// writePanel says what is held.
func (a *app) writePanel(p switches.Panel) error {
	if a.json {
		return a.object(p)
	}
	t := newTable(a.Out)
	t.row("ledger", printable(p.Ledger))
	if len(p.Pulled) == 0 {
		t.row("held", "nothing")
	}
	for _, s := range p.Pulled {
		what := "everything"
		if s.Key != "" {
			what = "key " + printable(s.Key)
		}
		t.row("held", what+" "+printable(batch.Pause{By: s.By, Why: s.Why}.String())+", "+a.moments(s.At))
	}
	for _, k := range p.Keys {
		t.row("key", printable(k.ID)+", "+plural(k.InFlight, "request")+" under way")
	}
	t.flush()
	return nil
}
