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
	daily        map[string]*bool // the flag of each kind of daily work
	everyDay     bool             // --daily: all of them
}

// kinds is the daily work that the flags ask for.
func (p *schedulePlan) kinds() []string {
	if p.everyDay {
		return nightly.DailyKinds()
	}
	var out []string
	for _, k := range nightly.DailyKinds() {
		if *p.daily[k] {
			out = append(out, k)
		}
	}
	return out
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

Four more schedules belong to every ledger, and none of them sends anything. Each
morning, Pacific time: --watch, at 07:00, judges what was spent the day before;
--export, at 08:00, keeps what is new in the provider's log; --purge, at 09:00,
deletes what was kept long enough; --reconcile, at 10:00, compares the books of the
night that is over with the provider's log once more. --daily makes those of the
four that aren't there yet.`,
		Example: `  starter schedule create examples/market-digest.yaml --days sun,mon,tue,wed,thu
  starter schedule create --reference /srv/nights/digest.yaml --at 22:30
  starter schedule create s3://nights/digest.yaml?region=us-west-2 --name digest
  starter schedule create --watch
  starter schedule create --daily`,
		Args: func(_ *cobra.Command, args []string) error {
			kinds := p.kinds()
			switch {
			case len(kinds) > 0 && len(args) > 0:
				return errors.New("daily work goes through everything that there is: leave the manifest out, or the flag")
			case len(kinds) == 0 && len(args) != 1:
				return fmt.Errorf("want one argument, %s, or its URL, or --daily, --watch, --export, --purge, --reconcile; got %d", aManifest, len(args))
			case len(kinds) > 1 && !p.everyDay:
				return fmt.Errorf("one at a time, or all of them with --daily; got --%s", strings.Join(kinds, ", --"))
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
			if p.everyDay {
				return a.createDaily(c.Context(), client, r)
			}
			s, err := client.CreateSchedule(c.Context(), r)
			if err != nil {
				return err
			}
			return a.showSchedule(s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.ID, "id", "", "the schedule's id (default: the manifest's name, or the kind of daily work)")
	f.StringVar(&p.At, "at", "", "time of day (default: the window's start_at, or that of the kind of daily work)")
	f.StringVar(&p.Zone, "zone", "", "time zone of --at (default: the window's)")
	f.StringSliceVar(&p.days, "days", nil, "nights, by the day on which they open, such as sun,mon (default: all)")
	f.DurationVar(&p.CatchUp, "catch-up", 0, "how late it may start when Temporal was away (default: 6h, or what a night leaves)")
	f.BoolVar(&p.Paused, "paused", false, "make it held: starter schedule resume sets it going")
	f.StringVar(&p.Note, "note", "", "one line that is shown with it")
	p.daily = map[string]*bool{}
	for kind, does := range map[string]string{
		nightly.KindWatch:     "judge what was spent the day before, instead of starting a night",
		nightly.KindExport:    "keep what is new in the provider's log, instead of starting a night",
		nightly.KindPurge:     "delete what was kept long enough, instead of starting a night",
		nightly.KindReconcile: "compare the books of the night that is over, instead of starting one",
	} {
		p.daily[kind] = f.Bool(kind, false, does)
	}
	f.BoolVar(&p.everyDay, "daily", false, "make all four of those that aren't there yet")
	f.BoolVar(&p.reference, "reference", false, "hand over where FILE is, and not what it says now")
	f.StringVar(&p.name, "name", "", "of a URL: the name in the manifest there")
	windowFlag(cmd, &p.window)
	return cmd
}

// createDaily makes the schedules of all daily work. One that is there is left
// as it is.
func (a *app) createDaily(ctx context.Context, client *nightly.Client, r nightly.ScheduleRequest) error {
	var all []nightly.Schedule
	for _, kind := range nightly.DailyKinds() {
		r.Daily = kind
		s, err := client.CreateSchedule(ctx, r)
		if errors.Is(err, nightly.ErrScheduleExists) {
			a.note("%s: there already, and left as it is", kind)
			s, err = client.Schedule(ctx, kind)
		}
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	if a.json {
		return a.object(map[string]any{"schedules": all})
	}
	a.writeSchedules(all)
	return nil
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
	case p.everyDay && (p.ID != "" || p.At != ""):
		return bad("--daily", "it makes four schedules, each with an id and a time of its own", "leave --id and --at out, or make them one by one")
	case len(p.kinds()) > 0:
		r.Daily = p.kinds()[0]
		if p.window != "" || p.reference {
			return bad("--"+r.Daily, "it takes no manifest", "leave --window and --reference out")
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
