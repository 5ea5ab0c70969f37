package gate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/gate"
)

const slowest = 10 * time.Minute // the request timeout

func TestShapeOf(t *testing.T) {
	a := gate.ShapeOf("SequentialWorkflow", []string{"gpt-4o", "gpt-4o-mini", "gpt-4o"}, 3)
	if b := gate.ShapeOf("SequentialWorkflow", []string{"gpt-4o-mini", "gpt-4o"}, 2); a != b {
		t.Errorf("%q and %q: order and number of the same models, and 2 or 3 agents, are one shape", a, b)
	}
	for _, other := range []gate.Shape{
		gate.ShapeOf("ConcurrentWorkflow", []string{"gpt-4o", "gpt-4o-mini"}, 3),
		gate.ShapeOf("SequentialWorkflow", []string{"gpt-4o"}, 3),
		gate.ShapeOf("SequentialWorkflow", []string{"gpt-4o", "gpt-4o-mini"}, 4),
		gate.ShapeOf("SequentialWorkflow", []string{"gpt-4o", "gpt-4o-mini"}, 1),
	} {
		if other == a {
			t.Errorf("%q is the shape of two kinds of work", a)
		}
	}
}

// A hundred runs are believed and ninety-nine aren't; a constant is learned
// exactly, with a quarter on top.
func TestLearnedFromAHundred(t *testing.T) {
	var d gate.Durations
	for n := range 100 {
		if got := d.Slow("a", slowest, time.Minute); got != slowest {
			t.Fatalf("after %d runs: %s", n, got)
		}
		d.See("a", 20*time.Second)
	}
	if got := d.Slow("a", slowest, time.Minute); got != 25*time.Second {
		t.Errorf("after 100 runs of 20 s: %s, want 25 s", got)
	}
	if got := d.Slow("a", 22*time.Second, time.Minute); got != 22*time.Second {
		t.Errorf("longer than the request may take: %s", got)
	}
	if got := d.Slow("b", slowest, time.Minute); got != slowest {
		t.Errorf("of another shape nothing is known: %s", got)
	}
}

// One run in a thousand that takes long is not in the p99. Hours before the
// deadline that is no matter; near it the largest counts.
func TestTheTailCountsNearTheClose(t *testing.T) {
	var d gate.Durations
	for i := range 1000 {
		took := 20 * time.Second
		if i == 500 {
			took = 5 * time.Minute
		}
		d.See("a", took)
	}
	if got := d.Slow("a", slowest, 15*time.Minute+1); got < 25*time.Second || got > 27*time.Second {
		t.Errorf("far from the close: %s", got)
	}
	if got := d.Slow("a", slowest, 15*time.Minute); got != 5*time.Minute {
		t.Errorf("near the close: %s, want the largest", got)
	}
}

// Whatever runs take: the p99 is never too short, and at most one bucket and
// its quarter too long.
func TestLearnedIsNeverTooShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d gate.Durations
		runs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			// Heavy tails: a length of any magnitude.
			return time.Duration(rapid.Int64Range(1, 1000).Draw(t, "n")) * time.Millisecond << rapid.IntRange(0, 9).Draw(t, "magnitude")
		}), 100, 400).Draw(t, "runs")
		for _, took := range runs {
			d.See("a", took)
		}
		slices.Sort(runs)
		exact := runs[(len(runs)*99+99)/100-1]
		got := d.Slow("a", time.Hour, 2*time.Hour)
		if most := exact*1315/1000 + time.Millisecond; got < exact*5/4 || got > most { // 1.05 x 1.25
			t.Fatalf("p99 is %s, taken as %s: want %s to %s", exact, got, exact*5/4, most)
		}
	})
}

// TestNothingSeenEndsLate plays a night against its deadline: whenever a run
// is let go, it ends in time if it takes no longer than one that was seen.
func TestNothingSeenEndsLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d gate.Durations
		timeout := time.Duration(rapid.IntRange(1, 3600).Draw(t, "timeout")) * time.Second
		length := rapid.Custom(func(t *rapid.T) time.Duration {
			return min(time.Duration(rapid.IntRange(1, 100).Draw(t, "s"))*time.Second<<rapid.IntRange(0, 5).Draw(t, "magnitude"), timeout)
		})
		var largest time.Duration
		for range rapid.IntRange(100, 200).Draw(t, "runs") {
			took := length.Draw(t, "took")
			largest = max(largest, took)
			d.See("a", took)
		}
		for left := 2 * time.Hour; left > 0; left -= time.Duration(rapid.IntRange(1, 600).Draw(t, "step")) * time.Second {
			if goes := d.Slow("a", timeout, left) <= left; goes && largest > left {
				t.Fatalf("with %s left a run goes that may take %s as one did", left, largest)
			}
		}
	})
}

// What was long ago fades: a provider that has become quick is believed, and
// memory stays bounded.
func TestLearnedFades(t *testing.T) {
	var d gate.Durations
	for range 1000 {
		d.See("a", 5*time.Minute)
	}
	for range 60_000 {
		d.See("a", time.Second)
	}
	if got := d.Slow("a", slowest, time.Minute); got > 2*time.Second {
		t.Errorf("after 60,000 runs of a second: %s", got)
	}
	for i := range 2000 {
		for range 100 {
			d.See(gate.Shape(fmt.Sprint(i)), time.Second)
		}
	}
	if first, beyond := d.Slow("1", slowest, time.Minute), d.Slow("1999", slowest, time.Minute); first >= slowest || beyond != slowest {
		t.Errorf("the second shape is taken as %s, the 2000th as %s", first, beyond)
	}
}
