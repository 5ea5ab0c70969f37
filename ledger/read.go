package ledger

import (
	"cmp"
	"context"
	"maps"
	"slices"

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
	return l.job(ctx, JobRef{id, seq}, true)
}

// Glance is Job without the request, which may be long: for who asks where a
// job stands.
func (l *Ledger) Glance(ctx context.Context, id batch.ID, seq int) (Job, error) {
	return l.job(ctx, JobRef{id, seq}, false)
}

func (l *Ledger) job(ctx context.Context, ref JobRef, request bool) (Job, error) {
	if l.isClosed() {
		return Job{}, errClosed()
	}
	if ref.Seq < 0 {
		return Job{}, noJob("read", ref)
	}
	row, payload, found, err := l.store.Job(ctx, ref, request)
	switch {
	case err != nil:
		return Job{}, err
	case !found:
		return Job{}, noJob("read", ref)
	}
	row.Request = payload
	return row.Job, nil
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

// ChargesFor is what some jobs were charged, of all batches, in the order in
// which it was booked. Jobs are named by request id; one that isn't there, or
// that has no charge, is left out.
func (l *Ledger) ChargesFor(ctx context.Context, requestIDs []string) ([]Charge, error) {
	var out []Charge
	for some := range slices.Chunk(distinct(requestIDs), snapshot) {
		err := l.read(ctx, func(tx Tx) error {
			charges, err := tx.ChargesOf(some)
			if err == nil {
				out = append(out, charges...)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Charge) int { return cmp.Compare(a.N, b.N) })
	return out, nil
}

// Known says which of these request ids are in these books, and of which job
// of which batch.
func (l *Ledger) Known(ctx context.Context, requestIDs []string) (map[string]JobRef, error) {
	out := make(map[string]JobRef, len(requestIDs))
	for some := range slices.Chunk(distinct(requestIDs), snapshot) {
		err := l.read(ctx, func(tx Tx) error {
			known, err := tx.Known(some)
			maps.Copy(out, known)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// snapshot is how many ids are looked up on one: request ids never change
// hands and charges are never taken back, so that many may be asked for in
// pieces, and no writer's old pages are kept for all of them.
const snapshot = 4096

// distinct is a list with everything in it once, in order.
func distinct(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

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
