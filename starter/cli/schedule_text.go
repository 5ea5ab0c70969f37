package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

// writeSchedules prints a table.
func (a *app) writeSchedules(all []nightly.Schedule) {
	if len(all) == 0 {
		fmt.Fprintln(a.Out, "no schedules; starter schedule create makes one")
		return
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTARTS\tWHEN\tNEXT\tSTATE")
	for _, s := range all {
		next, state := "-", "active"
		if len(s.Next) > 0 {
			next = s.Next[0].Format("Mon 2006-01-02 15:04 MST")
		}
		if s.Paused {
			state = "paused"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", printable(s.ID), printable(what(s)), printable(when(s)), next, state)
	}
	_ = w.Flush() // to a terminal: nothing to be done about it
}

// what a schedule starts, in a word or two.
func what(s nightly.Schedule) string {
	switch s.Kind {
	case nightly.KindWatch:
		return "usage watch"
	case nightly.KindExport:
		return "export of the provider's log"
	case nightly.KindPurge:
		return "purge of what is old"
	case nightly.KindReconcile:
		return "books of the night before"
	}
	if s.Name == "" {
		return "a night"
	}
	return "night of " + string(s.Name)
}

// when is "sun, mon at 21:00 America/Los_Angeles".
func when(s nightly.Schedule) string {
	if s.At == "" {
		return "see temporal schedule describe"
	}
	each := "every night"
	if s.Kind != nightly.KindNight {
		each = "every day"
	}
	if len(s.Days) > 0 {
		each = strings.Join(s.Days, ", ")
	}
	return each + " at " + s.At + " " + s.Zone
}

// showSchedule prints one schedule.
func (a *app) showSchedule(s nightly.Schedule) error {
	if a.json {
		return a.object(s)
	}
	fmt.Fprintf(a.Out, "%s: %s\n\n", printable(s.ID), printable(when(s)))
	t := newTable(a.Out)
	t.row("starts", printable(what(s)))
	switch {
	case s.Manifest != "":
		t.row("manifest", printable(s.Manifest)+", read anew each night")
	case s.Kind == nightly.KindNight:
		t.row("manifest", "as it was handed over when the schedule was made")
	}
	state := a.paint(green, "active")
	if s.Paused {
		state = a.paint(red, "paused")
	}
	t.row("state", state)
	if s.Note != "" {
		t.row("note", printable(s.Note))
	}
	t.row("catch-up", catchUp(s.CatchUp))
	if s.Missed > 0 || s.Skipped > 0 {
		t.row("left out", fmt.Sprintf("%d because Temporal was away for longer, %d because the last run still went on", s.Missed, s.Skipped))
	}
	if s.Change != nil {
		way, length := change(*s.Change)
		t.row("clocks", "go "+way+" in the night of "+s.Change.Start.Format("Mon 2006-01-02")+", which has "+length)
	}
	t.flush()
	a.writeNext(s)
	a.writeRuns(s)
	return nil
}

// catchUp is for people: "6 h late at most, when Temporal was away".
func catchUp(s string) string {
	if d, err := time.ParseDuration(s); err == nil {
		s = lasting(d)
	}
	return "up to " + s + " late when Temporal was away; later, the start is left out"
}

// change is "back" and "11 h".
func change(c nightly.ClockChange) (way, length string) {
	length = c.Length
	if d, err := time.ParseDuration(length); err == nil {
		length = lasting(d)
	}
	if c.Back {
		return "back", length
	}
	return "forward", length
}

// writeNext prints the next starts: in the schedule's zone, in UTC and here.
func (a *app) writeNext(s nightly.Schedule) {
	if len(s.Next) == 0 {
		fmt.Fprintln(a.Out, "\nnext: none")
		return
	}
	const layout = "Mon 2006-01-02 15:04 MST"
	fmt.Fprintln(a.Out, "\nnext starts")
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, at := range s.Next {
		cells := []string{"  " + at.Format(layout)}
		_, offset := at.Zone()
		if offset != 0 {
			cells = append(cells, "= "+beside(at, at.UTC()))
		}
		if _, here := at.In(a.Local).Zone(); here != offset && here != 0 {
			cells = append(cells, "= "+beside(at, at.In(a.Local))+" (your time)")
		}
		if s.Change != nil && at.Equal(s.Change.Start) {
			way, length := change(*s.Change)
			cells = append(cells, "clocks go "+way+" this night: "+length)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // to a terminal: nothing to be done about it
}

// writeRuns prints how the last runs ended, newest first.
func (a *app) writeRuns(s nightly.Schedule) {
	if len(s.Recent) == 0 {
		return
	}
	loc, err := tariff.Location(s.Zone)
	if err != nil {
		loc = time.UTC
	}
	fmt.Fprintln(a.Out, "\nlast runs")
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, r := range s.Recent {
		name := string(r.Batch)
		if name == "" {
			name = r.WorkflowID
		}
		how := r.State
		if r.Kind != "" {
			how += ": " + string(r.Kind)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", r.Started.In(loc).Format("Mon 2006-01-02 15:04 MST"), printable(name), how, printable(clipped(r.Why)))
	}
	_ = w.Flush() // to a terminal: nothing to be done about it
}

// clipped keeps a reason to the rest of a line.
func clipped(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 100 {
		return string(r[:97]) + "..."
	}
	return s
}
