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

// Orphan is a run of the batch that the log shows and the books don't have.
type Orphan struct {
	RequestID string
	Seq       int
	JobID     string
	run       *logged
}

// Orphans lists the runs without a charge, in the manifest's order. Those of
// jobs that are still unknown aren't among them: they are to be settled first.
func (c *Comparison) Orphans() []Orphan {
	c.pair()
	var all []Orphan
	for id, e := range c.entries {
		for _, l := range e.runs {
			if l.charge == nil && e.state != batch.Unknown && e.state != batch.Sending {
				all = append(all, Orphan{RequestID: id, Seq: e.seq, JobID: l.jobID, run: l})
			}
		}
	}
	slices.SortFunc(all, func(a, b Orphan) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), strings.Compare(a.RequestID, b.RequestID), older(a.run, b.run))
	})
	return all
}

// Ghost is a charge that came with its answer and that the log doesn't show,
// although it should by now.
type Ghost struct {
	RequestID string
	Seq       int
	Name      string
	Attempt   int
	charge    *booked
}

// Ghosts lists them in the manifest's order; those that were excused aren't
// among them.
func (c *Comparison) Ghosts() []Ghost {
	if c.unread != "" || c.hidden != "" {
		return nil
	}
	c.pair()
	var all []Ghost
	for id, e := range c.entries {
		for _, b := range e.charges {
			due := !b.ended.IsZero() && !b.ended.Add(c.terms.Lag).After(c.terms.Began)
			if b.run == nil && b.source == ledger.FromAnswer && due && !b.excused {
				all = append(all, Ghost{RequestID: id, Seq: e.seq, Name: e.name, Attempt: b.attempt, charge: b})
			}
		}
	}
	slices.SortFunc(all, func(a, b Ghost) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.charge.n, b.charge.n))
	})
	return all
}

// pair joins charges and runs: by the provider's job id; else by the request
// id, when one of the two has no job id, or when the ids of this log are
// evidently others than those of the answers.
func (c *Comparison) pair() {
	if c.paired {
		return
	}
	c.paired = true
	ids := 0 // charges whose answer's job id the log has too
	for _, e := range c.entries {
		slices.SortFunc(e.runs, older)
		slices.SortFunc(e.charges, func(a, b *booked) int { return cmp.Compare(a.n, b.n) })
		for _, l := range e.runs {
			l.charge = nil
		}
		for _, b := range e.charges {
			b.run = nil
			for _, l := range e.runs {
				if b.jobID != "" && b.jobID == l.jobID && l.charge == nil {
					b.run, l.charge = l, b
					if b.source == ledger.FromAnswer {
						ids++
					}
					break
				}
			}
		}
	}
	for _, e := range c.entries {
		for _, b := range e.charges {
			if b.run != nil {
				continue
			}
			for _, l := range e.runs {
				if l.charge == nil && (b.jobID == "" || l.jobID == "" || ids == 0 && near(b.ended, l.ended)) {
					b.run, l.charge = l, b
					break
				}
			}
		}
	}
}

// near says whether two clocks may mean the same end of a run.
func near(a, b time.Time) bool {
	const clocks = 2 * time.Minute // what ours and the provider's may differ by, and the way of an answer
	d := a.Sub(b)
	return !a.IsZero() && !b.IsZero() && -clocks <= d && d <= clocks
}

func older(a, b *logged) int {
	return cmp.Or(a.ended.Compare(b.ended), strings.Compare(a.jobID, b.jobID), cmp.Compare(a.sum, b.sum), cmp.Compare(a.rows, b.rows))
}

// differs is how far the log's amount is from the charge's.
func (l *logged) differs() money.USD {
	if l.charge == nil || l.priced == 0 {
		return 0
	}
	return max(abs(l.low-l.charge.total), abs(l.high-l.charge.total))
}
