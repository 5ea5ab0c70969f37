package activities

import (
	"cmp"
	"context"
	"slices"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/tariff"
)

// PendingJobs lists the jobs of a stretch that aren't over, in the order in
// which they go. What is unknown is among them; SubmitSwarm settles it.
func (h *Hands) PendingJobs(ctx context.Context, in batch.Page) ([]int, error) {
	pending, err := h.pendingJobs(ctx, in)
	return pending, raise(err)
}

func (h *Hands) pendingJobs(ctx context.Context, in batch.Page) ([]int, error) {
	b, err := h.Ledger.Batch(ctx, in.Batch)
	if err != nil {
		return nil, err
	}
	jobs, err := h.Ledger.Jobs(ctx, in.Batch, in.From, in.To)
	if err != nil {
		return nil, err
	}
	line(jobs, b.Card)
	pending := []int{} // an empty list, and not null, in the history
	for _, j := range jobs {
		if !j.State.Over() {
			pending = append(pending, j.Seq)
		}
	}
	return pending, nil
}

// line puts jobs into the order in which they go:
//
//   - the higher priority first: a person said so;
//   - then what an earlier night, or an earlier run, began and couldn't end;
//   - then what saves most. Every request fills one slot of the rate limits,
//     whatever it costs, and what finds no slot tonight may run by day in the
//     end. The agent fee, which no night discounts, doesn't count;
//   - then the manifest's order.
func line(jobs []ledger.Job, card tariff.Card) {
	began := func(j ledger.Job) int { return min(j.Attempts, 1) }
	slices.SortStableFunc(jobs, func(a, b ledger.Job) int {
		return cmp.Or(
			cmp.Compare(b.Priority, a.Priority),
			cmp.Compare(began(b), began(a)),
			cmp.Compare(card.Saved(b.Estimate, b.Agents), card.Saved(a.Estimate, a.Agents)),
			cmp.Compare(a.Seq, b.Seq),
		)
	})
}
