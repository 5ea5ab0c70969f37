package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

// plan is what the flags of schedule create say.
type schedulePlan struct {
	nightly.ScheduleRequest
	window, name string
	days         []string
	reference    bool
}

func (a *app) scheduleCreateCmd() *cobra.Command {
	var p schedulePlan
	cmd := &cobra.Command{
		Use:   "create [FILE|-|URL]",
		Short: "Have Temporal start a batch's night every night",
		Long: `Checks a manifest, as starter start does, and makes a Temporal schedule that starts
its night at the window's start_at, 21:00 Pacific, every night. The manifest is
handed over as it is now; with --reference, or as a URL, the worker reads it anew
each night (a manifest whose jobs are in a file is always read anew).

--days names nights by the date on which they open: sun is the night from Sunday
to Monday, also where it starts after midnight. What is wrong is said before
anything is made: a start that would lie outside the window on any date of the
year to come, or that a clock change skips; a catch-up that would start by day.

With --reconcile it makes the other schedule that belongs to every ledger: each
morning at 10:00 Pacific the books of the night that is over are compared with the
provider's log once more, for every batch of it. That sends nothing.`,
		Example: `  starter schedule create examples/market-digest.yaml --days sun,mon,tue,wed,thu
  starter schedule create --reference /srv/nights/digest.yaml --at 22:30
  starter schedule create s3://nights/digest.yaml?region=us-west-2 --name digest
  starter schedule create --reconcile`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case p.Reconcile && len(args) > 0:
				return errors.New("--reconcile goes through every batch of a night: leave the manifest out, or the flag")
			case !p.Reconcile && len(args) != 1:
				return fmt.Errorf("want one argument, %s, or its URL, or --reconcile; got %d", aManifest, len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			r, err := a.scheduleRequest(c.Context(), p, args)
			if err != nil {
				return err
			}
			client, err := a.dial(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			s, err := client.CreateSchedule(c.Context(), r)
			if err != nil {
				return err
			}
			return a.showSchedule(s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.ID, "id", "", "the schedule's id (default: the manifest's name, or reconcile)")
	f.StringVar(&p.At, "at", "", "time of day (default: the window's start_at, or 10:00 with --reconcile)")
	f.StringVar(&p.Zone, "zone", "", "time zone of --at (default: the window's)")
	f.StringSliceVar(&p.days, "days", nil, "nights, by the day on which they open, such as sun,mon (default: all)")
	f.DurationVar(&p.CatchUp, "catch-up", 0, "how late it may start when Temporal was away (default: 6h, or what a night leaves)")
	f.BoolVar(&p.Paused, "paused", false, "make it held: starter schedule resume sets it going")
	f.StringVar(&p.Note, "note", "", "one line that is shown with it")
	f.BoolVar(&p.Reconcile, "reconcile", false, "compare the books of the night that is over, instead of starting one")
	f.BoolVar(&p.reference, "reference", false, "hand over where FILE is, and not what it says now")
	f.StringVar(&p.name, "name", "", "of a URL: the name in the manifest there")
	windowFlag(cmd, &p.window)
	return cmd
}

// scheduleRequest reads what is to be scheduled.
func (a *app) scheduleRequest(ctx context.Context, p schedulePlan, args []string) (nightly.ScheduleRequest, error) {
	r := p.ScheduleRequest
	bad := func(flag, detail, hint string) (nightly.ScheduleRequest, error) {
		return r, &batch.Fault{Kind: batch.BadInput, Op: "read flag", Thing: flag, Detail: detail, Hint: hint}
	}
	for _, d := range p.days {
		day, err := tariff.ParseWeekday(strings.TrimSpace(d))
		if err != nil {
			return bad("--days", fmt.Sprintf("%q is no day of the week", printable(d)), "write mon, tue, wed, thu, fri, sat, sun, with commas between them")
		}
		r.Days = append(r.Days, day)
	}
	if p.CatchUp < 0 {
		return bad("--catch-up", p.CatchUp.String()+" is below zero", "write it as 6h")
	}
	elsewhere := len(args) == 1 && strings.Contains(args[0], "://") && !strings.HasPrefix(args[0], "file://")
	switch {
	case p.name != "" && !elsewhere:
		return bad("--name", "the manifest says its name itself", "leave it out; it is for a manifest behind a URL, which only the worker reads")
	case p.Reconcile:
		if p.window != "" || p.reference {
			return bad("--reconcile", "it takes no manifest", "leave --window and --reference out")
		}
		return r, nil
	case elsewhere:
		if p.name == "" {
			return bad("--name", "a manifest behind a URL is read by the worker: its name can't be told here", "say it: --name digest")
		}
		r.Night = nightly.Request{Ref: args[0], Name: batch.Name(p.name)}
		if p.window == "" {
			return r, nil
		}
		w, err := parseWindow(p.window)
		if err != nil {
			return r, err
		}
		r.Night.Window, r.Night.Replace = w, true
		return r, nil
	}
	if p.reference && args[0] == stdin {
		return bad("--reference", "standard input can't be read again", "name a file")
	}
	in, err := a.load(ctx, strings.TrimPrefix(args[0], "file://"), p.window)
	if err != nil {
		return r, err
	}
	r.Night = in.request()
	if p.reference {
		r.Night = in.byName()
	}
	return r, nil
}
