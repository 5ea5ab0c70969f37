package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/starter/nightly"
)

func (a *app) deployCmd() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Builds of the worker: which is current, and which may be stopped",
		Long: `Lists the builds of a deployment: workers that were started with
OFFPEAK_DEPLOYMENT. What begins goes to the current build; a night ends on the
build that it began on, its shards, sends and carried nights too. So an old
worker must stay until nothing runs on its build any more, which this tells.

Workers without OFFPEAK_DEPLOYMENT need none of this.`,
		Example: "  starter deploy",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := a.dial(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			d, err := client.Deployment(c.Context(), a.deployment(name))
			if err != nil {
				return err
			}
			if a.json {
				return a.object(d)
			}
			a.writeDeployment(d)
			return nil
		},
	}
	cmd.PersistentFlags().StringVar(&name, "name", "", "the deployment; default: OFFPEAK_DEPLOYMENT, "+nightly.DefaultDeployment)
	cmd.AddCommand(a.promoteCmd(&name), a.deployOffCmd(&name))
	return cmd
}

// deployment is the name that was asked for.
func (a *app) deployment(name string) string {
	for _, n := range []string{name, a.Env.Lookup("OFFPEAK_DEPLOYMENT")} {
		if n != "" {
			return n
		}
	}
	return nightly.DefaultDeployment
}

func (a *app) promoteCmd(name *string) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "promote BUILD",
		Short: "Have every night that begins from now on go to a build",
		Long: `Waits until workers of BUILD poll every task queue, and has everything that
begins from then on go to them. What runs stays on its build: leave the workers of
that one up until starter deploy says that they may be stopped. To go back, promote
the old build again while its workers are up.`,
		Example: "  starter deploy promote 3d005697a3b1\n  starter deploy promote v0.2.0 --wait 10m",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.promote(c.Context(), a.deployment(*name), args[0], wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Minute, "how long its workers may take to poll")
	return cmd
}

func (a *app) deployOffCmd(name *string) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "off",
		Short: "Have every night that begins go to workers without a deployment",
		Long: `The way back from OFFPEAK_DEPLOYMENT: waits until workers without it poll every
task queue, and has everything that begins from then on go to them. What runs ends
on the build that it began on.`,
		Example: "  starter deploy off",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.promote(c.Context(), a.deployment(*name), "", wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Minute, "how long such workers may take to poll")
	return cmd
}

func (a *app) promote(ctx context.Context, name, build string, wait time.Duration) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errors.New("waited "+wait.String()))
	defer cancel()
	said := false
	d, err := client.Promote(ctx, name, build, func(nightly.Deployment) {
		if !said {
			a.note("waiting until %s poll every task queue, at most %s", strings.Replace(buildName(build), "build", "workers of build", 1), wait)
			said = true
		}
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.object(d)
	}
	fmt.Fprintf(a.Out, "what begins now goes to %s\n\n", buildName(build))
	a.writeDeployment(d)
	return nil
}

func buildName(id string) string {
	if id == "" {
		return "workers without a deployment"
	}
	return "build " + id
}

// writeDeployment prints the builds, and what to do about each.
func (a *app) writeDeployment(d nightly.Deployment) {
	t := newTable(a.Out)
	t.row("build", "first seen", "workers", "nights", "other work", "")
	for _, b := range d.Builds {
		t.row(printable(b.ID), a.moment(b.Since), grouped(b.Workers), grouped(int(b.Nights)), grouped(int(b.Others)), a.stands(b))
	}
	if d.Plain > 0 || d.Current == "" {
		plain := "get nothing that begins: stop them, or give them OFFPEAK_DEPLOYMENT=" + d.Name
		if d.Current == "" {
			plain = a.paint(green, "current")
		}
		t.row("(none)", "-", grouped(d.Plain), "-", "-", plain)
	}
	t.flush()
	if d.Current == "" && d.Plain == 0 {
		a.note("nobody takes what begins: starter deploy promote BUILD")
	}
}

// stands is what a build's line ends with.
func (a *app) stands(b nightly.Build) string {
	switch {
	case b.Stuck():
		return a.paint(red, "what runs on it waits: start a worker of it again ("+strings.Join(b.Missing, ", ")+")")
	case b.Current && b.Workers == 0:
		return a.paint(red, "current, and no worker of it polls")
	case b.Current:
		return a.paint(green, "current")
	case !b.Idle():
		return "ends what it began: keep its workers up"
	case b.Workers > 0:
		return "nothing runs on it: stop its workers, or promote it"
	}
	return "gone"
}
