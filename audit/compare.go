package audit

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// Run is a row of the provider's log that is a run: the row says success, or
// what was used.
type Run struct {
	RequestID string // from the tag of its name; "" when it has none
	Name      string // as the provider has it
	Type      string // swarm_type
	JobID     string // the provider's id of the run; "" when the row has none
	Total     money.Literal
	Ended     time.Time // by the provider's clock; zero when it can't be read
	Elsewhere bool      // with another key of the account
}

// Reading is what a comparison goes by.
type Reading struct {
	Batch ledger.Batch
	Opens time.Time     // foreign spend is counted from here
	Began time.Time     // when the reading of the log began
	Lag   time.Duration // how long a run may take to show in the log
	Since time.Time     // all spend of the log is added up from here, to be held against the credits; zero: isn't
}

// Comparison holds a batch's books against the provider's log. Feed it the
// runs of the log, by whose they are, and the batch's jobs and charges, in any
// order; ask for [Comparison.Orphans], book what can be booked, feed it the new
// charges, then let it [Comparison.Fill] in what it found.
//
// Its memory grows with the batch's jobs and not with the log. It isn't safe
// for concurrent use.
type Comparison struct {
	terms   Reading
	entries map[string]*entry // by request id
	rows    int
	logged  money.USD
	charged money.USD
	spent   money.USD // by whomever, since terms.Since
	foreign foreigners
	late    group
	unread  string
	hidden  string // why the log needn't show the batch's runs
	paired  bool
}

// entry is one request id of the batch in the three books.
type entry struct {
	seq     int
	name    string
	state   batch.State // "" until its job is seen
	ceiling money.USD
	runs    []*logged
	more    int       // rows beyond maxRuns
	surplus money.USD // what they cost
	charges []*booked
}

// maxRuns bounds the runs of one request that are held apart: a log that
// repeats itself must not fill the memory.
const maxRuns = 64

// logged is a run as the log has it, all rows with its job id taken together.
type logged struct {
	request   string
	jobID     string
	rows      int
	priced    int       // rows with a price
	sum       money.USD // of those
	low, high money.USD // the lowest and the highest of those
	ended     time.Time // the first end that is known
	charge    *booked
	refused   string // why it couldn't be booked
}

// booked is a charge as the ledger has it.
type booked struct {
	n       int64
	attempt int
	jobID   string
	total   money.USD
	source  ledger.Source
	ended   time.Time
	run     *logged
	excused bool // the log needn't have it
}

// Compare begins a comparison.
func Compare(r Reading) *Comparison {
	return &Comparison{terms: r, entries: map[string]*entry{}, foreign: foreigners{}}
}

func (c *Comparison) entry(requestID string, seq int, name string) *entry {
	e := c.entries[requestID]
	if e == nil {
		e = &entry{seq: seq, name: name}
		c.entries[requestID] = e
	}
	return e
}

// Job takes in a job of the batch; taken in again, the last one counts.
func (c *Comparison) Job(j ledger.Job) {
	e := c.entry(j.RequestID, j.Seq, j.Name)
	e.seq, e.name, e.state, e.ceiling = j.Seq, j.Name, j.State, j.Ceiling
}

// Charge takes in a charge of the batch; the same one again changes nothing.
func (c *Comparison) Charge(b ledger.Charge) {
	e := c.entry(b.RequestID, b.Seq, b.Name)
	for _, have := range e.charges {
		if have.n == b.N {
			return
		}
	}
	c.paired = false
	c.charged += b.Total
	e.charges = append(e.charges, &booked{
		n: b.N, attempt: b.Attempt, jobID: b.JobID, total: b.Total, source: b.Source, ended: b.EndedAt,
	})
}

// Ours takes in a run of the batch.
func (c *Comparison) Ours(r Run) {
	c.Others(r)
	c.paired = false
	c.rows++
	if r.Total.Known {
		c.logged += r.Total.USD
	}
	e := c.entry(r.RequestID, 0, "")
	var l *logged
	for _, have := range e.runs {
		if r.JobID != "" && have.jobID == r.JobID {
			l = have
		}
	}
	if l == nil {
		if len(e.runs) == maxRuns {
			e.more++
			e.surplus += r.Total.USD
			return
		}
		l = &logged{request: r.RequestID, jobID: r.JobID}
		e.runs = append(e.runs, l)
	}
	l.rows++
	if !r.Ended.IsZero() && (l.ended.IsZero() || r.Ended.Before(l.ended)) {
		l.ended = r.Ended
	}
	if !r.Total.Known {
		return
	}
	if l.priced++; l.priced == 1 {
		l.low, l.high = r.Total.USD, r.Total.USD
	}
	l.low, l.high = min(l.low, r.Total.USD), max(l.high, r.Total.USD)
	l.sum += r.Total.USD
}

// Others takes in a run of another batch in the same books.
func (c *Comparison) Others(r Run) {
	if !c.terms.Since.IsZero() && r.Ended.After(c.terms.Since) {
		c.spent += r.Total.USD
	}
}

// Foreign takes in a run that isn't from these books. Spend with another key of
// the account lowers the credits too, and is nobody's concern otherwise.
func (c *Comparison) Foreign(r Run) {
	c.Others(r)
	if !r.Elsewhere && !r.Ended.Before(c.terms.Opens) {
		c.foreign.add(r)
	}
}

// Unread says that the log couldn't be read to its end, and why: nothing of it
// counts then.
func (c *Comparison) Unread(why string) { c.unread = why }

// Hidden says why the log needn't show the batch's runs: nothing that is
// missing from it is a ghost then.
func (c *Comparison) Hidden(why string) { c.hidden = why }

// Refused says why an orphan couldn't be booked.
func (c *Comparison) Refused(o Orphan, why string) { o.run.refused = why }

// Late says that an orphan was booked for this job.
func (c *Comparison) Late(j ledger.Job, o Orphan) { c.late.add(j.Seq, j.Name, o.run.high) }

// Excused says that the log needn't show a charge: it was sent in a request
// of several, and nobody knows whether the log holds those.
func (c *Comparison) Excused(g Ghost) { g.charge.excused = true }
