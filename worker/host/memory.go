package host

import (
	"runtime/debug"
	"slices"
	"strings"
)

const (
	// gcPercent lets the heap grow to five times what lives in it. A worker's
	// live heap is small and its garbage is much: at Go's own 100 a busy one
	// collects dozens of times a second.
	gcPercent = 400
	// memoryLimit is what Go's memory grows to at most for that, in bytes: nearer
	// to it the collector works more often. What lives may be more. The program
	// itself and SQLite's pages are up to a hundred MiB beside it.
	memoryLimit = 160 << 20
)

// tuneMemory sets the collector, unless the environment does (GOGC, GOMEMLIMIT).
func tuneMemory(env []string) {
	has := func(name string) bool {
		return slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	if !has("GOGC") && !has("GOMEMLIMIT") {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(memoryLimit)
	}
}
