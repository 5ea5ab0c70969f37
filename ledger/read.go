package ledger

import (
	"context"

	"github.com/offpeak/offpeak/batch"
)

// Batch is a claimed night, with its result. NotFound when nobody claimed it.
func (l *Ledger) Batch(ctx context.Context, id batch.ID) (Batch, error) {
	var out Batch
	err := l.read(ctx, func(tx Tx) error {
		b, found, err := tx.Batch(id)
		if err != nil {
			return err
		}
		if !found {
			return noBatch("read", id)
		}
		b.Result, err = tx.Result(id)
		out = b
		return err
	})
	return out, err
}

// Batches lists at most limit batches, the newest first.
func (l *Ledger) Batches(ctx context.Context, limit int) ([]Batch, error) {
	var out []Batch
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.Batches(limit)
		return err
	})
	return out, err
}

// Job is one job with its request. NotFound when there is none.
func (l *Ledger) Job(ctx context.Context, id batch.ID, seq int) (Job, error) {
	var out Job
	ref := JobRef{id, seq}
	err := l.read(ctx, func(tx Tx) error {
		row, found, err := first(tx.Jobs([]JobRef{ref}))
		if err != nil {
			return err
		}
		if !found {
			return noJob("read", ref)
		}
		out = row.Job
		out.Request, err = tx.Request(ref)
		return err
	})
	return out, err
}

// Jobs lists the jobs with from <= Seq < to in order, without their requests.
// A stretch beyond the last job is empty.
func (l *Ledger) Jobs(ctx context.Context, id batch.ID, from, to int) ([]Job, error) {
	var out []Job
	err := l.read(ctx, func(tx Tx) error {
		rows, err := tx.Stretch(id, from, to)
		out = make([]Job, len(rows))
		for i, r := range rows {
			out[i] = r.Job
		}
		return err
	})
	return out, err
}

// Attempts lists a job's HTTP requests in order.
func (l *Ledger) Attempts(ctx context.Context, id batch.ID, seq int) ([]Attempt, error) {
	var out []Attempt
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.AttemptsOf(JobRef{id, seq})
		return err
	})
	return out, err
}

// Charges hands a batch's charges to yield one by one, in the order in which
// they were booked. An error of yield's ends it and is returned.
func (l *Ledger) Charges(ctx context.Context, id batch.ID, yield func(Charge) error) error {
	return l.read(ctx, func(tx Tx) error { return tx.Charges(id, yield) })
}

// Totals is a batch in dollars and states. NotFound when nobody claimed it.
func (l *Ledger) Totals(ctx context.Context, id batch.ID) (Totals, error) {
	var out Totals
	err := l.read(ctx, func(tx Tx) error {
		t, found, err := tx.Tally(id)
		if err == nil && !found {
			err = noBatch("add up", id)
		}
		out = t.totals()
		return err
	})
	return out, err
}
