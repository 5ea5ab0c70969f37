package gate_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/gate"
)

// course drives a Flow: each round of so many answers that left together and
// took so long.
type course struct {
	f   *gate.Flow
	now time.Time
}

func newCourse(most int) *course { return &course{gate.NewFlow(most), at(22, 0, 0)} }

// round is n answers to requests that left together, every nth of them failed.
func (c *course) round(n int, took time.Duration, failEach int) {
	sent := c.now
	c.now = c.now.Add(took)
	for i := range n {
		c.f.Note(gate.Ended{Shape: "a", SentAt: sent, Took: took, Failed: failEach > 0 && i%failEach == 0, InFlight: n}, c.now)
	}
}

func TestFlowLaws(t *testing.T) {
	cuts, rises := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 1024).Draw(t, "most")
		f := gate.NewFlow(most)
		now := at(22, 0, 0)
		for range rapid.IntRange(1, 300).Draw(t, "answers") {
			took := time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "took"))
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "later")))
			e := gate.Ended{
				Shape:  rapid.SampledFrom([]gate.Shape{"", "a", "b"}).Draw(t, "shape"),
				SentAt: now.Add(-took), Took: took,
				Failed:   rapid.IntRange(0, 9).Draw(t, "failed") == 0,
				InFlight: rapid.IntRange(1, most).Draw(t, "in flight"),
			}
			was := f.Bound()
			changed := f.Note(e, now)
			is := f.Bound()
			switch {
			case changed != (was != is):
				t.Fatalf("said changed %t at %d -> %d", changed, was, is)
			case is < 1 || is > most:
				t.Fatalf("bound %d is outside 1 and %d", is, most)
			case is > was && is-was > max(1, most/32):
				t.Fatalf("rose from %d to %d: more than a step", was, is)
			case (f.Why() == "") != (is == most) && is == most:
				t.Fatalf("unbounded, and a reason: %s", f.Why())
			case is < most && f.Why() == "":
				t.Fatalf("bounded at %d of %d without a reason", is, most)
			}
			if is < was {
				cuts++
			}
			if is > was {
				rises++
			}
		}
	})
	if cuts == 0 || rises == 0 {
		t.Errorf("%d decreases and %d increases: these laws prove less than they say", cuts, rises)
	}
}

func TestFlowBacksOffAndComesBack(t *testing.T) {
	for name, trouble := range map[string]func(*course){
		"errors":  func(c *course) { c.round(c.f.Bound(), time.Second, 5) },
		"latency": func(c *course) { c.round(c.f.Bound(), 4*time.Second, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourse(512)
			for range 3 {
				c.round(512, time.Second, 0)
			}
			if c.f.Bound() != 512 || c.f.Why() != "" {
				t.Fatalf("in quiet bounded at %d: %s", c.f.Bound(), c.f.Why())
			}
			for range 4 {
				was := c.f.Bound()
				trouble(c)
				if got := c.f.Bound(); got > was*7/10 {
					t.Fatalf("bounded at %d after a bad round at %d, want at most seven tenths", got, was)
				}
			}
			if !strings.Contains(c.f.Why(), map[string]string{"errors": "were errors", "latency": "as long as usual"}[name]) {
				t.Errorf("reason %q", c.f.Why())
			}
			low, rounds := c.f.Bound(), 0
			for ; c.f.Bound() < 512 && rounds < 100; rounds++ {
				was := c.f.Bound()
				c.round(max(was, 16), time.Second, 0)
				if c.f.Bound() <= was {
					t.Fatalf("stands at %d in quiet", was)
				}
			}
			if rounds > 40 || c.f.Why() != "" {
				t.Errorf("from %d back to %d in %d rounds: %q", low, c.f.Bound(), rounds, c.f.Why())
			}
		})
	}
}

// A provider that is slower for good, whatever is in flight, is taken for
// usual: else the bound would end at one and stay there.
func TestFlowGetsUsedToIt(t *testing.T) {
	c := newCourse(512)
	for range 3 {
		c.round(512, time.Second, 0)
	}
	least, rounds := 512, 0
	for c.round(max(c.f.Bound(), 16), 4*time.Second, 0); c.f.Bound() < 512 && rounds < 60; rounds++ {
		least = min(least, c.f.Bound())
		c.round(max(c.f.Bound(), 16), 4*time.Second, 0)
	}
	if least >= 512 || least < 16 || rounds >= 60 {
		t.Errorf("down to %d, and %d rounds until it was unbounded again", least, rounds)
	}
}

// One bad round is judged once: what left before the decrease says nothing of
// the bound after it.
func TestFlowCutsOnceARound(t *testing.T) {
	c := newCourse(100)
	sent := c.now
	for i := range 100 {
		c.now = c.now.Add(time.Millisecond)
		c.f.Note(gate.Ended{SentAt: sent, Took: c.now.Sub(sent), Failed: true, InFlight: 100 - i}, c.now)
	}
	if c.f.Bound() != 50 {
		t.Errorf("bounded at %d after one round of errors among 100, want 50", c.f.Bound())
	}
	for range 400 { // more of those that left together with them
		c.f.Note(gate.Ended{SentAt: sent, Took: time.Second, Failed: true, InFlight: 50}, c.now)
	}
	if c.f.Bound() != 50 {
		t.Errorf("bounded at %d by requests of the round before, want 50", c.f.Bound())
	}
}

// Long jobs behind short ones aren't strain: each shape has its own usual time.
func TestFlowKnowsShapes(t *testing.T) {
	f, now := gate.NewFlow(64), at(22, 0, 0)
	for round := range 40 {
		shape, took := gate.Shape("short"), time.Second
		if round >= 5 {
			shape, took = "long", time.Minute
		}
		sent := now
		now = now.Add(took)
		for range 64 {
			f.Note(gate.Ended{Shape: shape, SentAt: sent, Took: took, InFlight: 64}, now)
		}
		if f.Bound() != 64 {
			t.Fatalf("round %d: bounded at %d: %s", round, f.Bound(), f.Why())
		}
	}
}

// What a busy machine of ours adds to every answer is no strain of the
// provider's, however short its answers are; a quarter of a second more is.
func TestFlowLeavesMomentsAlone(t *testing.T) {
	for _, c := range []struct {
		usual, then time.Duration
		cut         bool
	}{
		{20 * time.Millisecond, 260 * time.Millisecond, false},
		{20 * time.Millisecond, 280 * time.Millisecond, true},
		{time.Second, 1900 * time.Millisecond, false},
		{time.Second, 2100 * time.Millisecond, true},
	} {
		course := newCourse(512)
		for range 3 {
			course.round(512, c.usual, 0)
		}
		course.round(512, c.then, 0)
		course.round(512, c.then, 0)
		if cut := course.f.Bound() < 512; cut != c.cut {
			t.Errorf("%s after %s: bounded at %d: %q", c.then, c.usual, course.f.Bound(), course.f.Why())
		}
	}
}
