package audit_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

var pacific = func() *time.Location {
	loc, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(err)
	}
	return loc
}()

// at is a time of the night of 22 November 2026, Pacific.
func at(h, m, s int) time.Time {
	d := 22
	if h < 12 {
		d = 23
	}
	return time.Date(2026, time.November, d, h, m, s, 0, pacific)
}

var span = tariff.Span{
	Night: "2026-11-22", Opens: at(20, 0, 0), Earliest: at(20, 15, 0), StartAt: at(21, 0, 0),
	Deadline: at(5, 0, 0), Closes: at(6, 0, 0),
}

func ptr[T any](v T) *T { return &v }

// guide is the run of the night-mode guide: 5 agents, 6,000 tokens in, 3,000
// out; 0.1445 by day, 0.09725 by night. usage is its shape.
var guide = tariff.Usage{InputTokens: 6000, OutputTokens: 3000, Agents: 5}

// charge is a truthful night charge of a usage.
func charge(seq int, u tariff.Usage) ledger.Charge {
	card := tariff.Swarms()
	p, day := card.AtNight(u), card.Day(u)
	return ledger.Charge{
		N: int64(seq + 1), Batch: "market-digest/2026-11-22", Seq: seq, Name: fmt.Sprintf("job %d", seq), RequestID: fmt.Sprintf("id-%d", seq),
		Attempt: 1, Source: ledger.FromAnswer,
		Total: p.Total, Input: p.Input, Output: p.Output, Agent: p.Agents, TotalText: p.Total.String(), HasParts: true,
		InputTokens: u.InputTokens, OutputTokens: u.OutputTokens, HasTokens: true, Agents: u.Agents,
		DayPrice: day.Total, NightPrice: p.Total,
		NightApplied: ptr(true), DiscountActive: ptr(true), DiscountType: "night_time", DiscountPercentage: "50",
		SentAt: at(22, 0, 0), EndedAt: at(22, 0, 45),
	}
}

// byDay makes a charge one at the day price, flags and all.
func byDay(c ledger.Charge) ledger.Charge {
	p := tariff.Swarms().Day(tariff.Usage{InputTokens: c.InputTokens, OutputTokens: c.OutputTokens, Agents: c.Agents})
	c.Total, c.Input, c.Output, c.TotalText = p.Total, p.Input, p.Output, p.Total.String()
	c.NightApplied, c.DiscountActive, c.DiscountType, c.DiscountPercentage = ptr(false), ptr(false), "none", "0"
	return c
}

// night is a whole night's books, which a test then falsifies.
type night struct {
	jobs    []ledger.Job
	charges []ledger.Charge
	planned int
	stop    string
	zone    string               // of the manifest's window; "" for the provider's own
	totals  func(*ledger.Totals) // falsifies the running sums
}

// newNight is n jobs that succeeded at the night price.
func newNight(n int) *night {
	b := &night{planned: n}
	for i := range n {
		c := charge(i, guide)
		b.charges = append(b.charges, c)
		b.jobs = append(b.jobs, ledger.Job{
			Batch: c.Batch, Seq: i, Name: c.Name, RequestID: c.RequestID, Agents: 5, State: batch.Succeeded, Attempts: 1,
			Ceiling: money.Dollar, Estimate: c.NightPrice,
		})
	}
	return b
}

// turn puts a job that succeeded into another state, without its charge.
func (b *night) turn(seq int, s batch.State) {
	b.jobs[seq].State = s
	b.charges = slices.DeleteFunc(b.charges, func(c ledger.Charge) bool { return c.Seq == seq })
}

func (b *night) sums() ledger.Totals {
	var t ledger.Totals
	for _, j := range b.jobs {
		t.Jobs.Add(j.State, 1)
		t.Ceiling += j.Ceiling
		switch j.State {
		case batch.Planned:
			t.Planned++
		case batch.Reserved:
			t.Reserved++
			t.Held += j.Ceiling
		case batch.Sending:
			t.Sending++
			t.Held += j.Ceiling
		case batch.Unknown:
			t.Held += j.Ceiling
		}
	}
	for _, c := range b.charges {
		t.Charges++
		t.Charged += c.Total
		t.DayPrice += c.DayPrice
	}
	return t
}

func (b *night) terms() audit.Terms {
	t := b.sums()
	if b.totals != nil {
		b.totals(&t)
	}
	span := span
	if b.zone != "" {
		w := tariff.SwarmsWindow()
		w.Zone = b.zone
		var err error
		if span, err = w.On(span.Night); err != nil {
			panic(err)
		}
	}
	return audit.Terms{
		Batch: ledger.Batch{ID: "market-digest/2026-11-22", Card: tariff.Swarms(), Jobs: b.planned},
		Span:  span, Totals: t, Stop: b.stop,
	}
}

func (b *night) verdict() audit.Verdict {
	j := audit.New(b.terms())
	for _, job := range b.jobs {
		j.Job(job)
	}
	for _, c := range b.charges {
		j.Charge(c)
	}
	return j.Verdict()
}
