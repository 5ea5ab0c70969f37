package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/offpeak/offpeak/batch"
)

// Options are what a ledger gets from outside.
type Options struct {
	Now   func() time.Time // the clock; time.Now when nil
	NewID func() string    // makes request ids; random UUID v4 when nil
}

// Ledger is the books: every method is one transaction, exact under
// concurrency and across crashes. It may be used by any number of goroutines,
// and any number of processes may have the same books open.
//
// A nil error means that what was written is on the disk. A fault of kind
// OutOfReach means that the database can't be used right now: call again; all
// methods may be repeated. When ctx is cancelled before its turn came, nothing
// was written; from then on a method waits for its answer, since a caller must
// know what was written before it sends anything.
type Ledger struct {
	store Store
	now   func() time.Time
	newID func() string

	keyOf map[batch.ID]string // the committer's own: see prefetch

	mu     sync.Mutex
	queue  []*operation
	closed bool
	wake   chan struct{} // has room for one: "look at the queue"
	gone   chan struct{} // closed when the committer has ended
}

// New is a ledger on an open store, which it owns from now on. Callers use
// sqlite.Open or postgres.Open.
func New(store Store, opts Options) *Ledger {
	l := &Ledger{store: store, now: opts.Now, newID: opts.NewID, keyOf: map[batch.ID]string{}, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	if l.now == nil {
		l.now = time.Now
	}
	if l.newID == nil {
		l.newID = uuid.NewString
	}
	go l.commit()
	return l
}

// Close lets what was begun end and closes the store. Later calls are answered
// with OutOfReach. Closing twice is fine.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.gone
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.poke()
	<-l.gone
	return l.store.Close()
}

// instant is a time as the ledger keeps it: whole microseconds, UTC.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

func (l *Ledger) read(ctx context.Context, do func(Tx) error) error {
	if l.isClosed() {
		return errClosed()
	}
	return l.store.Read(ctx, do)
}

func (l *Ledger) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func errClosed() error {
	return &batch.Fault{Kind: batch.OutOfReach, Op: "use the ledger", Detail: "it was closed", Hint: "the program is shutting down; start it again"}
}
