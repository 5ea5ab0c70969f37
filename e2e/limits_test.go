package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// strict has the simulator keep one window to the letter, counted on arrival:
// a request too many is refused however quickly it comes.
func strict(limit int64, span time.Duration) func(*simulator.Options) {
	return func(o *simulator.Options) {
		unlimited(o)
		o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: simulatorName(span), Span: span, Limit: limit}}}
		o.Switches.Strict = true
	}
}

// simulatorName is the provider's name of a window: it tells of the minute, of
// others the worker has to be told.
func simulatorName(span time.Duration) string {
	if span == time.Minute {
		return "minute"
	}
	return span.String()
}

// TestScaleLimits has two workers on one ledger keep one limit: never a
// request too many, never a 429, and little of what was possible left unused.
// They run beside no other test, for they measure time.
func TestScaleLimits(t *testing.T) {
	type limit struct {
		n, jobs int
		span    time.Duration
		told    bool // by the provider; else by the operator
	}
	// Two requests less than 2 s apart are two in a window of 2 s.
	limits := []limit{{n: 1, span: 2 * time.Second, jobs: 11}, {n: 200, span: 10 * time.Second, jobs: 350}}
	if scaleFull {
		limits = []limit{{n: 1, span: 2 * time.Second, jobs: 61}, {n: 2000, span: time.Minute, jobs: 2600, told: true}}
	}
	for _, l := range limits {
		t.Run(fmt.Sprintf("%d per %s", l.n, l.span), func(t *testing.T) {
			t.Parallel()
			onEachStore(t, func(t *testing.T, fresh func(*testing.T) string) {
				h := open(t, want{opens: -time.Minute, sim: strict(int64(l.n), l.span), store: fresh(t)})
				var told []string
				if !l.told {
					told = []string{fmt.Sprintf("OFFPEAK_LIMITS=%d/%s", l.n, l.span)}
				}
				h.worker(told...)
				h.worker(told...)
				follow := h.start("starter", nil, "run", "--json", h.many("limited", l.jobs))
				<-follow.ended
				h.wantWhole("limited", l.jobs, follow.cmd.ProcessState.ExitCode(), follow)
				h.wantRecorded(h.batchID("limited"))
				h.wantLimit(l.n, l.span)
			})
		})
	}
}

// wantLimit judges the arrivals at the provider.
func (h *house) wantLimit(limit int, span time.Duration) {
	h.t.Helper()
	posts := h.books().posts
	for _, p := range posts {
		if p.Status == 429 {
			h.t.Errorf("%s was refused with 429", p.Name)
		}
	}
	if most := h.sim.Books().MaxInWindow(span); most > limit {
		h.t.Errorf("%d requests within %s, %d are allowed", most, span, limit)
	}
	// The first allowance goes at once, each further one a span after the one
	// before: nobody can be quicker.
	least := time.Duration((len(posts)-1)/limit) * span
	took := posts[len(posts)-1].At.Sub(posts[0].At)
	used := int(100 * least / took)
	h.row(scaleRow{jobs: len(posts), took: took, note: fmt.Sprintf("%d per %s: %d %% of the possible rate", limit, span, used)})
	// How quickly a large allowance is used up is a matter of the machine's speed,
	// of a small one only of the gate's.
	if limit == 1 && used < 90 {
		h.t.Errorf("%d requests took %s, %s are possible: %d %% of that rate, want 90", len(posts), took, least, used)
	}
}
