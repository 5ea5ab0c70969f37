package ledger

import (
	"context"
	"slices"

	"github.com/offpeak/offpeak/batch"
)

// add counts n jobs in a state.
func (t *Tally) add(s batch.State, n int) {
	t.Ended.Add(s, n)
	switch s {
	case batch.Planned:
		t.Planned += n
	case batch.Reserved:
		t.Reserved += n
	case batch.Sending:
		t.Sending += n
	}
}

// holds says whether a job in this state has its ceiling set aside.
func holds(s batch.State) bool {
	return s == batch.Reserved || s == batch.Sending || s == batch.Unknown
}

// holding lists those states.
func holding() []batch.State {
	return slices.DeleteFunc(batch.States(), func(s batch.State) bool { return !holds(s) })
}

func (t Tally) totals() Totals {
	return Totals{
		Jobs: t.Ended, Planned: t.Planned, Reserved: t.Reserved, Sending: t.Sending,
		Held: t.Held, Charged: t.Charged, DayPrice: t.DayPrice, Ceiling: t.Raised, Charges: t.Charges,
	}
}

// docket is one job with its batch's sums, on the desk to be changed.
type docket struct {
	op    string
	w     *work
	job   JobRow
	tally Tally

	holder string // the key in whose purse the job's ceiling is set aside; "" when it isn't
	sender string // the key with which it is sent now, once it is
	repeat bool   // what is sent now is what was sent before, and can't buy twice
}

// open puts a job on the desk.
func (w *work) open(op string, ref JobRef) (*docket, error) {
	job, found, err := w.jobs.get(ref)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, noJob(op, ref)
	}
	tally, _, err := w.tallies.get(ref.Batch)
	if err != nil {
		return nil, err
	}
	d := &docket{op: op, w: w, job: job, tally: tally}
	if holds(job.State) {
		last, _, err := w.attempts.get(AttemptRef{ref, job.paid()})
		if err != nil {
			return nil, err
		}
		d.holder = last.Key
	}
	return d, nil
}

// paid is the job's last attempt that could move money.
func (j JobRow) paid() int {
	if j.Paid == 0 {
		return j.Attempts // from before free ones, or there was none
	}
	return j.Paid
}

// to moves the job into a state, and its reservation with it. A doubt ends with
// being unknown, but for a send that repeats the doubted one.
func (d *docket) to(s batch.State, why string) {
	switch had, has := holds(d.job.State), holds(s); {
	case !had && has:
		d.tally.Held += d.job.Ceiling
	case had && !has:
		d.tally.Held -= d.job.Ceiling
	}
	d.tally.add(d.job.State, -1)
	d.tally.add(s, 1)
	d.job.State, d.job.Why = s, clean(why)
	if s != batch.Unknown && (s != batch.Sending || !d.repeat) {
		d.job.Doubt = Doubt{}
	}
}

// save keeps what was changed.
func (d *docket) save() {
	d.job.UpdatedAt = d.w.now
	d.setAside()
	d.w.jobs.put(d.job.Ref(), d.job)
	d.w.tallies.put(d.tally.Batch, d.tally)
}

// attempt is one of the job's attempts.
func (d *docket) attempt(n int) (AttemptRow, error) {
	ref := AttemptRef{d.job.Ref(), n}
	a, found, err := d.w.attempts.get(ref)
	if err != nil {
		return a, err
	}
	if !found {
		return a, internal(d.op, ref.String(), "there was no such attempt; the job has had %d", d.job.Attempts)
	}
	if _, _, err := d.w.keys.get(a.Key); err != nil { // reading the key may give up the attempt (sweep)
		return a, err
	}
	a, _, err = d.w.attempts.get(ref)
	return a, err
}

// refuse is the fault of a step that the state machine doesn't have.
func (d *docket) refuse(format string, args ...any) error {
	return internal(d.op, d.job.Ref().String(), "the job is "+string(d.job.State)+": "+format, args...)
}

// onJob changes one job and returns it as it then is, without its request.
func (l *Ledger) onJob(ctx context.Context, op string, ref JobRef, change func(*docket) error) (Job, error) {
	var out Job
	err := l.write(ctx, []JobRef{ref}, func(w *work) error {
		d, err := w.open(op, ref)
		if err != nil {
			return err
		}
		if err := change(d); err != nil {
			return err
		}
		out = d.job.Job
		return nil
	})
	if err != nil {
		return Job{}, err
	}
	return out, nil
}
