package ledger

import (
	"context"
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
	Counted bool       // the provider counts it towards its limits although nothing ran
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
		accepted := a.Ending == EndedAccepted
		if !accepted { // else its receipt says how it was taken on
			d.close(&a, c)
		}
		if charge.EndedAt.IsZero() {
			charge.EndedAt = later(a.EndedAt, instant(c.EndedAt))
		}
		if err := d.book(charge, a, output, FromAnswer); err != nil {
			return err
		}
		if accepted {
			return d.landAt(a, EndedAnswered, a.CountedAt)
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
			d.putOff(ret)
		})
	})
}

// putOff notes when the job may be tried again, and what its try counted as.
func (d *docket) putOff(ret Returning) {
	d.job.NotBefore = instant(ret.NotBefore)
	if ret.Counts {
		d.job.Tries++
	}
	if ret.Limited {
		d.job.Limited++
	} else {
		d.job.Limited = 0
	}
}

// Doubt notes that nobody knows whether an attempt ran: the job is unknown, its
// reservation stands, and nothing is sent for it until Found or Absent. It
// counts as a try. notBefore is when to look in the provider's log. Doubted
// twice for the same attempt, what is known better replaces what was known,
// and the try isn't counted again. Of the doubt, Attempt, SentAt and Batched
// are the ledger's own.
func (l *Ledger) Doubt(ctx context.Context, c Closing, doubt Doubt, notBefore time.Time) (Job, error) {
	return l.onJob(ctx, "doubt", c.ref(), func(d *docket) error {
		a, err := d.attempt(c.Attempt)
		if err != nil {
			return err
		}
		switch a.Ending {
		case InFlight, EndedOverdue, EndedUnknown, EndedAccepted:
		case EndedAbsent: // it was looked for since
			return nil
		default:
			return d.refuse("attempt %d ended as %s and isn't in doubt", c.Attempt, a.Ending)
		}
		first := a.Ending != EndedUnknown
		d.close(&a, c)
		doubt.Attempt, doubt.SentAt, doubt.Batched = a.N, a.SentAt, a.Batched
		doubt.AbsentAfter, doubt.Why = instant(doubt.AbsentAfter), clean(doubt.Why)
		if d.current(a) {
			d.doubt(doubt, first)
			d.job.NotBefore = instant(notBefore)
			d.save()
		}
		return d.landAt(a, EndedUnknown, d.latest(a, doubt))
	})
}
