package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/nightly"
)

func (a *app) usageWatchCmd() *cobra.Command {
	var (
		day  string
		last bool
	)
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Judge what was spent yesterday, by these books and by others on the same key",
		Long: `Adds up what each API key spent, by Pacific calendar day and by when runs ended:
from the ledger, and from the provider's log, which also shows spend that isn't from
these books, and from the provider's usage report where there is one. A day is high
when it is more than twice the mean of the seven days before it, days without spend
counted, and above OFFPEAK_WATCH_FLOOR. The last three days are judged anew each
time, since rows of the log come late, and so is every day that nobody watched.

Where sources disagree about a day by more than a micro-dollar, both amounts are
shown. Credits below 1.5 times what a night cost, or below OFFPEAK_CREDITS_LOW, are
low. What there is to tell is told where OFFPEAK_NOTIFY says, once. starter schedule
create --watch has it done every morning.

A worker does it: it reads, and sends nothing that is paid for. With --last nothing
is asked anew: the last result is read from the ledger. The exit code is 0 when the
days were judged, whatever the verdict: .alerts in the JSON says what was new.`,
		Example: `  starter usage watch
  starter usage watch --day 2026-11-21 --json | jq '.accounts[0].days[-1]'
  starter usage watch --last`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if last {
				return a.onBooks(c.Context(), func(b *books.Books) error {
					w, err := b.LastWatch(c.Context(), day)
					if err != nil {
						return err
					}
					return a.finishWatch(w)
				})
			}
			if day == "" {
				day = batch.Yesterday
			}
			return a.watchUsage(c.Context(), day)
		},
	}
	cmd.Flags().StringVar(&day, "day", "", "up to this day, a date that is over (default: yesterday, in Los Angeles)")
	cmd.Flags().BoolVar(&last, "last", false, "show the last result that the ledger has, without asking anybody")
	return cmd
}

func (a *app) watchUsage(ctx context.Context, day string) error {
	client, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	d, err := client.WatchUsage(ctx, day)
	if err != nil {
		return err
	}
	if d.Running {
		a.note("the usage of %s is being watched already: following it", day)
	}
	w, err := d.Watch(ctx, watchEvery, a.dailyProgress())
	if ctx.Err() != nil {
		if a.Release != nil {
			a.Release()
		}
		a.note("stopped watching; it goes on without this command\n  come back:  starter usage watch --day %s", day)
		return a.interrupted("follow", "usage watch")
	}
	if err != nil {
		return err
	}
	return a.finishWatch(w)
}

// dailyProgress says on standard error how a piece of daily work goes on.
func (a *app) dailyProgress() func(nightly.DailyView) {
	var (
		notes map[string]bool
		tried int
		far   = a.far()
	)
	return func(v nightly.DailyView) {
		notes = a.notices(notes, nightly.View{NoWorker: v.NoWorker}, a.Err)
		if v.Why != "" && v.Attempt != tried {
			a.note("attempt %d didn't work: %s", v.Attempt-1, printable(v.Why))
		}
		if v.Beat.Doing != "" {
			far("%s: %s", v.Beat.Doing, grouped(v.Beat.Count))
		}
		tried = v.Attempt
	}
}

// finishWatch prints a watch.
func (a *app) finishWatch(w batch.UsageWatch) error {
	if a.json {
		return a.object(w)
	}
	fmt.Fprintf(a.Out, "usage up to %s, days in %s, read at %s\n", w.Day, w.Zone, w.At.In(a.Local).Format("2006-01-02 15:04 MST"))
	if w.Log != "" {
		fmt.Fprintf(a.Out, "%s: the provider's log couldn't be read, and what others spent isn't known: %s\n", a.paint(red, "incomplete"), printable(w.Log))
	}
	for i, acc := range w.Accounts {
		if i == 0 || len(acc.Days) > 0 {
			a.writeAccount(acc)
		}
	}
	fmt.Fprintln(a.Out)
	t := newTable(a.Out)
	if c := w.Credits; c != nil {
		state := "enough"
		switch {
		case c.Low != "":
			state = a.paint(red, "low") + ": " + printable(c.Low)
		case c.Nights > 0:
			state = fmt.Sprintf("%s as %s", plural(int(c.Total/max(c.Mean, 1)), "night"), "the last "+plural(c.Nights, "night")+" were, "+c.Mean.Dollars()+" each")
		}
		t.row("credits", c.Total.Dollars()+", "+state)
	}
	t.row("usage report", printable(w.Report))
	t.flush()
	for _, d := range w.Differences {
		fmt.Fprintf(a.Out, "\n%s %s: %s says %s, %s %s: %s\n  why    %s\n", a.paint(red, "differs"), d.Day+" "+zoneWord(d.Zone), d.First.Source, d.First.Dollars.Dollars(),
			d.Second.Source, d.Second.Dollars.Dollars(), signed(d.By), printable(d.Cause))
	}
	for _, n := range w.Alerts {
		if n.Over {
			continue
		}
		fmt.Fprintf(a.Out, "\n%s: %s\n", n.Severity, printable(n.Title))
		for _, l := range n.Lines {
			fmt.Fprintf(a.Out, "         %s\n", printable(l))
		}
		if n.Remedy != "" {
			fmt.Fprintf(a.Out, "  do     %s\n", printable(n.Remedy))
		}
	}
	a.writeAdvice(w.Advice)
	return nil
}

