package activities

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offpeak/offpeak/gate"
)

// bad is a round of errors among so many requests, which halves the bound.
func (f *flow) bad(n int, at time.Time) {
	for range n {
		f.note(gate.Ended{SentAt: at, Took: time.Second, Failed: true, InFlight: n}, at.Add(time.Second))
	}
}

func TestFlowHoldsTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, now := newFlow(), time.Now()
		f.bad(64, now) // 32 from now on
		if got := f.law.Bound(); got != 32 || f.why() == "" {
			t.Fatalf("bounded at %d: %q", got, f.why())
		}
		var (
			mu           sync.Mutex
			inside, most int
			wg           sync.WaitGroup
		)
		release := make(chan struct{})
		for range 200 {
			wg.Go(func() {
				if err := f.enter(t.Context()); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				<-release
				mu.Lock()
				inside--
				mu.Unlock()
				f.leave()
			})
		}
		synctest.Wait()
		if inside != 32 || f.try() {
			t.Errorf("%d inside, want 32 and no room", inside)
		}
		close(release)
		wg.Wait()
		if most != 32 || f.inside != 0 || len(f.queue) != 0 {
			t.Errorf("%d at once, %d inside and %d queued in the end", most, f.inside, len(f.queue))
		}
	})
}

// A bound that rises lets in who waits, without anybody leaving; a bound that
// falls sends nobody out.
func TestFlowFollowsTheLaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, now := newFlow(), time.Now()
		f.bad(32, now) // 16
		for range 16 {
			if !f.try() {
				t.Fatal("no place under the bound")
			}
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := f.enter(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if f.inside != 16 || len(f.queue) != 8 {
			t.Fatalf("%d inside and %d waiting, want 16 and 8", f.inside, len(f.queue))
		}
		later := now.Add(time.Minute)
		for range 16 { // a good round: 32
			f.note(gate.Ended{SentAt: later, Took: time.Second, InFlight: 16}, later.Add(time.Second))
		}
		wg.Wait()
		if f.inside != 24 {
			t.Errorf("%d inside after the bound rose, want all 24", f.inside)
		}
		f.bad(24, later.Add(time.Minute))
		if f.inside != 24 || f.try() {
			t.Errorf("%d inside after the bound fell, and one more", f.inside)
		}
	})
}

// Whoever gives up waiting takes no place along.
func TestFlowSurvivesCancelling(t *testing.T) {
	f := newFlow()
	f.bad(16, time.Now())
	for f.try() {
	}
	held := f.inside
	var wg sync.WaitGroup
	for i := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			switch err := f.enter(ctx); {
			case err == nil:
				f.leave()
			case !errors.Is(err, context.Canceled):
				t.Error(err)
			}
		})
		if i%2 == 0 {
			go cancel()
		}
		t.Cleanup(cancel)
	}
	for range held {
		f.leave()
	}
	wg.Wait()
	if f.inside != 0 || len(f.queue) != 0 {
		t.Errorf("%d inside and %d queued in the end", f.inside, len(f.queue))
	}
}
