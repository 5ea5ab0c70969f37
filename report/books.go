package report

import (
	"fmt"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// fact is a line of the report under a name.
type fact struct{ Name, Text string }

// against says how the night's books stand against the provider's: nothing
// when they weren't compared.
func against(r *batch.Reconciliation) []fact {
	if r == nil {
		return nil
	}
	var facts []fact
	add := func(name, format string, args ...any) {
		facts = append(facts, fact{name, fmt.Sprintf(format, args...)})
	}
	if r.Log == batch.NoLog {
		add("log", "%s: %s in the ledger, by its answers; compare the month with its invoice", r.Log, r.Charged.Dollars())
	} else if r.Log != "" {
		add("log", "couldn't be read at %s: %s", second(r.At), r.Log)
	} else {
		says := "and as much in the ledger"
		if r.Logged != r.Charged {
			says = r.Charged.Dollars() + " in the ledger"
		}
		add("log", "%s read at %s; %s of this batch, %s, %s", count(r.Rows, "row"), second(r.At), count(r.Runs, "run"), r.Logged.Dollars(), says)
	}
	var settled []string
	for _, s := range []struct {
		n    int
		what string
	}{{r.Found, "found"}, {r.Absent, "proven not to have run"}, {r.Late, "ended late and booked"}} {
		if s.n > 0 {
			settled = append(settled, grouped(s.n)+" "+s.what)
		}
	}
	if len(settled) > 0 {
		add("settled", "%s", strings.Join(settled, ", "))
	}
	if r.Foreign.Runs > 0 {
		add("foreign", "%s, %s, on the same key and not from these books", count(r.Foreign.Runs, "run"), r.Foreign.Dollars.Dollars())
	}
	if c := r.Credits; !c.To.IsZero() {
		change := (c.Before - c.After).Dollars() + " less"
		if c.After > c.Before {
			change = (c.After - c.Before).Dollars() + " more"
		}
		add("credits", "%s at %s, %s at %s: %s", c.Before.Dollars(), second(c.From), c.After.Dollars(), second(c.To), change)
	}
	return facts
}

// noteHeading is a note's topic, how many and how much.
func noteHeading(n batch.Note) string {
	s := n.Topic
	what := "job"
	if n.Topic == batch.NoteForeign {
		what = "run"
	}
	if n.Count > 0 {
		s += ": " + count(n.Count, what)
	}
	if n.Dollars != 0 {
		s += ", " + n.Dollars.Dollars()
	}
	return s
}

// books shows the comparison with the provider's books.
func (p *page) books(r *batch.Reconciliation) {
	if r == nil {
		return
	}
	p.head("AGAINST THE PROVIDER'S BOOKS")
	for _, f := range against(r) {
		p.wrap(fmt.Sprintf("  %-9s ", f.Name), "            ", f.Text)
	}
	for _, n := range r.Notes {
		p.wrap("  - ", "    ", noteHeading(n)+": "+n.Text)
		if n.Remedy != "" {
			p.wrap("    do      ", "            ", n.Remedy)
		}
		switch {
		case n.Topic == batch.NoteForeign: // a line for each program, not for each run
			p.wrap("    by      ", "            ", names(n.Jobs, len(n.Jobs)))
		case len(n.Jobs) > 0:
			p.wrap("    jobs    ", "            ", names(n.Jobs, n.Count))
		}
	}
}
