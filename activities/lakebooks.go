package activities

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/lake"
	"github.com/offpeak/offpeak/ledger"
)

// lakeBooks are the ledger's charges as the lake compares them.
type lakeBooks struct {
	ledger *ledger.Ledger
	spans  map[batch.ID]span // of those batches whose charges were read once
}

// span is when a batch's runs ended; empty without any.
type span struct {
	key         string
	first, last time.Time
}

func chargeOf(c ledger.Charge) lake.Charge {
	return lake.Charge{RequestID: c.RequestID, JobID: c.JobID, Total: c.Total, Ended: c.EndedAt.UTC()}
}

// Charges says which request ids are known, and their charges.
func (b *lakeBooks) Charges(ctx context.Context, requestIDs []string) (map[string]bool, []lake.Charge, error) {
	refs, err := b.ledger.Known(ctx, requestIDs)
	if err != nil {
		return nil, nil, err
	}
	known := make(map[string]bool, len(refs))
	for id := range refs {
		known[id] = true
	}
	all, err := b.ledger.ChargesFor(ctx, requestIDs)
	if err != nil {
		return nil, nil, err
	}
	out := make([]lake.Charge, len(all))
	for i, c := range all {
		out[i] = chargeOf(c)
	}
	return known, out, nil
}

// carriesOn is for how many nights after its own a batch may still be charged:
// what is parked runs in a later one.
const carriesOn = 31

// Ended gives the charges of runs that ended within a span. The batches of so
// many nights are looked through, each whole once.
func (b *lakeBooks) Ended(ctx context.Context, key string, from, to time.Time) ([]lake.Charge, error) {
	ids, err := b.ledger.Nights(ctx, "")
	if err != nil {
		return nil, err
	}
	if b.spans == nil {
		b.spans = map[batch.ID]span{}
	}
	var out []lake.Charge
	for _, id := range ids {
		night, err := time.Parse(time.DateOnly, string(id.Night()))
		if err != nil || night.After(to) || night.Before(from.AddDate(0, 0, -carriesOn)) {
			continue
		}
		s, seen := b.spans[id]
		if seen && (s.key != key || s.first.IsZero() || !s.first.Before(to) || s.last.Before(from)) {
			continue
		}
		if !seen {
			terms, err := b.ledger.Batch(ctx, id)
			if err != nil {
				return nil, err
			}
			if s.key = terms.Key; s.key != key {
				b.spans[id] = s
				continue
			}
		}
		err = b.ledger.Charges(ctx, id, func(c ledger.Charge) error {
			if s.first.IsZero() || c.EndedAt.Before(s.first) {
				s.first = c.EndedAt
			}
			if c.EndedAt.After(s.last) {
				s.last = c.EndedAt
			}
			if !c.EndedAt.Before(from) && c.EndedAt.Before(to) {
				out = append(out, chargeOf(c))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		b.spans[id] = s
	}
	return out, nil
}
