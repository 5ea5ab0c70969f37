package ledger

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// maxGroup bounds how many operations share a transaction: enough to spread
// one fsync thin, few enough that the first of them doesn't wait long.
const maxGroup = 256

// patience bounds one transaction, waiting for other processes included. A
// database that hangs for longer is out of reach.
const patience = 30 * time.Second

// operation is one call that wants to write.
type operation struct {
	refs []JobRef // the jobs that it is going to look at
	do   func(*work) error
	err  error
	done chan struct{}
	turn atomic.Int32 // 0 waiting, 1 running, 2 abandoned by its caller
}

// write has do run in a transaction, together with whatever else waits for one
// (group commit: a sync of the disk takes milliseconds, an operation
// microseconds). do may run more than once, and must only touch w.
func (l *Ledger) write(ctx context.Context, refs []JobRef, do func(w *work) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	op := &operation{refs: refs, do: do, done: make(chan struct{})}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errClosed()
	}
	l.queue = append(l.queue, op)
	l.mu.Unlock()
	l.poke()
	select {
	case <-op.done:
		return op.err
	case <-ctx.Done():
		if op.turn.CompareAndSwap(0, 2) {
			return ctx.Err()
		}
		<-op.done
		return op.err
	}
}

func (l *Ledger) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// commit is the goroutine that writes. It never waits for a group to fill:
// while one is being synced the next one gathers by itself.
func (l *Ledger) commit() {
	defer close(l.gone)
	for {
		l.mu.Lock()
		n := min(len(l.queue), maxGroup)
		group := slices.Clone(l.queue[:n])
		l.queue = slices.Delete(l.queue, 0, n)
		closed := l.closed
		l.mu.Unlock()
		if n == 0 {
			if closed {
				return
			}
			<-l.wake
			continue
		}
		group = slices.DeleteFunc(group, func(o *operation) bool { return !o.turn.CompareAndSwap(0, 1) })
		l.serve(group)
		for _, o := range group {
			close(o.done)
		}
		l.gather()
	}
}

// gather gives those who were just answered the moment that they need to ask
// for more. Otherwise callers fall into two camps, of which one always waits
// while the other's group is synced, and each group is half as large.
func (l *Ledger) gather() {
	for before := -1; ; {
		l.mu.Lock()
		n := len(l.queue)
		l.mu.Unlock()
		if n == before || n >= maxGroup {
			return
		}
		before = n
		runtime.Gosched()
	}
}

// serve runs a group in one transaction. When the database refuses something,
// which only a bug can bring about, each operation is tried alone, so that it
// hits only the one that asked for it.
func (l *Ledger) serve(group []*operation) {
	if len(group) == 0 {
		return
	}
	err := l.transact(group)
	if err == nil {
		return
	}
	if len(group) > 1 && batch.KindOf(err) != batch.OutOfReach {
		for i := range group {
			l.serve(group[i : i+1])
		}
		return
	}
	for _, o := range group {
		o.err = err
	}
}

func (l *Ledger) transact(group []*operation) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return l.store.Write(ctx, func(tx Tx) error {
		w := newWork(tx, l.now(), len(group))
		var refs []JobRef
		for _, o := range group {
			refs = append(refs, o.refs...)
		}
		if err := w.prefetch(refs, l.keyOf); err != nil {
			return err
		}
		for _, o := range group {
			o.err = w.run(o.do)
			if w.broken != nil {
				return w.broken
			}
		}
		l.learned(w)
		return w.flush()
	})
}

// learned notes with which key each batch is sent, for the next group's
// prefetch. A wrong note costs a journey to the database, nothing else.
func (l *Ledger) learned(w *work) {
	const enough = 1000
	if len(l.keyOf) > enough {
		clear(l.keyOf)
	}
	for id, b := range w.batches.all {
		l.keyOf[id] = b.Key
	}
}
