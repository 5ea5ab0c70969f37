package activities

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Those who wait for room ask one at a time while there is none, and twice as
// many each time while there is.
func TestPoorAskInTurn(t *testing.T) {
	at := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	var p poor
	for seq := range 100 {
		p.add(seq, at, batch.Wait{Reason: "budget"})
	}
	if w := p.waits(); w.Jobs != 100 || w.Reason != "budget" {
		t.Errorf("%+v", w)
	}
	if _, ok := p.next(at.Add(-1), 8); ok {
		t.Error("one asks before its time")
	}
	round := func(now time.Time) (asked []int) {
		for {
			seq, ok := p.next(now, 8)
			if !ok {
				return asked
			}
			asked = append(asked, seq)
		}
	}
	now := at
	for _, want := range []int{1, 2, 4, 8, 8} {
		if got := round(now); len(got) != want {
			t.Fatalf("%d ask at once, want %d", len(got), want)
		}
		now = now.Add(moment)
	}
	p.add(7, now, batch.Wait{Reason: "budget"}) // no room again: it goes to the end
	if got := round(now); len(got) != 1 || got[0] == 7 {
		t.Errorf("after a refusal %v ask", got)
	}
	if got := p.seqs[len(p.seqs)-1]; got != 7 {
		t.Errorf("the last in line is %d, want the one that was refused last", got)
	}
}
