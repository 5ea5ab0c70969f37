package audit

import (
	"fmt"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// Findings are what doesn't agree between ledger and log. All are
// BooksDisagree, and a micro-dollar is enough for one.
func (c *Comparison) findings() []batch.Finding {
	if c.unread != "" {
		return nil
	}
	c.pair()
	var twice, repeated, amounts, ceilings, orphans group
	var ours, theirs, stood, said money.USD
	why, first := "", -1
	for id, e := range c.entries {
		name := e.name
		if name == "" {
			name = id
		}
		if n := len(e.runs) + e.more; n > 1 {
			dollars, dearest := e.surplus, money.USD(0)
			for _, l := range e.runs {
				dollars += l.high
				dearest = max(dearest, l.high)
			}
			twice.add(e.seq, name, dollars-dearest)
		}
		for _, l := range e.runs {
			if l.rows > 1 {
				repeated.add(e.seq, name, l.sum-l.high)
			}
			if l.charge == nil {
				dollars := l.high
				if l.priced == 0 {
					dollars = e.ceiling
				}
				orphans.add(e.seq, name, dollars)
				if l.refused != "" && (first < 0 || e.seq < first) {
					why, first = l.refused, e.seq
				}
				continue
			}
			d := l.differs()
			switch {
			case d == 0:
			case l.charge.source == ledger.FromCeiling:
				ceilings.add(e.seq, name, d)
				stood, said = stood+l.charge.total, said+l.high
			default:
				amounts.add(e.seq, name, d)
				ours, theirs = ours+l.charge.total, theirs+l.high
			}
		}
	}
	var found []batch.Finding
	add := func(g *group, cause, remedy string) {
		if len(g.jobs) > 0 {
			found = append(found, g.finding(batch.BooksDisagree, cause, remedy))
		}
	}
	add(&twice, "the provider's log has more than one run of these: they ran, and were billed, more than once",
		"ask the provider for the difference, with the request ids from the report; starter jobs BATCH --job NAME shows each request that was sent")
	add(&repeated, "the provider's log has the same run more than once: its usage adds up to more than what was answered",
		"compare the credits to the ledger, and ask the provider whether the second row was billed, with the request ids from the report")
	add(&amounts, fmt.Sprintf("the provider's log has other amounts than the ledger: %s instead of %s in all", theirs.Dollars(), ours.Dollars()),
		"the credits show which one was taken: ask the provider, with the request ids from the report")
	add(&ceilings, fmt.Sprintf("booked at the ceiling because no amount was known, and the provider's log has one now: %s instead of %s in all", said.Dollars(), stood.Dollars()),
		"take the log's amount for the bill; a charge is never changed, and the budget goes on counting the ceiling")
	cause := "the provider's log has runs of these jobs that aren't in the books and can't be booked"
	if why != "" {
		cause += ": " + why
	}
	add(&orphans, cause, "look the request ids up on the provider's dashboard and compare its total to the ledger's; see that no other ledger sends these jobs")
	return found
}
