package simulator_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// A client that leaves a hanging answer finds the work done or not done,
// as the script says.
func TestHang(t *testing.T) {
	for _, after := range []bool{false, true} {
		w := faulty(t, simulator.Rule{Kind: simulator.KindHang, AfterWork: after})
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			left <- w.do(http.MethodPost, swarm, job(tag("x", 1)), func(r *http.Request) { *r = *r.WithContext(ctx) }).err
		}()
		w.await(func(a simulator.Arrival) bool { return a.Fault != "" && a.Executed == after })
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("left with %v", err)
		}
		want := 0
		if after {
			want = 1
		}
		w.ran(1, want)
	}
}

// await returns once some arrival is as wanted.
func (w *world) await(is func(simulator.Arrival) bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		for a := range w.sim.Books().Arrivals() {
			if is(a) {
				return
			}
		}
		select {
		case <-deadline:
			w.t.Fatal("it never arrived")
		case <-tick.C:
		}
	}
}

// The work of a client that left goes on and is billed, or not: a switch.
func TestClientLeavesWorkGoesOn(t *testing.T) {
	for _, lost := range []bool{false, true} {
		clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
		w := start(t, simulator.Options{Tokens: guide, Clock: clock, Latency: simulator.Latency{Kind: "fixed", Low: time.Minute}, Switches: simulator.Switches{CancelLost: lost}})
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			left <- w.do(http.MethodPost, swarm, job(tag("x", 1)), func(r *http.Request) { *r = *r.WithContext(ctx) }).err
		}()
		if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-left
		if lost {
			w.await(func(a simulator.Arrival) bool { return a.Status == 503 })
			w.ran(1, 0)
			continue
		}
		clock.Advance(time.Minute)
		w.await(func(a simulator.Arrival) bool { return a.Executed })
		w.ran(1, 1)
	}
}
