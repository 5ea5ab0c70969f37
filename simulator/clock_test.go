package simulator_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

func TestScaledClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := at(t, "2026-11-22 20:55:00")
		clock := simulator.NewClock()
		clock.Set(from)
		clock.Scale(60)
		began := time.Now()
		if err := clock.Wait(t.Context(), 10*time.Hour); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began).Round(time.Millisecond); took != 10*time.Minute {
			t.Errorf("ten hours at 60 took %s", took)
		}
		if got := clock.Now().Sub(from).Round(time.Second); got != 10*time.Hour {
			t.Errorf("the clock went on by %s", got)
		}
		clock.Scale(0)
		stands := clock.Now()
		clock.Offset(-time.Hour)
		if got := time.Until(clock.Now()); got != -time.Hour {
			t.Errorf("offset of an hour back shows %s", got)
		}
		clock.Set(stands)
		if err := simulator.NewClock().Wait(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if !clock.Now().Equal(stands) {
			t.Error("a frozen clock moved")
		}
	})
}

func TestFrozenClock(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	done := make(chan error, 3)
	for _, d := range []time.Duration{time.Minute, time.Hour} {
		go func() { done <- clock.Wait(t.Context(), d) }()
	}
	if err := clock.AwaitWaiting(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	clock.Advance(-time.Minute) // who was free to go goes
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r := clock.Read(); r.Waiting != 1 || r.Scale != 0 {
		t.Errorf("%+v", r)
	}
	clock.Scale(simulator.MaxScale) // and a clock that begins to run wakes the rest
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := clock.Wait(t.Context(), 0); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	clock.Scale(0)
	go func() { done <- clock.Wait(ctx, time.Minute) }()
	if err := clock.AwaitWaiting(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}
	if err := clock.AwaitWaiting(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled watch: %v", err)
	}
}

func TestLatency(t *testing.T) {
	for _, good := range []struct {
		text string
		want simulator.Latency
	}{
		{"none", simulator.Latency{Kind: "none"}},
		{"20ms", simulator.Latency{Kind: "fixed", Low: 20 * time.Millisecond}},
		{"20ms-80ms,floor=30ms", simulator.Latency{Kind: "uniform", Low: 20 * time.Millisecond, High: 80 * time.Millisecond, Floor: 30 * time.Millisecond}},
		{"lognormal:45s,0.5", simulator.Latency{Kind: "lognormal", Median: 45 * time.Second, Sigma: 0.5}},
	} {
		if got, err := simulator.ParseLatency(good.text); err != nil || got != good.want {
			t.Errorf("%s: %+v, %v", good.text, got, err)
		}
	}
	for _, bad := range []string{"", "soon", "80ms-20ms", "-1s", "lognormal:45s", "lognormal:x,1", "lognormal:45s,9", "20ms,floor=x"} {
		if got, err := simulator.ParseLatency(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}
