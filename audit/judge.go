package audit

import (
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Terms are what a night is judged by.
type Terms struct {
	Batch  ledger.Batch   // its id, rate card and number of jobs
	Span   tariff.Span    // the night in which every run should have ended, but for those of earlier nights
	Totals ledger.Totals  // the ledger's running sums, to be compared with its rows
	Stop   string         // why the night stopped early, if it did
	Zone   *time.Location // in which people read times; nil: the zone that the span carries
}

// Judge takes in a night and then gives its verdict. It isn't safe for
// concurrent use.
type Judge struct {
	terms Terms

	jobs    map[string]*account // by request id
	shared  group               // jobs without a request id of their own
	counts  batch.Counts
	states  map[batch.State]int
	held    money.USD // ceilings of jobs whose reservation stands
	retried int       // jobs that took more than one request
	again   int       // requests beyond the first
	parked  saving

	charges  int
	landed   int
	missed   int
	billed   money.USD
	dayPrice money.USD
	possible money.USD // what the night multiplier could take off the tokens of priced charges
	realised money.USD // what it took off
	fees     money.USD
	misses   map[string]*group // by cause
	unproven map[string]*group
	parts    group // components that don't add up to their total
	expected group // the ledger's own expected prices aren't the card's
	feeAbove saving
}

// account is one request id with the job and the charges that carry it.
type account struct {
	seq     int
	name    string
	state   batch.State // "" until its job is seen
	ceiling money.USD
	charges int
	billed  money.USD // total of its charges
	dearest money.USD // the largest of them
}

// saving counts jobs and dollars.
type saving struct {
	jobs    int
	dollars money.USD
}

// New begins a judgement.
func New(t Terms) *Judge {
	return &Judge{
		terms: t, jobs: map[string]*account{}, states: map[batch.State]int{},
		misses: map[string]*group{}, unproven: map[string]*group{},
	}
}

func (j *Judge) account(requestID string, seq int, name string) *account {
	a := j.jobs[requestID]
	if a == nil {
		a = &account{seq: seq, name: name}
		j.jobs[requestID] = a
	}
	return a
}

// Job takes in a job of the batch, each once.
func (j *Judge) Job(job ledger.Job) {
	j.counts.Add(job.State, 1)
	j.states[job.State]++
	a := j.account(job.RequestID, job.Seq, job.Name)
	if a.state != "" || job.RequestID == "" {
		j.shared.add(job.Seq, job.Name, 0)
	}
	a.seq, a.name, a.state, a.ceiling = job.Seq, job.Name, job.State, job.Ceiling
	switch job.State {
	case batch.Reserved, batch.Sending, batch.Unknown:
		j.held += job.Ceiling
	case batch.Parked:
		j.parked.jobs++
		j.parked.dollars += j.terms.Batch.Card.Saved(job.Estimate, job.Agents) // when it does run
	}
	if job.Attempts > 1 && !j.terms.Batch.Card.None() { // else steps and looks are no retries
		j.retried++
		j.again += job.Attempts - 1
	}
}

// Charge takes in a charge of the batch, each once.
func (j *Judge) Charge(c ledger.Charge) {
	j.charges++
	j.billed += c.Total
	j.dayPrice += c.DayPrice

	a := j.account(c.RequestID, c.Seq, c.Name)
	a.charges++
	a.billed += c.Total
	a.dearest = max(a.dearest, c.Total)

	check, b := examine(j.terms.Batch.Card, j.span(c), j.terms.Zone, c)
	switch check.Proof {
	case Flat:
		return
	case Unproven:
		named(j.unproven, check.Cause).observe(c, c.Total, check.Evidence)
		return
	case Missed:
		j.missed++
		named(j.misses, check.Cause).observe(c, check.Overpaid, check.Evidence)
	case Landed:
		j.landed++
	}
	j.possible += b.day - b.night
	j.realised += b.day - b.paid
	j.fees += b.fee
	if b.feeAbove > 0 {
		j.feeAbove.jobs++
		j.feeAbove.dollars += b.feeAbove
	}
	if c.HasParts {
		if d := abs(c.Total - (c.Input + c.Output + c.Agent)); d > toleranceTotal {
			j.parts.add(c.Seq, c.Name, d)
		}
	}
	// The agent fee is the same in both prices, so their difference is the
	// tokens' alone, however many agents were billed.
	if d := abs((c.DayPrice - c.NightPrice) - (b.day - b.night)); d > toleranceTotal {
		j.expected.add(c.Seq, c.Name, d)
	}
}

// span is the night that a charge is judged by: of a batch that went on in a
// later night, the one in which its run was sent.
func (j *Judge) span(c ledger.Charge) tariff.Span {
	w := j.terms.Batch.Policy.Window
	if w == nil || c.SentAt.IsZero() || !c.SentAt.Before(j.terms.Span.Opens) {
		return j.terms.Span
	}
	if earlier, ok := w.During(c.SentAt); ok {
		return earlier
	}
	return j.terms.Span
}

func abs(u money.USD) money.USD { return max(u, -u) }
