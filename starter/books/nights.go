package books

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/tariff"
)

// Choice says which batches are wanted.
type Choice struct {
	Name   batch.Name   // only this manifest's; all when empty
	Night  tariff.Night // only of this night; all when empty
	States []string     // only in these states; all when empty
	After  batch.ID     // only behind this one, the last of the page before; from the newest when empty
	Limit  int          // at most so many, 1 to MaxLimit
}

// Nights are some batches, the newest first.
type Nights struct {
	Batches []Night   `json:"batches"`
	Next    *batch.ID `json:"next"` // goes into After for the next page; null on the last
}

// Night is a batch as the books have it.
type Night struct {
	Batch     batch.ID     `json:"batch"`
	Night     tariff.Night `json:"night"`
	State     string       `json:"state"` // planning, waiting, sending, auditing, done, failed, or unfinished
	Jobs      batch.Counts `json:"jobs"`
	Money     Sums         `json:"money"`
	Passed    *bool        `json:"passed"` // the audit's word; null while there is none
	Key       string       `json:"key"`    // a hash's first digits, never the key
	PlannedAt time.Time    `json:"planned_at"`
	Paused    batch.Pause  `json:"paused,omitzero"`
	Stopped   string       `json:"stopped,omitempty"` // why nothing more is sent for it

	foreign batch.Spend // on its key meanwhile, by the last comparison; zero when nobody compared
}

// Unfinished is the state of a night whose hours are over and that nobody
// judged: its workflow was ended by force, or waits for a worker.
const Unfinished = "unfinished"

// Nights lists batches. Books without any have none: that is no error.
func (b *Books) Nights(ctx context.Context, c Choice, now time.Time) (Nights, error) {
	out := Nights{Batches: []Night{}}
	ids, err := b.ledger.Nights(ctx, c.Name)
	if err != nil {
		return out, stopped(ctx, err)
	}
	slices.SortFunc(ids, newest)
	for _, id := range ids {
		if c.Night != "" && id.Night() != c.Night || c.After != "" && newest(id, c.After) <= 0 {
			continue
		}
		n, err := b.night(ctx, id, now)
		if err != nil {
			return out, err
		}
		if len(c.States) > 0 && !slices.Contains(c.States, n.State) {
			continue
		}
		if len(out.Batches) == c.Limit {
			out.Next = &out.Batches[len(out.Batches)-1].Batch
			break
		}
		out.Batches = append(out.Batches, n)
	}
	return out, nil
}

// newest orders batches by night, the latest first, and by name.
func newest(a, b batch.ID) int {
	return cmp.Or(cmp.Compare(b.Night(), a.Night()), cmp.Compare(a, b))
}

func (b *Books) night(ctx context.Context, id batch.ID, now time.Time) (Night, error) {
	row, err := b.ledger.Batch(ctx, id)
	if err != nil {
		return Night{}, b.unknown(ctx, err)
	}
	t, err := b.ledger.Totals(ctx, id)
	if err != nil {
		return Night{}, b.unknown(ctx, err)
	}
	n := Night{
		Batch: id, Night: id.Night(), Jobs: t.Jobs, Money: Sums{t.Charges, t.Charged, t.DayPrice, t.DayPrice - t.Charged},
		Key: row.Key, PlannedAt: row.PlannedAt, Paused: row.Paused, Stopped: row.Stopped,
	}
	var r batch.Result
	judged := len(row.Result) > 0 && json.Unmarshal(row.Result, &r) == nil
	if judged {
		n.Passed = &r.Audit.Passed
		if r.Reconciled != nil {
			n.foreign = r.Reconciled.Foreign
		}
	}
	n.State = stood(row, t, r, judged, now)
	return n, nil
}

// stood is where a night stands by the books and the clock alone, in the words
// of Progress.State as far as the books can tell. Temporal, and a worker, know
// better while it runs.
func stood(b ledger.Batch, t ledger.Totals, r batch.Result, judged bool, now time.Time) string {
	pending := t.Jobs.Pending() > 0 || t.Jobs.Total == 0
	switch {
	case !b.Sealed:
		return "planning"
	case judged && !pending:
		return r.State
	case b.Span.Opens.IsZero() || now.After(b.Span.Closes.Add(grace)):
		return Unfinished
	case now.Before(b.Span.StartAt) && t.Sending == 0 && t.Charges == 0:
		return "waiting"
	case pending:
		return "sending"
	}
	return "auditing"
}

// grace is how long after its close a night may still read the provider's log
// before its books count as left behind.
const grace = time.Hour
