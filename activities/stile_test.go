package activities

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offpeak/offpeak/batch"
)

func TestStileIsWideUntilHeld(t *testing.T) {
	s := &stile{room: wide}
	for range 100 {
		if err := s.pass(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	full := batch.Wait{Reason: "quota", Detail: "the window is full", Until: time.Unix(100, 0)}
	s.hold(full)
	if got := s.holds(); got != full {
		t.Errorf("%+v", got)
	}
	if s.room != wide/2 {
		t.Errorf("room for %d after one answer to wait, want half", s.room)
	}
	for range 100 {
		s.hold(full)
		s.leave(false)
	}
	if s.inside != 0 {
		t.Fatalf("%d inside", s.inside)
	}
	if err := s.pass(t.Context(), false); err != nil { // one may ask
		t.Fatal(err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.pass(short, false); !errors.Is(err, context.Canceled) {
		t.Errorf("a second one passed: %v", err)
	}
	s.leave(true)
	if got := s.holds(); got != (batch.Wait{}) || s.room != 2 {
		t.Errorf("after an answer: %+v, room for %d", got, s.room)
	}
}

// While it is held, one asks at a time, in the order in which they came; each
// go lets twice as many ask.
func TestStileQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stile{room: 1}
		if err := s.pass(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int
		var most, inside atomic.Int64
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				if err := s.pass(t.Context(), false); err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				inside.Add(-1)
				s.leave(false)
			})
			synctest.Wait() // it stands in the queue
		}
		s.leave(false)
		wg.Wait()
		for i := range order {
			if order[i] != i {
				t.Fatalf("order %v", order)
			}
		}
		if most.Load() != 1 || s.inside != 0 || len(s.queue) != 0 {
			t.Errorf("%d at once, %d inside, %d queued", most.Load(), s.inside, len(s.queue))
		}
	})
}

// Whoever leaves the queue takes no turn along.
func TestStileSurvivesCancelling(t *testing.T) {
	s := &stile{room: 1}
	if err := s.pass(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var passed atomic.Int64
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if s.pass(ctx, false) == nil {
				passed.Add(1)
				s.leave(i%3 == 0)
			}
		})
		if i%2 == 0 {
			go cancel()
		}
		t.Cleanup(cancel)
	}
	s.leave(false)
	wg.Wait()
	if passed.Load() < 100 || s.inside != 0 || len(s.queue) != 0 {
		t.Errorf("%d passed, %d inside, %d queued", passed.Load(), s.inside, len(s.queue))
	}
}

func TestStilesAreForgotten(t *testing.T) {
	var all stiles
	a, b := all.enter("a/2026-11-22"), all.enter("a/2026-11-22")
	c := all.enter("b/2026-11-22")
	if a != b || a == c {
		t.Error("one for each batch is wanted")
	}
	for id, s := range map[batch.ID]*turnstile{"a/2026-11-22": a, "b/2026-11-22": c} {
		all.leave(id, s)
	}
	all.leave("a/2026-11-22", b)
	if len(all.open) != 0 {
		t.Errorf("%d are left", len(all.open))
	}
}

// Those who wait for the night's first answer ask again when it is booked, all
// at once, and not at the next look; one that was booked while the gate was
// being asked isn't waited for.
func TestStilePilot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stile{room: wide}
		h := &Hands{Deps: Deps{Clock: machineClock{}}}
		before := s.heard()
		s.answered(false)
		if s.holdForPilot(batch.Wait{Until: time.Now().Add(time.Hour)}, before) {
			t.Error("an answer that is booked already is waited for")
		}
		began := time.Now()
		var waiting sync.WaitGroup
		for range 100 {
			if !s.holdForPilot(batch.Wait{Until: began.Add(time.Hour)}, s.heard()) {
				t.Fatal("nothing to wait for")
			}
		}
		for range 10 {
			waiting.Go(func() {
				ctx, end := s.orAnswered(t.Context())
				defer end()
				if err := h.Clock.Wait(ctx, time.Hour); err == nil {
					t.Error("the answer didn't end the wait")
				}
			})
		}
		if s.room != 1 {
			t.Errorf("room for %d while it is waited for", s.room)
		}
		synctest.Wait()
		s.answered(false)
		waiting.Wait()
		if until := s.holds().Until; s.room != wide || !until.IsZero() || !time.Now().Equal(began) {
			t.Errorf("after the answer: room for %d, closed until %s, %s later", s.room, until, time.Since(began))
		}
		ctx, end := s.orAnswered(t.Context())
		defer end()
		if s.answered(false); ctx.Err() != nil {
			t.Error("a wait for something else ends with an answer")
		}
		s.hold(batch.Wait{Until: began.Add(time.Hour)})
		s.holdForPilot(batch.Wait{Until: began.Add(time.Hour)}, s.heard())
		if s.answered(true); s.room != wide/4 || !s.holds().Until.IsZero() {
			t.Errorf("after an answer that told of a limit: room for %d, held until %s", s.room, s.holds().Until)
		}
	})
}
