package ledgertest

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// paper is the books as one would keep them on paper: no running sums.
type paper struct {
	jobs []paperJob
}

type paperJob struct {
	state          batch.State
	ceiling        money.USD
	charges        []money.USD
	endings        []ledger.Ending // by attempt
	sent           []time.Time
	tries, limited int
	raised         bool
	doubt          int    // the attempt in doubt
	batched        []bool // by attempt
	runs           map[string]bool
}

func (p *paper) totals() ledger.Totals {
	var t ledger.Totals
	for _, j := range p.jobs {
		t.Jobs.Add(j.state, 1)
		switch j.state {
		case batch.Planned:
			t.Planned++
		case batch.Reserved:
			t.Reserved++
			t.Held += j.ceiling
		case batch.Sending:
			t.Sending++
			t.Held += j.ceiling
		case batch.Unknown:
			t.Held += j.ceiling
		}
		for _, c := range j.charges {
			t.Charged += c
			t.DayPrice += 2 * c
			t.Charges++
		}
		if j.raised {
			t.Ceiling += j.ceiling
		}
	}
	return t
}

// waits says whether the job waits for attempt n.
func (j *paperJob) waits(n int) bool {
	return j.state == batch.Sending && n == len(j.endings) || j.state == batch.Unknown && n == j.doubt
}

// settle, end and doubted say whether the books let that happen.
func (j *paperJob) settle(n int, total money.USD, as ledger.Ending) bool {
	switch j.endings[n-1] {
	case ledger.EndedAnswered, ledger.EndedFound:
		return true
	case ledger.EndedRejected, ledger.EndedReturned:
		return false
	}
	j.state, j.limited, j.doubt = batch.Succeeded, 0, 0
	j.charges = append(j.charges, total)
	j.endings[n-1] = as
	return true
}

// late is settle for a run that the log shows: the attempt that ran, or 0.
func (j *paperJob) late(ended time.Time) int {
	best, rank := 0, 0
	for i, e := range j.endings {
		r := 2
		switch e {
		case ledger.EndedAnswered, ledger.EndedFound:
			continue
		case ledger.EndedReturned, ledger.EndedRejected:
			r = 1
		}
		if !ended.IsZero() && j.sent[i].After(ended) {
			continue
		}
		if r >= rank {
			best, rank = i+1, r
		}
	}
	return best
}

func (j *paperJob) end(n int, as ledger.Ending, change func()) bool {
	switch j.endings[n-1] {
	case as, ledger.EndedAbsent:
		return true
	case ledger.InFlight, ledger.EndedUnknown:
		if j.waits(n) {
			j.doubt = 0
			change()
		}
		j.endings[n-1] = as
		return true
	}
	return false
}

func (j *paperJob) doubted(n int) bool {
	switch j.endings[n-1] {
	case ledger.EndedAbsent:
		return true
	case ledger.InFlight, ledger.EndedUnknown:
		if j.waits(n) {
			if j.endings[n-1] == ledger.InFlight {
				j.tries++
			}
			j.state, j.limited, j.doubt = batch.Unknown, 0, n
		}
		j.endings[n-1] = ledger.EndedUnknown
		return true
	}
	return false
}
