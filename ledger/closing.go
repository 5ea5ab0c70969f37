package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Closing says which attempt ended, and with what receipt.
type Closing struct {
	Batch   batch.ID
	Seq     int
	Attempt int
	Receipt []byte     // provider.Receipt as JSON: no key, prompt or answer in it
	Status  int        // 0 without an answer
	Kind    batch.Kind // "" for a success
	EndedAt time.Time  // now when zero
}

func (c Closing) ref() JobRef { return JobRef{c.Batch, c.Seq} }

// Settle books an answer: the job has succeeded, its reservation is replaced
// by the charge, the charge is chained to the one before, and the key is
// proven. Of the charge the amounts, usage, signals, Source and JobID are read;
// what the ledger knows itself (batch, name, request id, attempt, time sent) it
// fills in.
//
// A run that was answered is always booked, also when its job had been given
// up for unknown or absent meanwhile: the money has moved. Settled twice for
// the same attempt, the second one changes nothing.
func (l *Ledger) Settle(ctx context.Context, c Closing, charge Charge, output string) (Job, error) {
	return l.onJob(ctx, "settle", c.ref(), func(d *docket) error {
		a, err := d.attempt(c.Attempt)
		if err != nil {
			return err
		}
		switch a.Ending {
		case EndedAnswered, EndedFound:
			return nil
		case EndedRejected, EndedReturned:
			return d.refuse("attempt %d ended as %s and can't be settled", c.Attempt, a.Ending)
		}
		d.close(&a, c)
		if charge.EndedAt.IsZero() {
			charge.EndedAt = a.EndedAt
		}
		if err := d.book(charge, a, output, FromAnswer); err != nil {
			return err
		}
		if err := d.land(a, EndedAnswered, true); err != nil {
			return err
		}
		return d.prove(a.Key)
	})
}

// Reject ends a job for good: the provider refused it for a reason that is
// ours, nothing ran, and the reservation is returned. Rejected twice for the
// same attempt, the second one changes nothing.
func (l *Ledger) Reject(ctx context.Context, c Closing, why string) (Job, error) {
	return l.onJob(ctx, "reject", c.ref(), func(d *docket) error {
		return d.end(c, EndedRejected, func() {
			d.to(batch.Rejected, reason(why, "rejected by the provider"))
			d.job.NotBefore = time.Time{}
		})
	})
}

// Returning says why nothing ran, and what comes of it.
type Returning struct {
	Why       string
	NotBefore time.Time // no attempt before
	Counts    bool      // it counts towards the retry limit: not for a 429
	Limited   bool      // a 429
}

// Return takes a job back whose attempt provably didn't run: a 429, or not a
// byte was sent. It is reserved again, and its reservation stands. Returned
// twice for the same attempt, the second one changes nothing.
func (l *Ledger) Return(ctx context.Context, c Closing, ret Returning) (Job, error) {
	return l.onJob(ctx, "return", c.ref(), func(d *docket) error {
		return d.end(c, EndedReturned, func() {
			d.to(batch.Reserved, ret.Why)
			d.job.NotBefore = instant(ret.NotBefore)
			if ret.Counts {
				d.job.Tries++
			}
			if ret.Limited {
				d.job.Limited++
			} else {
				d.job.Limited = 0
			}
		})
	})
}

// Doubt notes that nobody knows whether an attempt ran: the job is unknown, its
// reservation stands, and nothing is sent for it until Found or Absent. It
// counts as a try. notBefore is when to look in the provider's log. Doubted
// twice for the same attempt, what is known better replaces what was known,
// and the try isn't counted again.
func (l *Ledger) Doubt(ctx context.Context, c Closing, doubt Doubt, notBefore time.Time) (Job, error) {
	return l.onJob(ctx, "doubt", c.ref(), func(d *docket) error {
		a, err := d.attempt(c.Attempt)
		if err != nil {
			return err
		}
		switch a.Ending {
		case InFlight, EndedOverdue, EndedUnknown:
		case EndedAbsent: // it was looked for since
			return nil
		default:
			return d.refuse("attempt %d ended as %s and isn't in doubt", c.Attempt, a.Ending)
		}
		first := a.Ending != EndedUnknown
		d.close(&a, c)
		doubt.Attempt, doubt.SentAt = a.N, a.SentAt
		doubt.AbsentAfter, doubt.Why = instant(doubt.AbsentAfter), clean(doubt.Why)
		if d.current(a) {
			d.doubt(doubt, first)
			d.job.NotBefore = instant(notBefore)
			d.save()
		}
		return d.landAt(a, EndedUnknown, d.latest(a, doubt))
	})
}

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
	case InFlight, EndedOverdue, EndedUnknown:
	case EndedAbsent: // and this says so too
		return nil
	default:
		return d.refuse("attempt %d ended as %s already", c.Attempt, a.Ending)
	}
	if d.current(a) {
		change()
		d.save()
	}
	d.close(&a, c)
	return d.land(a, as, false)
}

// current says whether the job still waits for this attempt. It doesn't when a
// charge came late for an earlier one.
func (d *docket) current(a AttemptRow) bool {
	switch d.job.State {
	case batch.Sending:
		return a.N == d.job.Attempts
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

	d.tally.Charged += c.Total
	d.tally.DayPrice += c.DayPrice
	d.tally.Charges++
	d.job.Limited, d.job.NotBefore = 0, time.Time{}
	if d.job.State != batch.Succeeded {
		d.job.Output = clean(output)
		d.to(batch.Succeeded, "")
	} else {
		d.job.Why = fmt.Sprintf("billed twice: attempt %d was answered too", a.N)
	}
	d.save()
	return nil
}
