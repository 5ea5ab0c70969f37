package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Pause has nothing more sent for a batch until Resume: jobs wait at the gate,
// what is in flight ends. Every worker's next Admit sees it. Paused twice, the
// first one stays.
func (l *Ledger) Pause(ctx context.Context, id batch.ID, by, why string) (Batch, error) {
	return l.steer(ctx, "pause", id, func(w *work, b *Batch) error {
		if !b.Paused.On() {
			b.Paused = w.pause(by, why)
		}
		return nil
	})
}

// Resume undoes Pause.
func (l *Ledger) Resume(ctx context.Context, id batch.ID) (Batch, error) {
	return l.steer(ctx, "resume", id, func(_ *work, b *Batch) error {
		b.Paused = batch.Pause{}
		return nil
	})
}

// maxCap bounds a cap: a trillion dollars, and sums stay far from overflowing.
const maxCap = 1_000_000_000_000 * money.Dollar

// Raise gives a batch a higher cap and readies the jobs that were skipped for
// want of room to be sent after all; n says how many. A lower cap than the one
// that is there is BadInput; the same again changes nothing, and readies what
// was skipped since. The next Claim brings the manifest's cap back.
func (l *Ledger) Raise(ctx context.Context, id batch.ID, to money.USD) (out Batch, n int, err error) {
	const op = "raise the budget of"
	out, err = l.steer(ctx, op, id, func(w *work, b *Batch) error {
		switch {
		case to < b.Budget.Batch:
			return &batch.Fault{
				Kind: batch.BadInput, Op: op, Thing: string(id), Detail: fmt.Sprintf("its cap is %s already, %s is less", b.Budget.Batch.Dollars(), to.Dollars()),
				Hint: "to have less spent, pause or cancel the batch",
			}
		case to > maxCap:
			return badInput(op, string(id), "a cap may be "+maxCap.Dollars()+" at most")
		}
		b.Budget.Batch = to
		n, err = w.reopen(id, batch.Skipped)
		return err
	})
	return out, n, err
}

// steer changes a batch's row and returns it.
func (l *Ledger) steer(ctx context.Context, op string, id batch.ID, change func(*work, *Batch) error) (Batch, error) {
	var out Batch
	err := l.onBatch(ctx, op, id, func(w *work, b *Batch) error {
		err := change(w, b)
		out = *b
		return err
	})
	return out, err
}

func (w *work) pause(by, why string) batch.Pause {
	return batch.Pause{By: reason(by, "somebody"), Why: clean(why), At: w.now}
}

// reopen makes all jobs of some states planned again, with their tries and
// waits forgotten.
func (w *work) reopen(id batch.ID, states ...batch.State) (int, error) {
	t, _, err := w.tallies.get(id)
	if err != nil {
		return 0, err
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	all := 0
	for _, from := range states {
		n, err := w.tx.Restate(id, from, batch.Planned, w.now)
		if w.check(err) != nil {
			return 0, err
		}
		t.add(from, -n)
		t.add(batch.Planned, n)
		all += n
	}
	if all > 0 {
		w.jobs.forget(func(r JobRef) bool { return r.Batch == id })
		w.tallies.put(id, t)
	}
	return all, nil
}

// Halt pulls the kill switch of a key, or of everything for the key "":
// nothing is sent until Release, by any worker, for any batch, that of another
// night included. What is in flight ends. Pulled twice, the first one stays.
func (l *Ledger) Halt(ctx context.Context, key, by, why string) error {
	return l.write(ctx, nil, func(w *work) error {
		have, err := w.switches()
		if err != nil {
			return err
		}
		if !have[key].On() {
			w.halts.put(key, Halt{Key: key, Pause: w.pause(by, why)})
		}
		return nil
	})
}

// Release undoes Halt, and says whether there was one.
func (l *Ledger) Release(ctx context.Context, key string) (was bool, err error) {
	err = l.write(ctx, nil, func(w *work) error {
		have, err := w.switches()
		if err != nil {
			return err
		}
		if was = have[key].On(); was {
			w.halts.put(key, Halt{Key: key})
		}
		return nil
	})
	return was, err
}

// Halts lists the switches that are pulled, that for everything first.
func (l *Ledger) Halts(ctx context.Context) ([]Halt, error) {
	var out []Halt
	err := l.read(ctx, func(tx Tx) error {
		all, err := tx.Halts()
		out = slices.DeleteFunc(all, func(h Halt) bool { return !h.On() })
		return err
	})
	return out, err
}

// Keys lists the keys that the books know.
func (l *Ledger) Keys(ctx context.Context) ([]string, error) {
	var out []string
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.AllKeys()
		return err
	})
	return out, err
}

// switches loads the few there are, once a group.
func (w *work) switches() (map[string]Halt, error) {
	if !w.halted {
		all, err := w.tx.Halts()
		if w.check(err) != nil {
			return nil, err
		}
		for _, h := range all {
			w.halts.seen(h.Key, h)
		}
		w.halted = true
	}
	have := map[string]Halt{}
	for k, h := range w.halts.all {
		have[k] = h
	}
	return have, nil
}

// halt is the switch that holds a key.
func (w *work) halt(key string) (Halt, error) {
	if !w.halted {
		if _, err := w.switches(); err != nil {
			return Halt{}, err
		}
	}
	for _, k := range []string{"", key} {
		if h, _, err := w.halts.get(k); err != nil || h.On() {
			return h, err
		}
	}
	return Halt{}, nil
}
