package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// work is one transaction's desk. The operations of a group run on it one
// after the other, each on a draft of its own that is kept when the operation
// succeeds and dropped when a rule refuses it; in the end everything that
// changed is saved at once. So a refused operation costs its neighbours
// nothing, and the batch, key and chain rows that all of them touch are read
// once and written once a group.
type work struct {
	tx     Tx
	exact  time.Time // the clock, one instant for the whole group
	now    time.Time // the same as it is stored, in whole microseconds
	size   int       // operations in the group: at most as many attempts end in it
	only   bool      // only reading: nothing is saved
	broken error     // the store's first error: the whole group is void

	head     shelf[struct{}, Head]
	batches  shelf[batch.ID, Batch]
	results  shelf[batch.ID, Result]
	tallies  shelf[batch.ID, Tally]
	jobs     shelf[JobRef, JobRow]
	attempts shelf[AttemptRef, AttemptRow]
	keys     shelf[string, KeyRow]
	purses   shelf[pocket, Purse]
	halts    shelf[string, Halt]     // all of them, once loaded
	halted   bool                    // halts are loaded
	balances shelf[reading, Balance] // only ever added
	errands  shelf[string, Errand]
	dailies  shelf[daily, Daily] // only ever replaced
	purges   shelf[purged, Purge]

	incidents  shelf[string, Incident]
	deliveries shelf[string, Delivery]

	tidy    bool            // old errands are to be removed
	flights map[string]*air // in flight, by key

	payloads, draftPayloads []Payload
	charges, draftCharges   []Charge
}

func newWork(tx Tx, now time.Time, size int) *work {
	w := &work{tx: tx, exact: now.UTC(), now: instant(now), size: size, flights: map[string]*air{}}
	w.head.load = guard(w, func(struct{}) (Head, bool, error) { h, err := tx.Head(); return h, true, err })
	w.batches.load = guard(w, tx.Batch)
	w.results.load = func(batch.ID) (Result, bool, error) { return Result{}, false, nil } // only ever replaced
	w.tallies.load = guard(w, tx.Tally)
	w.jobs.load = guard(w, func(r JobRef) (JobRow, bool, error) { return first(tx.Jobs([]JobRef{r})) })
	w.attempts.load = guard(w, tx.Attempt)
	w.keys.load = guard(w, w.loadKey)
	w.purses.load = guard(w, w.loadPurse)
	w.balances.load = func(reading) (Balance, bool, error) { return Balance{}, false, nil }
	w.errands.load = guard(w, tx.Errand)
	w.purges.load = guard(w, w.loadPurge)
	w.dailies.load = func(daily) (Daily, bool, error) { return Daily{}, false, nil }
	w.incidents.load = guard(w, tx.Incident)
	w.deliveries.load = guard(w, tx.Delivery)
	w.halts.load = func(string) (Halt, bool, error) { return Halt{}, false, nil } // see halt
	return w
}

// guard has the store's errors remembered.
func guard[K comparable, V any](w *work, load func(K) (V, bool, error)) func(K) (V, bool, error) {
	return func(k K) (V, bool, error) {
		v, ok, err := load(k)
		return v, ok, w.check(err)
	}
}

func first[V any](rows []V, err error) (V, bool, error) {
	if err != nil || len(rows) == 0 {
		var none V
		return none, false, err
	}
	return rows[0], true, nil
}

// prefetch reads what the group is going to look at in one journey. Which key a
// batch's jobs are sent with is known from the groups before (keyOf); where that
// changed meanwhile, too much or too little was read, and the rest is read when
// it is asked for.
func (w *work) prefetch(refs []JobRef, keyOf map[batch.ID]string) error {
	if len(refs) == 0 {
		return nil
	}
	wants := Wants{Jobs: refs, Flights: w.size + 1, Halts: true}
	keys, pockets := map[string]bool{}, map[pocket]bool{}
	for _, r := range refs {
		if slices.Contains(wants.Batches, r.Batch) {
			continue
		}
		wants.Batches = append(wants.Batches, r.Batch)
		key, known := keyOf[r.Batch]
		if !known {
			continue
		}
		if !keys[key] {
			keys[key] = true
			wants.Keys = append(wants.Keys, key)
		}
		for _, p := range []pocket{{r.Batch.Night(), key}, {r.Batch.Night(), ""}} {
			if !pockets[p] {
				pockets[p] = true
				wants.Purses = append(wants.Purses, Purse{Night: p.night, Key: p.key})
			}
		}
	}
	found, err := w.tx.Look(wants)
	if err != nil {
		return err
	}
	return w.lay(wants, found)
}

