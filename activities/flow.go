package activities

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
)

// flow keeps this worker's requests in flight within gate.Flow's bound. Whoever
// finds it full waits for a place, in turn: an event, not a poll.
type flow struct {
	mu     sync.Mutex
	law    *gate.Flow
	inside int
	queue  []chan struct{}
}

func newFlow() *flow { return &flow{law: gate.NewFlow(wide)} }

// enter waits for a place until ctx ends. Whoever has entered must leave.
func (f *flow) enter(ctx context.Context) error {
	if f.try() {
		return nil
	}
	f.mu.Lock()
	place := make(chan struct{})
	f.queue = append(f.queue, place)
	f.admit() // one may have become free meanwhile
	f.mu.Unlock()
	select {
	case <-place:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.queue, place); i >= 0 {
		f.queue = slices.Delete(f.queue, i, i+1)
		return ctx.Err()
	}
	f.inside-- // the place came at the same moment: it goes to the next
	f.admit()
	return ctx.Err()
}

// leave gives the place back.
func (f *flow) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside--
	f.admit()
}

// note tells the law of an end, and says how it bounds now when that changed.
func (f *flow) note(e gate.Ended, now time.Time) (bound int, why string, changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed = f.law.Note(e, now)
	if changed {
		f.admit()
	}
	return f.law.Bound(), f.law.Why(), changed
}

// try enters when there is a place at once.
func (f *flow) try() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inside >= f.law.Bound() || len(f.queue) > 0 {
		return false
	}
	f.inside++
	return true
}

// why is the reason for the bound; empty when there is none but the most.
func (f *flow) why() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.law.Why()
}

// depart gives a submission's place back, if it has one.
func (s *submission) depart() {
	if s.aloft {
		s.aloft = false
		s.flow.leave()
	}
}

func (f *flow) admit() {
	for f.inside < f.law.Bound() && len(f.queue) > 0 {
		close(f.queue[0])
		f.queue = f.queue[1:]
		f.inside++
	}
}

// strained has the law judge an answer. What the provider refused is no sign of
// strain: a rate limit has its own rules, and a mistake of ours is refused
// quickly however busy it is.
func (s *submission) strained(j ledger.Job, r provider.Receipt, kind batch.Kind) {
	failed := false
	switch kind {
	case "":
	case batch.OutcomeUnknown, batch.NotSent:
		failed = r.Status < 200 || r.Status >= 300
	default:
		return
	}
	e := gate.Ended{Shape: shape(j), SentAt: r.SentAt, Took: r.Elapsed, Failed: failed, InFlight: s.Sending()}
	bound, why, changed := s.flow.note(e, r.EndedAt())
	switch {
	case !changed:
	case why == "":
		s.Log.Info("the provider keeps up again: requests at once are unbounded", zap.Int("in_flight", s.Sending()))
	default:
		s.Log.Warn("requests at once are bounded", zap.Int("at_once", bound), zap.String("reason", string(ledger.ReasonStrain)), zap.String("detail", why))
	}
}
