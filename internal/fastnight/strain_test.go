package fastnight_test

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/offpeak/offpeak/internal/fastnight"
	"github.com/offpeak/offpeak/simulator"
)

// A provider without rate limits takes four times as long for a while, with 64
// jobs at once. The worker sees it, has fewer in flight for as long, says why,
// and comes back; no job notices.
func TestAProviderUnderStrain(t *testing.T) {
	const width, begins, ends = 64, 5 * time.Second, 30 * time.Second
	slow := func(rules ...simulator.Rule) func(*simulator.Server) error {
		return func(s *simulator.Server) error { return s.SetFaults(rules...) }
	}
	core, logs := observer.New(zap.InfoLevel)
	p := play(t, fastnight.Options{
		Jobs: 800, Width: width, Speed: 3, Log: zap.New(core),
		Latency: simulator.Latency{Kind: "fixed", Low: time.Second},
		Events: []fastnight.Event{
			{At: begins, Do: slow(simulator.Rule{Match: "*", Kind: simulator.KindSlow, Delay: simulator.Duration(3 * time.Second)})},
			{At: ends, Do: slow()},
		},
	})
	// Those in flight when it begins are judged when they end, 4 s later, when as many
	// have followed, which end after 4 s more; and a busy machine is late with all of it: from then
	// on nothing may start that isn't one of seven tenths.
	before, during := 0, 0
	for _, a := range p.Ours {
		at := a.Started.Sub(fastnight.Opening)
		flying := 0
		for _, b := range p.Ours {
			if !b.Started.After(a.Started) && b.Ended.After(a.Started) {
				flying++
			}
		}
		switch {
		case at < begins:
			before = max(before, flying)
		case at > begins+15*time.Second && at < ends-time.Second:
			during = max(during, flying)
		}
	}
	t.Logf("%d at once before, %d during", before, during)
	if before < width/2 {
		t.Fatalf("%d at once before the strain: this proves nothing", before)
	}
	if during == 0 || during > before*7/10 {
		t.Errorf("%d at once under strain, %d before: want at most seven tenths", during, before)
	}
	bounded := logs.FilterMessage("requests at once are bounded").All()
	if len(bounded) == 0 {
		t.Fatal("nobody said that requests at once are bounded")
	}
	said := bounded[0].ContextMap()
	if said["reason"] != "strain" || said["detail"] == "" || said["at_once"].(int64) > width*7/10 {
		t.Errorf("said %v", said)
	}
	if last := bounded[len(bounded)-1].ContextMap(); last["at_once"].(int64) <= bounded[0].ContextMap()["at_once"].(int64) {
		t.Errorf("in the end bounded at %v: it didn't find its way back", last)
	}
}
