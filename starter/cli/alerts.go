package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/switches"
)

// mostIncidents bounds starter alerts.
const mostIncidents = 1000

func (a *app) alertsCmd() *cobra.Command {
	var (
		all   bool
		limit int
	)
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "Say what is wrong, and who was told",
		Long: `Lists the incidents that are open in the ledger that OFFPEAK_LEDGER names, the
last seen first: what happened, since when, how often it was seen, whether and
when somebody was told, and what to do. A telling that a sink didn't take is named
with its reason.

An incident ends by itself when a later judgement finds that it is over, and that
is told, too. Alerts go where OFFPEAK_NOTIFY of the workers says; without it they
are only here. What raises one, and how each is told: docs/alerts.md.`,
		Example: `  starter alerts
  starter alerts --all --limit 20
  starter alerts --json | jq -r '.incidents[].key'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := inRange("--limit", limit, 1, mostIncidents); err != nil {
				return err
			}
			return a.onBooks(c.Context(), func(b *books.Books) error {
				got, err := b.Incidents(c.Context(), all, limit, a.Now())
				if err != nil {
					return err
				}
				if a.json {
					return a.object(got)
				}
				a.writeIncidents(got)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that are over as well")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many, up to "+grouped(mostIncidents))
	cmd.AddCommand(a.alertsShowCmd(), a.alertsTestCmd(), a.silenceCmd(), a.unsilenceCmd())
	return cmd
}

func (a *app) alertsShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "show KEY",
		Short: "Show one incident with everything that was told of it",
		Long: `Shows one incident, with every telling to every sink: on which occasion, when it
was due, how many messages were begun, when it was taken, or why not. An id of a
delivery is the one that receivers get: Offpeak-Delivery of a webhook, the
Message-ID of a mail.`,
		Example: "  starter alerts show audit/market-digest/2026-11-22",
		Args:    one("an incident's key, as starter alerts lists it"),
		RunE:    func(c *cobra.Command, args []string) error { return a.showIncident(c.Context(), args[0]) },
	}
}

func (a *app) showIncident(ctx context.Context, key string) error {
	return a.onBooks(ctx, func(b *books.Books) error {
		i, err := b.Incident(ctx, key, a.Now())
		if err != nil {
			return err
		}
		if a.json {
			return a.object(i)
		}
		a.writeIncident(i)
		a.writeTellings(i.Tellings)
		return nil
	})
}

func (a *app) silenceCmd() *cobra.Command {
	var (
		o   order
		how time.Duration
	)
	cmd := &cobra.Command{
		Use:   "silence KEY",
		Short: "Have nobody told of an incident for a while",
		Long: `Has an incident that is open told to nobody for a while, however often it is seen
and however grave it gets. It stays in starter alerts. That it is over is told all
the same, where it was told before, so that no pager goes on ringing.`,
		Example: `  starter alerts silence usage/k-1a2b3c --for 72h --why "the backfill, as planned"`,
		Args:    one("an incident's key, as starter alerts lists it"),
		RunE: func(c *cobra.Command, args []string) error {
			if how < time.Minute || how > 90*24*time.Hour {
				return usage(fmt.Errorf("--for %s is not between 1m and 2160h", how))
			}
			if o.by == "" {
				o.by = a.who()
			}
			if err := switches.Silence(c.Context(), a.Env, args[0], a.Now().Add(how), o.by, o.why); err != nil {
				return err
			}
			return a.showIncident(c.Context(), args[0])
		},
	}
	cmd.Flags().DurationVar(&how, "for", 24*time.Hour, "how long")
	a.orderFlags(cmd, &o)
	return cmd
}

func (a *app) unsilenceCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "unsilence KEY",
		Short:   "Have people told of an incident again",
		Long:    "Ends starter alerts silence. When the incident is seen next, it is told if its\nquiet period is over.",
		Example: "  starter alerts unsilence usage/k-1a2b3c",
		Args:    one("an incident's key, as starter alerts lists it"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := switches.Silence(c.Context(), a.Env, args[0], time.Time{}, a.who(), ""); err != nil {
				return err
			}
			return a.showIncident(c.Context(), args[0])
		},
	}
}

func (a *app) writeIncidents(all books.Incidents) {
	if len(all.Incidents) == 0 {
		what := "no incident is open"
		if all.All {
			what = "there was no incident yet"
		}
		fmt.Fprintf(a.Out, "%s: %s in %s\n", a.paint(green, "OK"), what, printable(all.Ledger))
		return
	}
	for n, i := range all.Incidents {
		if n > 0 {
			fmt.Fprintln(a.Out)
		}
		a.writeIncident(i)
		for _, t := range i.Tellings {
			fmt.Fprintf(a.Out, "  %s\n", printable(undelivered(t)))
		}
	}
	if all.More {
		a.note("note: there are more; --limit shows them")
	}
}

// writeIncident is one in a few lines, the first of them its name.
func (a *app) writeIncident(i books.Incident) {
	word := strings.ToUpper(string(i.Severity))
	switch {
	case i.Kind.Once():
		word = "NEWS"
	case i.State == "over":
		word = a.paint(green, "OVER")
	case i.Severity == batch.Critical:
		word = a.paint(red, word)
	}
	fmt.Fprintf(a.Out, "%s  %s\n", word, printable(i.Key))
	fmt.Fprintf(a.Out, "  %s\n", printable(i.Title))
	for _, l := range i.Lines {
		fmt.Fprintf(a.Out, "    %s\n", printable(l))
	}
	since := "since " + a.moment(i.Opened)
	if i.Count > 1 {
		since += fmt.Sprintf(", seen %s times, last %s", grouped(i.Count), a.moment(i.Seen))
	}
	if !i.Ended.IsZero() && i.State == "over" && !i.Kind.Once() {
		since += ", over since " + a.moment(i.Ended)
	}
	told := "nobody was told"
	if i.Told != "" {
		told = fmt.Sprintf("told %s (%s)", a.moment(i.ToldAt), i.Told)
	}
	fmt.Fprintf(a.Out, "  %s; %s\n", since, told)
	if s := i.Silenced; s != nil {
		why := ""
		if s.Why != "" {
			why = ": " + s.Why
		}
		fmt.Fprintf(a.Out, "  silenced until %s by %s\n", a.moment(s.Until), printable(s.By+why))
	}
	if i.Remedy != "" && i.State != "over" {
		fmt.Fprintf(a.Out, "  do: %s\n", printable(i.Remedy))
	}
}

func (a *app) moment(t time.Time) string { return t.In(a.Local).Format("2006-01-02 15:04 MST") }

// undelivered is a telling that wasn't taken, or not yet.
func undelivered(t books.Telling) string {
	s := fmt.Sprintf("%s (%s): %s", t.Place, t.Occasion, t.State)
	if t.Attempts > 0 {
		s += " after " + plural(t.Attempts, "attempt")
	}
	if t.Error != "" {
		s += ": " + t.Error
	}
	return s
}

func (a *app) writeTellings(all []books.Telling) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(a.Out)
	t := newTable(a.Out)
	t.row("told", "occasion", "where", "state", "attempts", "delivery")
	for _, d := range all {
		at := d.Ended
		if at.IsZero() {
			at = d.Due
		}
		t.row(a.moment(at), string(d.Occasion), printable(d.Place), string(d.State), grouped(d.Attempts), d.Delivery)
	}
	t.flush()
	for _, d := range all {
		if d.Error != "" {
			fmt.Fprintf(a.Out, "\n%s\n", printable(undelivered(d)))
		}
	}
}
