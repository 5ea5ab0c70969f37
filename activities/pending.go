package activities

import (
	"cmp"
	"context"
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// PendingJobs lists the jobs of a stretch that aren't over: first those with
// the higher priority, then in the manifest's order. What is unknown is among
// them; SubmitSwarm settles it.
func (h *Hands) PendingJobs(ctx context.Context, in batch.Page) ([]int, error) {
	jobs, err := h.Ledger.Jobs(ctx, in.Batch, in.From, in.To)
	if err != nil {
		return nil, raise(err)
	}
	slices.SortStableFunc(jobs, func(a, b ledger.Job) int { return cmp.Compare(b.Priority, a.Priority) })
	pending := []int{} // an empty list, and not null, in the history
	for _, j := range jobs {
		if !j.State.Over() {
			pending = append(pending, j.Seq)
		}
	}
	return pending, nil
}
