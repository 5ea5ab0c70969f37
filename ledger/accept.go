package ledger

import (
	"context"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Accept notes that the provider has taken a job's work on and answers later:
// the attempt is over, the job stays sending under the provider's reference,
// which must say all that is needed to ask for the answer, and its reservation
// stands. Whoever finds it so asks on and buys nothing. It ends with Settle,
// Reject or Doubt of the same attempt. Accepted again under the same reference,
// nothing changes.
func (l *Ledger) Accept(ctx context.Context, c Closing, reference string, notBefore time.Time) (Job, error) {
	return l.onJob(ctx, "accept", c.ref(), func(d *docket) error {
		if reference = clean(reference); strings.TrimSpace(reference) == "" {
			return d.refuse("work that is taken on needs a reference")
		}
		a, err := d.attempt(c.Attempt)
		if err != nil {
			return err
		}
		switch a.Ending {
		case EndedAccepted, EndedAnswered, EndedFound:
			return nil
		case InFlight, EndedOverdue, EndedUnknown:
		default:
			return d.refuse("attempt %d ended as %s already", c.Attempt, a.Ending)
		}
		if !d.current(a) {
			return d.refuse("it waits for attempt %d and not for %d", d.job.paid(), c.Attempt)
		}
		d.to(batch.Sending, "")
		d.job.Reference, d.job.NotBefore, d.job.Limited, d.job.Tries = reference, instant(notBefore), 0, 0
		if a.Ending == EndedUnknown || a.Ending == EndedOverdue { // its receipt says how its answer was lost
			a.Outcome = ""
		} else {
			d.close(&a, c)
		}
		d.save()
		if err := d.land(a, EndedAccepted, true); err != nil {
			return err
		}
		return d.prove(a.Key)
	})
}

// Heard ends a free request. It changes no state: c says what came back, ret
// when the next request of the job may leave and whether this one counts as a
// try or as refused by a rate limit. One that wasn't even sent (sent is false)
// fills no window. A success while the job is sending begins its tries anew.
// Heard twice, the second one changes nothing.
func (l *Ledger) Heard(ctx context.Context, c Closing, sent bool, ret Returning) (Job, error) {
	return l.onJob(ctx, "end a free request of", c.ref(), func(d *docket) error {
		a, err := d.attempt(c.Attempt)
		switch {
		case err != nil:
			return err
		case !a.Free:
			return d.refuse("attempt %d can move money", c.Attempt)
		case a.Ending != InFlight && a.Ending != EndedOverdue:
			return nil
		}
		d.close(&a, c)
		if !d.job.State.Over() {
			d.putOff(ret)
			if ret.Why != "" && d.job.State != batch.Unknown {
				d.job.Why = clean(ret.Why)
			}
			if c.Kind == "" && d.job.State == batch.Sending {
				d.job.Tries, d.job.Why = 0, clean(ret.Why)
			}
			d.save()
		}
		ending := EndedAnswered
		if !sent {
			ending = EndedReturned
		}
		if err := d.land(a, ending, sent); err != nil || c.Kind != "" {
			return err
		}
		return d.prove(a.Key)
	})
}
