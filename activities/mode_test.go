package activities_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/simulator"
)

// How the plan decides between single and batch requests.
func TestMode(t *testing.T) {
	for name, c := range map[string]struct {
		policy        string
		jobs          int
		tier          string
		limit         int64 // a minute; the tier's own when 0
		log           ledger.BatchLog
		chunk, chunks int
		warns         string
	}{
		"single":                                 {policy: `"mode": "single"`, jobs: 30, log: ledger.BatchLogYes},
		"single, with a size that means nothing": {policy: `"mode": "single", "batch_size": 5`, jobs: 30, warns: "policy.batch_size means nothing"},
		"batch":                                  {policy: `"mode": "batch"`, jobs: 3, log: ledger.BatchLogYes, chunk: 10},
		"batch of a size":                        {policy: `"mode": "batch", "batch_size": 25`, jobs: 3, log: ledger.BatchLogYes, chunk: 25},
		"batch, and nobody knows the log":        {policy: `"mode": "batch"`, jobs: 3, chunk: 10, warns: "isn't known to hold the runs"},
		"batch, and the log doesn't hold it":     {policy: `"mode": "batch"`, jobs: 3, log: ledger.BatchLogNo, chunk: 10, warns: "isn't known to hold the runs"},
		"batch, never sent again anyway":         {policy: `"mode": "batch", "on_unknown": "hold"`, jobs: 3, chunk: 10},
		"batch on the free tier":                 {policy: `"mode": "batch"`, jobs: 3, tier: simulator.TierFree, warns: "need the premium tier, this account's is free"},
		"auto, few":                              {jobs: 20, log: ledger.BatchLogYes},
		"auto, many":                             {jobs: 21, log: ledger.BatchLogYes, chunk: 10},
		"auto, nobody knows the log":             {jobs: 21, chunk: 10, chunks: 1},
		"auto, the log doesn't hold it":          {jobs: 21, log: ledger.BatchLogNo},
		"auto on the free tier":                  {jobs: 21, tier: simulator.TierFree, log: ledger.BatchLogYes},
		"auto, the limit is what takes the time": {jobs: 21, limit: 20, log: ledger.BatchLogYes},
		"auto, the limit lets all of them go":    {jobs: 21, limit: 21, log: ledger.BatchLogYes, chunk: 10},
		"auto, in requests of a size":            {policy: `"batch_size": 50`, jobs: 60, log: ledger.BatchLogYes, chunk: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *simulator.Options) {
				o.Accounts[0].Tier = c.tier
				if c.limit > 0 {
					o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: c.limit}}}
				}
			})
			if c.log != "" {
				w.logsBatches(c.log)
			}
			w.planned(manifest(c.jobs, fmt.Sprintf(`"policy": {%s}, "budget": {"batch": 100},`, c.policy)))
			if w.plan.Chunk != c.chunk || w.plan.Chunks != c.chunks {
				t.Errorf("requests of %d jobs, %d of them; want %d, %d", w.plan.Chunk, w.plan.Chunks, c.chunk, c.chunks)
			}
			all := strings.Join(w.plan.Warnings, "\n")
			if !strings.Contains(all, c.warns) || c.warns == "" && strings.Contains(all, "policy.") {
				t.Errorf("want %q in the warnings:\n%s", c.warns, all)
			}
		})
	}
}

// Auto learns: one batch request of the first night shows what the log holds,
// and the next night is decided by it.
func TestModeLearns(t *testing.T) {
	for says, unlogged := range map[ledger.BatchLog]bool{ledger.BatchLogYes: false, ledger.BatchLogNo: true} {
		t.Run(string(says), func(t *testing.T) {
			w := newWorld(t, func(o *simulator.Options) { o.Switches.BatchUnlogged = unlogged })
			w.planned(manifest(21, "")).proven()
			if m := w.many(upTo(10)...); w.plan.Chunks != 1 || len(m.Outcomes) != 10 || w.batchLog() != "" {
				t.Fatalf("%+v after %+v", m, w.plan)
			}
			for seq := 10; seq < 21; seq++ {
				w.send(seq)
			}
			_ = w.clock.Wait(t.Context(), 5*time.Minute)
			if books := w.reconcile(); w.batchLog() != says || len(books.Findings) != 0 {
				t.Errorf("%+v; the books say %q of the log, want %q", books, w.batchLog(), says)
			}
			w.planned(strings.Replace(manifest(21, ""), `"digest"`, `"tomorrow"`, 1))
			if want := map[ledger.BatchLog]int{ledger.BatchLogYes: 10}[says]; w.plan.Chunk != want || w.plan.Chunks != 0 {
				t.Errorf("the next night goes in requests of %d, want %d", w.plan.Chunk, want)
			}
		})
	}
}
