package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Verdict is the judgement of a night.
type Verdict struct {
	Audit    batch.Audit // findings with at most batch.MaxFindingJobs names each
	Money    batch.Money
	Discount batch.Discount
	Jobs     batch.Counts
	All      []batch.Finding // the same findings with every name
	Leaks    []batch.Leak    // largest first
	Possible money.USD       // what the night could take off the runs that were charged: token day price x (1 - night)
	Realised money.USD       // what it did take off
}

// order of the kinds, which is also that in which they become the night's
// error: no proof at all, then money lost for sure, then money in doubt, from
// the known amount to the unknown one, then our own books. What stands further
// down is often the consequence of what stands above it.
var order = []batch.Kind{
	batch.NothingToJudge, batch.DiscountMissed, batch.BillingMissing, batch.OutcomesUnknown, batch.BooksDisagree,
}

// Verdict sums up what was taken in. It may be asked for more than once.
func (j *Judge) Verdict() Verdict {
	v := Verdict{
		Money: batch.Money{
			Billed: j.billed, DayPrice: j.dayPrice, Saved: j.dayPrice - j.billed, Ceiling: j.terms.Totals.Ceiling,
		},
		Discount: batch.Discount{Landed: j.landed, Missed: j.missed, None: j.terms.Batch.Card.None()},
		Jobs:     j.counts,
		Leaks:    j.leaks(),
		Possible: j.possible,
		Realised: j.realised,
	}
	all := slices.Concat(j.discountFindings(), j.billingFindings(), j.unknownFindings(), j.bookFindings())
	if j.counts.Total == 0 || (j.charges == 0 && len(all) == 0) {
		all = append(all, j.nothing())
	}
	v.find(all)
	return v
}

// Join adds what the provider's books say, compared beforehand: a night that
// doesn't agree with them doesn't pass.
func (v *Verdict) Join(found []batch.Finding) { v.find(slices.Concat(v.All, found)) }

// find sets the findings, gravest kind first.
func (v *Verdict) find(all []batch.Finding) {
	slices.SortStableFunc(all, func(a, b batch.Finding) int {
		return cmp.Compare(slices.Index(order, a.Rule), slices.Index(order, b.Rule))
	})
	v.All = all
	v.Audit = batch.Audit{Passed: len(all) == 0, Findings: make([]batch.Finding, len(all))}
	for i, f := range all {
		f.Jobs = slices.Clone(f.Jobs[:min(len(f.Jobs), batch.MaxFindingJobs)])
		v.Audit.Findings[i] = f
	}
}

// discountFindings is one for each cause.
func (j *Judge) discountFindings() []batch.Finding {
	var found []batch.Finding
	for _, c := range []struct{ cause, remedy string }{
		{batch.LeakLate, "the price is decided when a run ends: lower window.finish_by, start earlier, or send fewer jobs a night"},
		{batch.LeakByDay, "check the clocks of the machines that run the workers, and window.timezone: nothing is sent outside the window on purpose"},
		{batch.LeakEarly, "set window.start_at later: the provider seems to price by the start of a run"},
		{batch.LeakFlag, "ask the provider for the difference, with the request ids from the report"},
		{batch.LeakCard, "compare the rate card that was kept with the batch to the provider's pricing page, then estimate anew"},
		{batch.LeakZone, "leave window out of the manifest, or set window.timezone to America/Los_Angeles and its hours to the provider's; see --window, too"},
		{batch.LeakNotApplied, "hold the next night and ask the provider; check window.timezone and the hours against its pricing page"},
		{causeSignals, "no money was lost; ask the provider which field is right before trusting its dashboards"},
	} {
		g := j.misses[c.cause]
		if g == nil {
			continue
		}
		found = append(found, g.finding(batch.DiscountMissed, j.missCause(c.cause, g), c.remedy))
	}
	return found
}

func (j *Judge) missCause(cause string, g *group) string {
	zone := zoneOf(j.terms.Zone, j.terms.Span)
	switch {
	case cause == batch.LeakLate && len(j.terms.Span.Pieces) > 0:
		return "ended after the close of the cheap hours in which it was sent, the last one at " + g.latest.In(zone).Format("15:04:05 MST")
	case cause == batch.LeakLate:
		return fmt.Sprintf("ended after the close at %s, the last one at %s",
			j.terms.Span.Closes.In(zone).Format("15:04 MST"), g.latest.In(zone).Format("15:04:05 MST"))
	case cause == batch.LeakNotApplied && j.landed == 0 && g.timeless == 0 && len(j.misses) == 1:
		return "every run ended inside the window and none got the discount: the provider's clock or zone, or the discount is off: the rate card moved"
	case cause == batch.LeakNotApplied && g.timeless == 0:
		return "ended inside the window and were charged the day price: the provider's clock or zone"
	}
	return g.example
}

func (j *Judge) billingFindings() []batch.Finding {
	var found []batch.Finding
	if g := j.unproven[causeNoAmount]; g != nil {
		found = append(found, g.finding(batch.BillingMissing,
			"billed, but no amount could be read from the answer or the provider's log: the ceiling stands in for it",
			"look the request ids up on the provider's dashboard; reconcile again when its log has them"))
	}
	if g := j.unproven[causeNoTokens]; g != nil {
		found = append(found, g.finding(batch.BillingMissing,
			"the charge has no token counts, so its price can't be checked",
			"look the request ids up on the provider's dashboard and compare their prices to the rate card"))
	}
	return found
}

func (j *Judge) unknownFindings() []batch.Finding {
	g := j.where(func(a *account) (money.USD, bool) { return a.ceiling, a.state == batch.Unknown })
	if len(g.jobs) == 0 {
		return nil
	}
	return []batch.Finding{g.finding(batch.OutcomesUnknown,
		"sent, and no answer that can be trusted: they may have run and may have been billed",
		"reconcile again when the provider's log has caught up; they are never sent again before that")}
}

// where groups the request ids that f picks, with the dollars that it gives.
func (j *Judge) where(f func(*account) (money.USD, bool)) *group {
	g := &group{}
	for _, a := range j.jobs {
		if dollars, ok := f(a); ok {
			g.add(a.seq, a.name, dollars)
		}
	}
	return g
}

// nothing is the finding of a night without proof.
func (j *Judge) nothing() batch.Finding {
	g := j.where(func(a *account) (money.USD, bool) { return 0, a.state != "" })
	var stands []string
	for _, s := range batch.States() {
		if n := j.states[s]; n > 0 {
			stands = append(stands, fmt.Sprintf("%d %s", n, s))
		}
	}
	cause := "the batch has no jobs"
	if len(stands) > 0 {
		cause = "no job was charged: " + strings.Join(stands, ", ")
	}
	if stop := strings.Join(strings.Fields(j.terms.Stop), " "); stop != "" {
		cause += "; the night was stopped: " + stop
	}
	return g.finding(batch.NothingToJudge, cause, "an empty night proves nothing: the jobs that are left over say why, one by one")
}
