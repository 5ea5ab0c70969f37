package books

import (
	"context"
	"slices"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

// Advised is what could be better, by some nights of the books.
type Advised struct {
	Batches []batch.ID     `json:"batches"` // that were looked at, the newest first
	Nights  int            `json:"nights"`  // they ran in
	Advice  []batch.Advice `json:"advice"`
}

// sampled is how many of a batch's requests are read for their max_tokens: jobs
// of one manifest have their agents in common.
const sampled = 20

// Advise looks at one batch, or, with no id, at those of the last nights that
// the books have.
func (b *Books) Advise(ctx context.Context, id batch.ID, nights int) (Advised, error) {
	out := Advised{Batches: []batch.ID{}, Advice: []batch.Advice{}}
	all, err := b.ledger.Nights(ctx, "")
	if err != nil {
		return out, stopped(ctx, err)
	}
	slices.SortFunc(all, newest)
	var (
		sum  advice.Nights
		seen = map[tariff.Night]bool{}
		tier string
	)
	if id != "" {
		all = []batch.ID{id}
	}
	for _, id := range all {
		if seen[id.Night()] = true; len(seen) > nights {
			break
		}
		row, err := b.ledger.Batch(ctx, id)
		if err != nil {
			return out, b.unknown(ctx, err)
		}
		e, err := b.ledger.Effort(ctx, id)
		if err != nil {
			return out, b.unknown(ctx, err)
		}
		totals, err := b.ledger.Totals(ctx, id)
		if err != nil {
			return out, b.unknown(ctx, err)
		}
		sum.Add(row, e, totals.Jobs.Parked)
		if err := b.requests(ctx, row, &sum); err != nil {
			return out, err
		}
		key, err := b.ledger.Key(ctx, row.Key)
		if err != nil {
			return out, stopped(ctx, err)
		}
		if tier == "" {
			tier = advice.TierOf(key.Windows)
		}
		out.Batches = append(out.Batches, id)
	}
	out.Nights, out.Advice = sum.Count(), advice.On(sum.Facts(tier))
	return out, nil
}

// requests looks into the first requests of a batch. Those that were purged say
// nothing.
func (b *Books) requests(ctx context.Context, row ledger.Batch, sum *advice.Nights) error {
	for seq := range min(row.Jobs, sampled) {
		j, err := b.ledger.Job(ctx, row.ID, seq)
		if err != nil {
			return stopped(ctx, err)
		}
		sum.Request(j.Name, swarms.MaxTokens(j.Request))
	}
	return nil
}
