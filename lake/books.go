package lake

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/money"
)

// Charge is one of a ledger's, as far as a log can speak of it.
type Charge struct {
	RequestID string
	JobID     string // the provider's id of the run; "" where nobody knows it
	Total     money.USD
	Ended     time.Time // on the ledger's clock
}

// Books are the ledger's side.
type Books interface {
	// Charges says which of some request ids are in the books, and gives all
	// charges of those.
	Charges(ctx context.Context, requestIDs []string) (known map[string]bool, charges []Charge, err error)
	// Ended gives the charges with a key of runs that ended within a span.
	Ended(ctx context.Context, key string, from, to time.Time) ([]Charge, error)
}

// Ledger is how a day of the log compares with the books, run by run.
type Ledger struct {
	At          time.Time    `json:"at"` // when they were asked
	Equal       bool         `json:"equal"`
	Runs        int          `json:"runs"`    // rows of the day that carry a request id of theirs
	Logged      money.USD    `json:"logged"`  // what those cost by the log
	Charged     money.USD    `json:"charged"` // what the books charge for the same runs
	Different   int          `json:"different"`
	Differences []Difference `json:"differences,omitempty"` // the first of them
	Unlogged    Unlogged     `json:"unlogged"`
}

// Difference is a run of which log and books say something else.
type Difference struct {
	RequestID string     `json:"request_id"`
	JobID     string     `json:"job_id,omitempty"`
	Row       string     `json:"row"`               // its id in the log
	Logged    *money.USD `json:"logged,omitempty"`  // absent: the row names no amount
	Charged   *money.USD `json:"charged,omitempty"` // absent: the books have no charge for it
}

// Unlogged are charges of runs that ended on the day and that neither it nor
// its neighbours in the log show: late, lost, or never logged, as runs of the
// batch endpoint may be.
type Unlogged struct {
	Charges    int       `json:"charges"`
	Dollars    money.USD `json:"dollars"`
	RequestIDs []string  `json:"request_ids,omitempty"` // the first of them
}

// run is a row that carries a request id.
type run struct {
	row    string
	job    string
	logged money.USD
	priced bool
}

// pairs are the runs and charges of one request id.
type pairs struct {
	runs    []run
	charges []Charge
}

// match brings each run together with its charge: by the provider's own id,
// then by the amount, then in order where one side has no id to compare. What
// is left has none.
func (p pairs) match() (charge []int, spare []Charge) {
	charge = make([]int, len(p.runs))
	for i := range charge {
		charge[i] = -1
	}
	taken := make([]bool, len(p.charges))
	for _, fits := range []func(run, Charge) bool{
		func(r run, c Charge) bool { return r.job != "" && r.job == c.JobID },
		func(r run, c Charge) bool {
			return (r.job == "" || c.JobID == "") && r.priced && r.logged == c.Total
		},
		func(r run, c Charge) bool { return r.job == "" || c.JobID == "" },
	} {
		for i, r := range p.runs {
			for j, c := range p.charges {
				if charge[i] < 0 && !taken[j] && fits(r, c) {
					charge[i], taken[j] = j, true
				}
			}
		}
	}
	for j, c := range p.charges {
		if !taken[j] {
			spare = append(spare, c)
		}
	}
	return charge, spare
}

// compare counts one request id in, and gives the charges that no run of the
// day shows.
func (l *Ledger) compare(requestID string, p pairs) []Charge {
	which, spare := p.match()
	for i, r := range p.runs {
		l.Runs++
		d := Difference{RequestID: requestID, JobID: r.job, Row: r.row}
		if r.priced {
			l.Logged += r.logged
			d.Logged = &r.logged
		}
		if j := which[i]; j >= 0 {
			l.Charged += p.charges[j].Total
			d.Charged = &p.charges[j].Total
		}
		if d.Logged != nil && d.Charged != nil && *d.Logged == *d.Charged {
			continue
		}
		if l.Different++; len(l.Differences) < named {
			l.Differences = append(l.Differences, d)
		}
	}
	return spare
}
