package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Late books a run that the provider's log shows and the books don't have: it
// ended after it had been declared absent, after its job's tries were used up
// or given up, or beside a charge that came first. The money has moved, so it
// is booked, whatever the job was thought to be: one that waited or was over
// without an answer has succeeded now, with this charge and output, and its
// reservation is returned; one that has succeeded was billed twice.
//
// A sending or unknown job is refused: Found is for those. So is a run without
// a JobID, since that is what tells it from others: when a charge of this
// request has it already, nothing changes, and the bool is false.
//
// The charge goes to the attempt that can have run (ran); when there is none,
// nothing of ours did, and the fault is Internal.
func (l *Ledger) Late(ctx context.Context, id batch.ID, seq int, charge Charge, output string) (Job, bool, error) {
	var booked bool
	job, err := l.onJob(ctx, "book a late run", JobRef{id, seq}, func(d *docket) (err error) {
		booked, err = d.late(charge, output)
		return err
	})
	if err != nil {
		return Job{}, false, err
	}
	return job, booked, nil
}

func (d *docket) late(charge Charge, output string) (bool, error) {
	runID := clean(charge.JobID)
	if runID == "" {
		return false, d.refuse("a run that the provider doesn't name can't be told from one that is booked")
	}
	have, err := d.charges()
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(have, func(c Charge) bool { return c.JobID == runID }) {
		return false, nil
	}
	if d.job.State == batch.Sending || d.job.State == batch.Unknown {
		return false, d.refuse("run %s may be the one that it waits for: settle that first", runID)
	}
	ended := instant(charge.EndedAt)
	a, found, err := d.ran(ended)
	if err != nil {
		return false, err
	}
	if !found {
		return false, d.refuse("none of its %d attempts can have been run %s", d.job.Attempts, runID)
	}
	k, _, err := d.w.keys.get(a.Key)
	if err != nil {
		return false, err
	}
	counted := later(k.Tick, d.w.now) // nobody knows when: until now, at the latest
	if !ended.IsZero() && ended.Before(counted) {
		counted = ended
	}
	if ended.IsZero() {
		charge.EndedAt = a.EndedAt
	}
	if a.EndedAt.IsZero() {
		a.EndedAt = counted
	}
	a.Outcome = ""
	if err := d.book(charge, a, output, FromLog); err != nil {
		return false, err
	}
	return true, d.landAt(a, EndedFound, counted)
}

// ran is the attempt without a charge that is most likely to have run: the
// latest of those whose end isn't known, or is only known from the log's
// silence; else of those that were said not to have run. One that was sent
// after the run had ended can't be it.
func (d *docket) ran(ended time.Time) (out AttemptRow, found bool, err error) {
	for n := d.job.Attempts; n > 0; n-- {
		a, err := d.attempt(n)
		if err != nil {
			return out, false, err
		}
		if !ended.IsZero() && a.SentAt.After(ended) {
			continue
		}
		switch a.Ending {
		case EndedAnswered, EndedFound: // these have their charge
		case EndedReturned, EndedRejected:
			if !found {
				out, found = a, true
			}
		default:
			return a, true, nil
		}
	}
	return out, found, nil
}

// charges are the job's, those of this group included.
func (d *docket) charges() ([]Charge, error) {
	if err := d.w.flush(); err != nil {
		return nil, err
	}
	out, err := d.w.tx.ChargesOf([]string{d.job.RequestID})
	return out, d.w.check(err)
}
