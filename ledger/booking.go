package ledger

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// end closes an attempt that didn't run. It may be known to be in flight, or
// have been given up for unknown by a worker that took over: a late answer
// settles the doubt.
func (d *docket) end(c Closing, as Ending, change func()) error {
	a, err := d.attempt(c.Attempt)
	if err != nil {
		return err
	}
	switch a.Ending {
	case as:
		return nil
	case InFlight, EndedOverdue, EndedUnknown, EndedAccepted:
	case EndedAbsent: // and this says so too
		return nil
	default:
		return d.refuse("attempt %d ended as %s already", c.Attempt, a.Ending)
	}
	switch doubt := d.job.Doubt; {
	case d.current(a) && d.job.State == batch.Sending && doubt != (Doubt{}):
		// It repeated one that is in doubt, of which this says nothing.
		change()
		until, why := d.job.NotBefore, d.job.Why
		d.to(batch.Unknown, doubt.Why+"; repeated: "+why)
		d.job.Doubt, d.job.NotBefore = doubt, until
		d.save()
	case d.current(a):
		change()
		d.save()
	}
	if a.Ending == EndedAccepted { // its receipt says how it was taken on, and it is counted
		return d.landAt(a, as, a.CountedAt)
	}
	d.close(&a, c)
	return d.land(a, as, c.Counted)
}

// current says whether the job still waits for this attempt. It doesn't when a
// charge came late for an earlier one.
func (d *docket) current(a AttemptRow) bool {
	switch d.job.State {
	case batch.Sending:
		return a.N == d.job.paid()
	case batch.Unknown:
		return a.N == d.job.Doubt.Attempt
	}
	return false
}

// close notes an attempt's end in its row.
func (d *docket) close(a *AttemptRow, c Closing) {
	a.EndedAt = instant(c.EndedAt)
	if a.EndedAt.IsZero() {
		a.EndedAt = d.w.now
	}
	a.Status, a.Outcome, a.Receipt = c.Status, c.Kind, c.Receipt
}

// land ends an attempt in its key's windows; ran says whether the provider
// counts it. It counts from now on and not from EndedAt: the clock that wrote
// that may be behind, and a run must not leave a window early.
func (d *docket) land(a AttemptRow, as Ending, ran bool) error {
	var counted time.Time
	if ran {
		k, _, err := d.w.keys.get(a.Key)
		if err != nil {
			return err
		}
		counted = later(k.Tick, a.EndedAt)
	}
	return d.landAt(a, as, counted)
}

func (d *docket) landAt(a AttemptRow, as Ending, counted time.Time) error {
	return d.w.land(a, as, counted)
}

func (d *docket) prove(key string) error {
	k, _, err := d.w.keys.get(key)
	if err != nil {
		return err
	}
	k.Proven = k.Tick
	d.w.keys.put(key, k)
	return nil
}

// book adds a charge to the chain and ends the job as succeeded.
func (d *docket) book(c Charge, a AttemptRow, output string, source Source) error {
	if c.Total < 0 || c.Total > maxAmount || c.DayPrice < 0 || c.DayPrice > maxAmount {
		return internal(d.op, d.job.Ref().String(), "a charge of %s with a day price of %s can't be: amounts lie between $0.00 and %s",
			c.Total.Dollars(), c.DayPrice.Dollars(), maxAmount.Dollars())
	}
	if c.Source == "" {
		c.Source = source
	}
	head, _, err := d.w.head.get(struct{}{})
	if err != nil {
		return err
	}
	c.Batch, c.Seq, c.Name, c.RequestID, c.Attempt = d.job.Batch, d.job.Seq, d.job.Name, d.job.RequestID, a.N
	c.SentAt, c.EndedAt, c.At = a.SentAt, instant(c.EndedAt), d.w.now
	head = head.append(&c)
	d.w.head.put(struct{}{}, head)
	d.w.draftCharges = append(d.w.draftCharges, c)

	d.w.spend(d.job.Batch, a.Key, 0, c.Total)
	d.tally.Charged += c.Total
	d.tally.DayPrice += c.DayPrice
	d.tally.Charges++
	d.job.Limited, d.job.NotBefore = 0, time.Time{}
	if d.job.State != batch.Succeeded {
		d.job.Output = clean(output)
		d.to(batch.Succeeded, "")
	} else {
		d.job.Why = fmt.Sprintf("billed twice: attempt %d ran too", a.N)
	}
	d.save()
	return nil
}
