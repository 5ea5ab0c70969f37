package batch

import (
	"slices"
	"testing"
)

func TestStates(t *testing.T) {
	over := []State{Succeeded, Rejected, Parked, Skipped, Cancelled}
	seen := map[State]bool{}
	for _, s := range States() {
		if seen[s] {
			t.Errorf("%s is listed twice", s)
		}
		seen[s] = true
		if got, want := s.Over(), slices.Contains(over, s); got != want {
			t.Errorf("%s.Over() = %v, want %v", s, got, want)
		}
	}
	if len(seen) != 9 {
		t.Errorf("%d states, want 9", len(seen))
	}
	if State("lost").Over() {
		t.Error("a state that doesn't exist is over")
	}
}

// Every job is counted once, whatever its state: the columns and what is
// pending add up to the total.
func TestCounts(t *testing.T) {
	var c Counts
	for i, s := range States() {
		c.Add(s, 1<<i)
	}
	want := Counts{
		Total: 511, Succeeded: 1 << 3, Rejected: 1 << 4, Unknown: 1 << 5, Parked: 1 << 6, Skipped: 1 << 7, Cancelled: 1 << 8,
	}
	if c != want {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if got := c.Pending(); got != 1+2+4 {
		t.Errorf("pending %d, want 7: planned, reserved and sending", got)
	}
}
