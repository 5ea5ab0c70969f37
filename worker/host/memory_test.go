package host

import (
	"math"
	"runtime/debug"
	"testing"
)

// TestTuneMemory: a worker sets the collector unless its environment does.
func TestTuneMemory(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	defer func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }()
	for _, c := range []struct {
		env     []string
		percent int
		limit   int64
	}{
		{[]string{"GOGC=50"}, 100, math.MaxInt64},
		{[]string{"PATH=x", "GOMEMLIMIT=1GiB"}, 100, math.MaxInt64},
		{[]string{"GOGCX=1", "HOME=GOGC="}, gcPercent, memoryLimit},
	} {
		tuneMemory(c.env)
		gotPercent, gotLimit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
		if gotPercent != c.percent || gotLimit != c.limit {
			t.Errorf("with %v: %d %% and %d bytes, want %d and %d", c.env, gotPercent, gotLimit, c.percent, c.limit)
		}
	}
}
