package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Crashed notes that a job was found sending by someone who didn't send it:
// whoever did is gone, and nobody knows whether the request ran. It is unknown
// from now on, and until the attempt's time sent + timeout + lag it can only be
// found. It counts as a try. Called again, it changes nothing; nor of a job
// that the provider has accepted, which is sending without anybody at it.
func (l *Ledger) Crashed(ctx context.Context, id batch.ID, seq int, timeout, lag time.Duration) (Job, error) {
	return l.onJob(ctx, "take over", JobRef{id, seq}, func(d *docket) error {
		if d.job.State == batch.Unknown {
			return nil
		}
		if d.job.State != batch.Sending {
			return d.refuse("only a sending one can have met a crash")
		}
		if d.job.Reference != "" {
			return nil // the provider is at it, and whoever comes next asks how far it is
		}
		a, err := d.attempt(d.job.paid())
		if err != nil {
			return err
		}
		d.close(&a, Closing{Kind: batch.OutcomeUnknown})
		doubt := Doubt{
			Attempt: a.N, SentAt: a.SentAt, Batched: a.Batched, AbsentAfter: instant(a.SentAt.Add(timeout + lag)),
			Why: "the worker that sent it is gone",
		}
		d.doubt(doubt, true)
		d.job.NotBefore = time.Time{}
		d.save()
		return d.landAt(a, EndedUnknown, d.latest(a, doubt))
	})
}

// doubt makes the job unknown.
func (d *docket) doubt(doubt Doubt, counts bool) {
	d.to(batch.Unknown, reason(doubt.Why, "no answer that can be trusted"))
	d.job.Doubt = doubt
	d.job.Limited = 0
	if counts {
		d.job.Tries++
	}
}

// latest is the last moment at which the provider may count a run in doubt:
// when it was answered, else when it can't be going on any more.
func (d *docket) latest(a AttemptRow, doubt Doubt) time.Time {
	at := later(a.EndedAt, d.w.now)
	if doubt.Answered || doubt.Billed {
		return at
	}
	return later(at, doubt.AbsentAfter)
}

// Found settles an unknown job from the provider's log, like Settle does from
// an answer. Found again, it changes nothing. The charge's EndedAt, when given,
// is when the run ended by the log.
func (l *Ledger) Found(ctx context.Context, id batch.ID, seq int, charge Charge, output string) (Job, error) {
	return l.onJob(ctx, "settle from the log", JobRef{id, seq}, func(d *docket) error {
		if d.job.State == batch.Succeeded {
			return nil
		}
		if d.job.State != batch.Unknown {
			return d.refuse("only an unknown one can be found")
		}
		a, err := d.attempt(d.job.Doubt.Attempt)
		if err != nil {
			return err
		}
		counted := a.CountedAt
		if ended := instant(charge.EndedAt); ended.IsZero() {
			charge.EndedAt = a.EndedAt
		} else if ended.Before(counted) && !ended.Before(a.SentAt) {
			counted = ended
		}
		a.Outcome = ""
		if err := d.book(charge, a, output, FromLog); err != nil {
			return err
		}
		return d.landAt(a, EndedFound, counted)
	})
}

// Absent notes that an unknown job provably didn't run: it is reserved again
// and may be sent. Called again, it changes nothing.
//
// The ledger doesn't let itself be told so when that can't be: before the
// doubt's AbsentAfter, when the answer said that it ran (Billed), or under
// policy hold. Nor of an attempt that left together with others (Batched),
// unless the key's log is known to hold such (LogsBatches): absence from a log
// that doesn't hold them proves nothing. Under policy resend neither is waited
// for: that policy means at least once, and may pay twice.
func (l *Ledger) Absent(ctx context.Context, id batch.ID, seq int, notBefore time.Time, why string) (Job, error) {
	return l.onJob(ctx, "declare absent", JobRef{id, seq}, func(d *docket) error {
		n := d.job.Doubt.Attempt
		if d.job.State == batch.Reserved {
			n = d.job.paid()
		} else if d.job.State != batch.Unknown {
			return d.refuse("only an unknown one can be absent")
		}
		a, err := d.attempt(n)
		if err != nil {
			return err
		}
		if a.Ending == EndedAbsent {
			return nil
		}
		if d.job.State == batch.Reserved {
			return d.refuse("only an unknown one can be absent")
		}
		b, _, err := d.w.batches.get(id)
		if err != nil {
			return err
		}
		k, _, err := d.w.keys.get(a.Key)
		if err != nil {
			return err
		}
		resend := b.Policy.OnUnknown == batch.OnUnknownResend
		switch doubt := d.job.Doubt; {
		case doubt.Billed:
			return d.refuse("attempt %d ran and was billed; only its amount is missing", n)
		case b.Policy.OnUnknown == batch.OnUnknownHold:
			return d.refuse("under policy hold it is never sent again")
		case !resend && a.Batched && k.BatchLog != BatchLogYes:
			return d.refuse("attempt %d left in a batch request, and nobody has seen key %s's log hold such: absence proves nothing", n, a.Key)
		case !resend && d.w.now.Before(doubt.AbsentAfter):
			return d.refuse("before %s absence proves nothing", doubt.AbsentAfter.Format(time.RFC3339))
		}
		d.to(batch.Reserved, why)
		d.job.NotBefore = instant(notBefore)
		d.save()
		return d.land(a, EndedAbsent, false)
	})
}

// Postpone leaves an unknown job unknown, to be looked for again later.
func (l *Ledger) Postpone(ctx context.Context, id batch.ID, seq int, notBefore time.Time, why string) error {
	_, err := l.onJob(ctx, "postpone", JobRef{id, seq}, func(d *docket) error {
		if d.job.State != batch.Unknown {
			return d.refuse("only an unknown one waits for the log")
		}
		d.job.NotBefore, d.job.Why = instant(notBefore), reason(why, d.job.Why)
		d.save()
		return nil
	})
	return err
}

// Give ends a job that isn't going to be sent: planned or reserved becomes
// parked, skipped, cancelled or rejected, and its reservation is returned.
// Given the same end again, it changes nothing.
func (l *Ledger) Give(ctx context.Context, id batch.ID, seq int, state batch.State, why string) (Job, error) {
	return l.onJob(ctx, "give up", JobRef{id, seq}, func(d *docket) error {
		if !slices.Contains([]batch.State{batch.Parked, batch.Skipped, batch.Cancelled, batch.Rejected}, state) {
			return d.refuse("nothing is given up as %q", state)
		}
		if d.job.State == state {
			return nil
		}
		if d.job.State != batch.Planned && d.job.State != batch.Reserved {
			return d.refuse("only a planned or reserved one can become %s", state)
		}
		d.to(state, reason(why, string(state)))
		d.job.NotBefore = time.Time{}
		d.save()
		return nil
	})
}
