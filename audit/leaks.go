package audit

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// leaks says where saving went missing, largest first. None of them fails a
// night by itself: those that should are findings too.
func (j *Judge) leaks() []batch.Leak {
	var all []batch.Leak
	add := func(cause string, jobs int, dollars money.USD, format string, args ...any) {
		if jobs > 0 {
			all = append(all, batch.Leak{Cause: cause, Jobs: jobs, Dollars: dollars, Note: fmt.Sprintf(format, args...)})
		}
	}
	for _, c := range []struct{ cause, note string }{
		{batch.LeakLate, "ended after the close and paid the day price"},
		{batch.LeakByDay, "ran outside the window and paid the day price"},
		{batch.LeakEarly, "were sent before the opening and paid the day price"},
		{batch.LeakFlag, "were called discounted and paid the day price"},
		{batch.LeakCard, "were charged at rates that aren't the card's"},
		{batch.LeakZone, "ran inside the manifest's window and outside the provider's"},
		{batch.LeakNotApplied, "ended inside the window and paid the day price"},
	} {
		if g := j.misses[c.cause]; g != nil {
			add(c.cause, len(g.jobs), g.dollars, "%s", c.note)
		}
	}
	if fee := j.unsaved(j.fees - j.feeAbove.dollars); fee > 0 {
		note := "no night discounts the agent fee"
		if 2*j.fees > j.billed {
			note = "the agent fee dominates: it is more than half of what was paid, and no night discounts it; fewer agents a job would save more"
		}
		add(batch.LeakAgentFee, j.landed+j.missed, fee, "%s (%s of %s)", note, j.fees.Dollars(), j.billed.Dollars())
	}
	add(batch.LeakFeeAbove, j.feeAbove.jobs, j.feeAbove.dollars, "paid for more agents than the answer names")
	twice := j.where(func(a *account) (money.USD, bool) { return a.billed - a.dearest, a.charges > 1 })
	add(batch.LeakTwice, len(twice.jobs), twice.dollars, "were charged more than once")
	add(batch.LeakRetried, j.retried, 0, "took %d requests more than jobs; a refusal or an absent run costs nothing", j.again)
	add(batch.LeakParked, j.parked.jobs, j.parked.dollars, "put off to another night: their saving isn't lost")
	slices.SortStableFunc(all, func(a, b batch.Leak) int { return cmp.Compare(b.Dollars, a.Dollars) })
	return all
}

// unsaved is what the night multiplier would take off an amount if it covered
// it.
func (j *Judge) unsaved(u money.USD) money.USD {
	r := u.Rat()
	v, err := money.FromRat(r.Mul(r, (money.One - j.terms.Batch.Card.Night).Rat()))
	if err != nil {
		return 0
	}
	return v
}
