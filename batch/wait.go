package batch

import (
	"cmp"
	"slices"
	"time"
)

// Wait is one thing that jobs of a night wait for while it is sending, for
// whoever looks: by the word of the workers, a few seconds old.
type Wait struct {
	Reason string    `json:"reason"`         // the gate's rule: paused, halted, budget, window, credits, floor, pilot, quota, slow-down, strain; retry: a backoff; unknown: an outcome that is looked up
	Detail string    `json:"detail"`         // in words
	Until  time.Time `json:"until,omitzero"` // when it is asked again at the latest; zero when nobody knows
	Jobs   int       `json:"jobs,omitempty"` // how many wait for it; 0 in what an activity tells of its only job
}

// Beat is the heartbeat of an activity that sends, and of one that plans or
// judges: small, and without prompts.
type Beat struct {
	Doing    string `json:"doing"`
	Attempt  int    `json:"attempt,omitempty"`   // HTTP requests so far
	Count    int    `json:"count,omitempty"`     // jobs so far, of a plan or an audit
	InFlight int    `json:"in_flight,omitempty"` // jobs whose request is under way
	Waits    []Wait `json:"waits,omitempty"`     // what its jobs wait for
}

// MergeWaits adds up by reason what several activities say: the jobs of each,
// with the words of the one that is asked again first; most jobs first.
func MergeWaits(all []Wait) []Wait {
	var out []Wait
	for _, w := range all {
		w.Jobs = max(w.Jobs, 1)
		i := slices.IndexFunc(out, func(o Wait) bool { return o.Reason == w.Reason })
		if i < 0 {
			out = append(out, w)
			continue
		}
		o := &out[i]
		o.Jobs += w.Jobs
		if o.Until.IsZero() || !w.Until.IsZero() && w.Until.Before(o.Until) {
			o.Until, o.Detail = w.Until, w.Detail
		}
	}
	slices.SortStableFunc(out, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
