package sqlstore

import (
	"maps"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// ref is a job's name in SQL; false when its batch isn't there.
func (t *tx) ref(r ledger.JobRef) (int64, bool, error) {
	found, err := t.known(r.Batch)
	return t.numbers.ref(r.Batch, r.Seq), found, err
}

// known finds a batch's number. A number never changes, and is remembered by
// the store once the transaction that read it has ended well: one that was
// given in a transaction that failed is given again, to another batch.
func (t *tx) known(id batch.ID) (bool, error) {
	if _, ok := t.numbers[id]; ok {
		return true, nil
	}
	if n, ok := t.store.numbers.Load(id); ok {
		t.numbers[id] = n.(int64)
		return true, nil
	}
	var n int64
	found, err := t.one("read batches", "SELECT no FROM batches WHERE id = $1", []any{string(id)}, &n)
	if found && err == nil {
		t.numbers[id] = n
	}
	return found, err
}

// remember keeps the numbers of a transaction that ended well.
func (t *tx) remember() {
	for id, n := range t.numbers {
		t.store.numbers.Store(id, n)
	}
}

// number writes batches, and finds the numbers of all that is going to be
// written.
func (t *tx) number(c ledger.Changes) error {
	for _, b := range c.Batches {
		found, err := t.known(b.ID)
		if err != nil {
			return err
		}
		if !found {
			var last int64
			if _, err := t.one("read batches", "SELECT COALESCE(MAX(no), 0) FROM batches", nil, &last); err != nil {
				return err
			}
			t.numbers[b.ID] = last + 1
		}
		if err := save(t, batches, []ledger.Batch{b}); err != nil {
			return err
		}
	}
	ids := map[batch.ID]bool{}
	for _, j := range c.NewJobs {
		ids[j.Batch] = true
	}
	for _, j := range c.Jobs {
		ids[j.Batch] = true
	}
	for _, a := range c.Attempts {
		ids[a.Batch] = true
	}
	for _, p := range c.Payloads {
		ids[p.Batch] = true
	}
	for id := range maps.Keys(ids) {
		if found, err := t.known(id); err != nil {
			return err
		} else if !found {
			return &batch.Fault{Kind: batch.Internal, Op: "write the ledger", Thing: string(id), Detail: "there is no such batch"}
		}
	}
	return nil
}