// lay puts what was found on the desk.
func (w *work) lay(wants Wants, found Found) error {
	for _, j := range found.Jobs {
		w.jobs.seen(j.Ref(), j)
	}
	for _, a := range found.Attempts {
		w.attempts.seen(a.Ref(), a)
	}
	for _, b := range found.Batches {
		w.batches.seen(b.ID, b)
	}
	for _, t := range found.Tallies {
		w.tallies.seen(t.Batch, t)
	}
	for _, p := range slices.Concat(wants.Purses, found.Purses) { // one that isn't there is empty
		w.purses.seen(p.pocket(), p)
	}
	for _, h := range found.Halts {
		w.halts.seen(h.Key, h)
	}
	w.halted = w.halted || wants.Halts
	for _, f := range found.Keys {
		k, err := w.enterKey(f)
		if err != nil {
			return err
		}
		w.keys.seen(k.ID, k)
	}
	return nil
}

// run does one operation on a draft.
func (w *work) run(do func(*work) error) (err error) {
	defer func() {
		if p := recover(); p != nil { // a judge of the caller's must not take the whole group along
			err = &batch.Fault{Kind: batch.Internal, Op: "run a ledger operation", Detail: fmt.Sprintf("panic: %v", p)}
		}
		if err != nil || w.broken != nil {
			w.drop()
			return
		}
		w.keep()
	}()
	return do(w)
}

func (w *work) keep() {
	for _, i := range w.attempts.drafts {
		w.fly(i.row, i.draft)
	}
	w.head.keep()
	w.batches.keep()
	w.results.keep()
	w.tallies.keep()
	w.jobs.keep()
	w.attempts.keep()
	w.keys.keep()
	w.purses.keep()
	w.halts.keep()
	w.balances.keep()
	w.errands.keep()
	w.dailies.keep()
	w.purges.keep()
	w.incidents.keep()
	w.deliveries.keep()
	w.payloads = append(w.payloads, w.draftPayloads...)
	w.charges = append(w.charges, w.draftCharges...)
	w.draftPayloads, w.draftCharges = nil, nil
}

func (w *work) drop() {
	w.head.drop()
	w.batches.drop()
	w.results.drop()
	w.tallies.drop()
	w.jobs.drop()
	w.attempts.drop()
	w.keys.drop()
	w.purses.drop()
	w.halts.drop()
	w.balances.drop()
	w.errands.drop()
	w.dailies.drop()
	w.purges.drop()
	w.incidents.drop()
	w.deliveries.drop()
	w.draftPayloads, w.draftCharges = nil, nil
}

// flush saves what was kept so far. Questions that only the database can
// answer are asked after a flush.
func (w *work) flush() error {
	if w.only {
		return nil
	}
	c := Changes{
		Heads: w.head.take(), Batches: w.batches.take(), Results: w.results.take(), Tallies: w.tallies.take(),
		Payloads: w.payloads, Charges: w.charges, Keys: w.keys.take(),
		Purses: w.purses.take(), Halts: w.halts.take(), Balances: w.balances.take(), Errands: w.errands.take(),
		Dailies:   w.dailies.take(),
		Purges:    w.purges.take(),
		Incidents: w.incidents.take(), Deliveries: w.deliveries.take(),
	}
	c.Jobs, c.NewJobs = w.jobs.split()
	c.Attempts, c.NewAttempts = w.attempts.split()
	for _, k := range c.Keys {
		c.Windows = append(c.Windows, k.Windows...)
	}
	w.payloads, w.charges = nil, nil
	if w.tidy {
		w.tidy = false
		if err := w.check(w.tx.ForgetErrands(w.now.Add(-KeepErrands))); err != nil {
			return err
		}
	}
	return w.check(w.tx.Save(c))
}

// check remembers the store's first error.
func (w *work) check(err error) error {
	if err != nil && w.broken == nil {
		w.broken = err
	}
	return err
}
