package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// group gathers the jobs to which one finding applies.
type group struct {
	jobs     []jobName
	dollars  money.USD
	latest   time.Time // the last end on record
	timeless int       // charges without one
	example  string    // the evidence of the first job by position
	first    int       // that job's position
}

type jobName struct {
	seq  int
	name string
}

func (g *group) add(seq int, name string, dollars money.USD) {
	g.jobs = append(g.jobs, jobName{seq, name})
	g.dollars += dollars
}

func (g *group) observe(c ledger.Charge, dollars money.USD, evidence string) {
	// The smallest of all, so that the order of the stream doesn't matter.
	if len(g.jobs) == 0 || c.Seq < g.first || (c.Seq == g.first && evidence < g.example) {
		g.example, g.first = evidence, c.Seq
	}
	g.add(c.Seq, c.Name, dollars)
	if c.EndedAt.IsZero() {
		g.timeless++
	} else if c.EndedAt.After(g.latest) {
		g.latest = c.EndedAt
	}
}

// finding names every job once, in the manifest's order.
func (g *group) finding(rule batch.Kind, cause, remedy string) batch.Finding {
	slices.SortFunc(g.jobs, func(a, b jobName) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), strings.Compare(a.name, b.name))
	})
	g.jobs = slices.Compact(g.jobs)
	names := make([]string, len(g.jobs))
	for i, job := range g.jobs {
		names[i] = job.name
	}
	return batch.Finding{Rule: rule, Jobs: names, Count: len(names), Dollars: g.dollars, Cause: cause, Remedy: remedy}
}

func named(groups map[string]*group, cause string) *group {
	g := groups[cause]
	if g == nil {
		g = &group{}
		groups[cause] = g
	}
	return g
}
