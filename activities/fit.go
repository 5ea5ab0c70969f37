package activities

import (
	"fmt"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
)

// fit answers "does it fit tonight?" with the least time that the pending jobs
// take under the account's rate limits, counted as if nothing else used them.
// The last one must still have a request timeout before the deadline.
func fit(p batch.Plan, limits provider.Limits) batch.Fit {
	f := batch.Fit{Has: p.Start.Span.Deadline.Sub(p.Start.At), Fits: true}
	if p.Pending == 0 {
		return f
	}
	f.Needs, f.Binding = p.Policy.RequestTimeout, "a single request, which may take "+p.Policy.RequestTimeout.String()+","
	if wait, w := slowest(p.Pending, limits); wait > 0 {
		f.Needs, f.Binding = wait+p.Policy.RequestTimeout, fmt.Sprintf("%s requests per %s", grouped(w.Limit), w.Name)
		if limits.Tier != "" {
			f.Binding += " (" + limits.Tier + ")"
		}
	}
	f.Fits = f.Needs <= f.Has
	return f
}

// slowest is how long after the first of so many requests the last may leave,
// and the window because of which. Zero: all may leave at once.
func slowest(requests int, limits provider.Limits) (wait time.Duration, binding provider.Window) {
	for _, w := range limits.Windows {
		if w.Limit <= 0 || w.Span <= 0 {
			continue
		}
		// A sliding window of L per W: the first L go at once, the next L once the
		// first have left. Beyond a year it makes no difference, and the product
		// stays in range.
		rounds := (int64(requests) - 1) / w.Limit
		if needs := w.Span * time.Duration(min(rounds, int64(365*24*time.Hour/w.Span))); needs > wait {
			wait, binding = needs, w
		}
	}
	return wait, binding
}

// grouped is 10000 as "10,000".
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