// writeAccount prints one key's days, as far as their means go back.
func (a *app) writeAccount(acc batch.AccountWatch) {
	since := ", without a run so far"
	if acc.Since != "" {
		since = ", in use since " + acc.Since
	}
	fmt.Fprintf(a.Out, "\nkey %s%s\n", printable(acc.Account), since)
	if len(acc.Days) == 0 {
		return
	}
	var lines strings.Builder
	t := newTable(&lines)
	t.row("  day", "runs", "ours", "elsewhere", "total", "mean before", "x", "verdict")
	for _, d := range acc.Days {
		mean, times, elsewhere := "-", "-", d.Foreign.Dollars.Dollars()
		if d.Mean != nil {
			mean = d.Mean.Dollars()
			times = strings.TrimSuffix(timesOf(d.Total, *d.Mean), " (!)")
		}
		if !acc.Logged {
			elsewhere = "?"
		}
		day := "  " + d.Day
		if d.Hours != 24 {
			day += fmt.Sprintf(" (%d h)", d.Hours)
		}
		verdict := string(d.State)
		switch {
		case !d.Judged && d.State == batch.DayNormal:
			verdict = ""
		case d.State == batch.DayLasting:
			verdict = "high still"
		case d.State == batch.DayYoung:
			verdict = "too young to say"
		}
		if d.ForeignState.Loud() {
			verdict = strings.TrimPrefix(verdict+", elsewhere high", ", ")
		}
		t.row(day, grouped(d.Ours.Runs+d.Foreign.Runs), d.Ours.Dollars.Dollars(), elsewhere, d.Total.Dollars(), mean, times, verdict)
	}
	t.flush()
	a.trimmed(lines.String())
	last := acc.Days[len(acc.Days)-1]
	if len(acc.Foreign) > 0 {
		fmt.Fprintf(a.Out, "\n  not from these books, on %s:\n", last.Day)
		lines.Reset()
		t := newTable(&lines)
		for _, s := range acc.Foreign {
			name := s.Name
			if name == "" {
				name = "without a name"
			}
			t.row("    "+printable(name), printable(s.Model), plural(s.Runs, "run"), s.Dollars.Dollars())
		}
		if acc.Rest.Runs > 0 {
			t.row("    others", "", plural(acc.Rest.Runs, "run"), acc.Rest.Dollars.Dollars())
		}
		t.flush()
		a.trimmed(lines.String())
	}
	if acc.Unbooked.Runs > 0 {
		fmt.Fprintf(a.Out, "\n  %s of these books, %s by the log, have no charge: starter reconcile settles them\n", plural(acc.Unbooked.Runs, "run"), acc.Unbooked.Dollars.Dollars())
	}
}

// zoneWord is short for the two zones that days have.
func zoneWord(zone string) string {
	if zone == "America/Los_Angeles" {
		return "Pacific"
	}
	return zone
}

// signed is "$1.00 more" or "$1.00 less".
func signed(by money.USD) string {
	if by < 0 {
		return (-by).Dollars() + " less"
	}
	return by.Dollars() + " more"
}

// writeAdvice prints what would save money or time.
func (a *app) writeAdvice(all []batch.Advice) {
	for _, v := range all {
		fmt.Fprintf(a.Out, "\nadvice: %s\n  do     %s\n", printable(v.Text), printable(v.Do))
		if len(v.Jobs) > 0 {
			names := strings.Join(v.Jobs, ", ")
			if more := v.Count - len(v.Jobs); more > 0 {
				names += fmt.Sprintf(" and %s more", grouped(more))
			}
			fmt.Fprintf(a.Out, "  jobs   %s\n", printable(names))
		}
	}
}
