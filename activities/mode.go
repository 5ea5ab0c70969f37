package activities

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
)

// How policy.mode auto decides.
const (
	fewJobs = 20  // up to so many go singly: the batch endpoint is for more (Swarms docs, production-readiness checklist)
	carried = 100 // single requests a second that one night carries: every one is an activity, and four steps in the books

	premium = "premium" // the tier that may use the batch endpoint (Swarms docs, premium-endpoints)
)

// mode says how the pending jobs go: each in a request of its own, or some in
// one. Auto takes the batch endpoint where that is quicker and costs no
// certainty: what dies in a batch can be settled only if the account's log
// holds the runs of batches. As long as nobody knows, one batch request a night
// finds out.
func (h *Hands) mode(ctx context.Context, plan *batch.Plan, limits provider.Limits) error {
	size := cmp.Or(plan.Policy.BatchSize, manifest.DefaultBatchSize)
	tier := strings.ToLower(limits.Tier)
	if plan.Policy.Mode == batch.ModeSingle {
		if size != manifest.DefaultBatchSize {
			plan.Warnings = append(plan.Warnings, "policy.batch_size means nothing with policy.mode single")
		}
		return nil
	}
	if plan.Policy.Mode == batch.ModeBatch && tier != premium && tier != "" {
		plan.Warnings = append(plan.Warnings, "policy.mode is batch, and batch requests need the premium tier, this account's is "+limits.Tier+": each job is a request of its own")
		return nil
	}
	key, err := h.Ledger.Key(ctx, h.key)
	if err != nil {
		return err
	}
	switch {
	case plan.Policy.Mode == batch.ModeBatch:
		plan.Chunk = size
		if key.BatchLog != ledger.BatchLogYes && plan.Policy.OnUnknown == batch.OnUnknownVerify {
			plan.Warnings = append(plan.Warnings, "policy.mode is batch, and the provider's log isn't known to hold the runs of batch requests: a job whose batch request gets no answer may stay unknown, and isn't sent again")
		}
	case plan.Pending <= fewJobs, tier != premium, key.BatchLog == ledger.BatchLogNo, !quicker(plan.Pending, limits):
	case key.BatchLog == ledger.BatchLogYes:
		plan.Chunk = size
	default:
		plan.Chunk, plan.Chunks = size, 1
	}
	return nil
}

// quicker says whether batch requests would end a night sooner. They save the
// orchestrator's time for each request, never the provider's: runs count one
// by one towards the limits either way. So they help only where the limits let
// jobs leave faster than single requests are carried.
func quicker(jobs int, limits provider.Limits) bool {
	allowed, _ := batch.Slowest(jobs, limits.Rates())
	return allowed < time.Duration(jobs)*time.Second/carried
}
