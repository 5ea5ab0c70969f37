package nightly_test

import (
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
)

// A lane's jobs count while it is under way: by its heartbeat, which no
// workflow sees.
func TestLookIntoALane(t *testing.T) {
	c := dial(t, "default")
	release := make(chan struct{})
	holds.Store(batch.Name("laned-night"), release)
	n := start(t, c, open("laned-night"))
	v := until(t, n, func(v nightly.View) bool { return v.Progress.Jobs.Succeeded > 0 })
	if p := v.Progress; v.Closed || p.Jobs != (batch.Counts{Total: 2, Succeeded: 1}) || p.Billed != 60*money.Cent || p.DayPrice != money.Dollar {
		t.Errorf("%+v", v)
	}
	close(release)
	if r, err := n.Wait(t.Context()); err != nil || r.Jobs.Succeeded != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}
