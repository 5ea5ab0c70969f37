package audit

import (
	"fmt"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

const askUs = "run the ledger's own verification, and keep the database as it is: this is a fault of offpeak or of its storage"

// bookFindings compares the ledger with itself: each succeeded job has exactly
// one charge, each charge one succeeded job, and every sum is that of its rows.
func (j *Judge) bookFindings() []batch.Finding {
	var found []batch.Finding
	add := func(g *group, cause, remedy string) {
		if len(g.jobs) > 0 {
			found = append(found, g.finding(batch.BooksDisagree, cause, remedy))
		}
	}
	add(j.where(func(a *account) (money.USD, bool) {
		return a.billed - a.dearest, a.charges > 1
	}), "more than one charge for one request id: it was paid for more than once",
		"ask the provider for the difference, with the request ids from the report")
	add(j.where(func(a *account) (money.USD, bool) {
		return a.billed, a.charges > 0 && a.state != batch.Succeeded
	}), "charged, but no job that succeeded has this request id", askUs)
	add(j.where(func(a *account) (money.USD, bool) {
		return a.ceiling, a.charges == 0 && a.state == batch.Succeeded
	}), "succeeded without a charge: what it cost isn't on record", askUs)
	add(j.where(func(a *account) (money.USD, bool) {
		return a.dearest - a.ceiling, a.state == batch.Succeeded && a.charges > 0 && a.dearest > a.ceiling
	}), "charged above the ceiling: a run cost more than the most that it was expected to",
		"raise max_tokens or expect in the manifest to what the model really uses: ceilings are what keeps the budget")
	add(&j.parts, "the components of the charge don't add up to its total",
		"compare the charge's total to the provider's dashboard; the total is what was paid")
	add(&j.expected, "the prices that the ledger expected aren't those of the batch's rate card", askUs)
	add(j.where(func(a *account) (money.USD, bool) {
		switch a.state {
		case batch.Reserved, batch.Sending:
			return a.ceiling, true
		case batch.Planned:
			return 0, true
		}
		return 0, false
	}), "unfinished: the night was judged while these were still on their way",
		"run the batch again: what didn't succeed is taken up where it stands, and nothing is paid for twice")
	add(&j.shared, "listed twice, or without a request id of its own", askUs)
	return append(found, j.sumFindings()...)
}

// sumFindings compares the ledger's running sums with what was streamed.
func (j *Judge) sumFindings() []batch.Finding {
	var found []batch.Finding
	differ := func(dollars money.USD, format string, args ...any) {
		found = append(found, batch.Finding{
			Rule: batch.BooksDisagree, Jobs: []string{}, Dollars: dollars, Cause: fmt.Sprintf(format, args...), Remedy: askUs,
		})
	}
	t := j.terms.Totals
	for _, s := range []struct {
		what       string
		sum, added money.USD
	}{
		{"charged", t.Charged, j.billed},
		{"day price", t.DayPrice, j.dayPrice},
		{"set aside", t.Held, j.held},
	} {
		if s.sum != s.added {
			differ(abs(s.sum-s.added), "the ledger's running sum says %s %s, its rows add up to %s", s.sum.Dollars(), s.what, s.added.Dollars())
		}
	}
	if t.Charges != j.charges {
		differ(0, "the ledger's running sum says %d charges, it has %d", t.Charges, j.charges)
	}
	pending := t.Planned == j.states[batch.Planned] && t.Reserved == j.states[batch.Reserved] && t.Sending == j.states[batch.Sending]
	if t.Jobs != j.counts || !pending {
		differ(0, "the ledger's counts by state say %d jobs, %d succeeded; its rows are %d jobs, %d succeeded",
			t.Jobs.Total, t.Jobs.Succeeded, j.counts.Total, j.counts.Succeeded)
	}
	if n := j.terms.Batch.Jobs; n > 0 && n != j.counts.Total {
		differ(0, "%d jobs were planned and the ledger has %d", n, j.counts.Total)
	}
	return found
}
