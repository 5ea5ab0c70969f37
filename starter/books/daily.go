package books

import (
	"context"
	"encoding/json"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Daily is what a piece of daily work ended with, as the ledger keeps it.
type Daily struct {
	Kind   string          `json:"kind"` // "watch", "export", "purge"
	Day    string          `json:"day"`
	At     time.Time       `json:"at"`
	Result json.RawMessage `json:"result"`
}

// Dailies are the last results of a kind, the latest day first.
func (b *Books) Dailies(ctx context.Context, kind string, limit int) ([]Daily, error) {
	all, err := b.ledger.Dailies(ctx, kind, limit)
	if err != nil {
		return nil, stopped(ctx, err)
	}
	out := make([]Daily, len(all))
	for i, d := range all {
		out[i] = Daily{Kind: d.Kind, Day: d.Day, At: d.At, Result: d.Result}
	}
	return out, nil
}

// LastWatch is the usage watch of a day; of the latest one for "". NotFound when
// nobody watched.
func (b *Books) LastWatch(ctx context.Context, day string) (batch.UsageWatch, error) {
	var w batch.UsageWatch
	all, err := b.Dailies(ctx, "watch", 400)
	if err != nil {
		return w, err
	}
	for _, d := range all {
		if day == "" || d.Day == day {
			if err := json.Unmarshal(d.Result, &w); err != nil {
				return w, &batch.Fault{Kind: batch.Internal, Op: "read the usage watch", Thing: d.Day, Detail: "what the books hold is no such result", Err: err}
			}
			return w, nil
		}
	}
	return w, &batch.Fault{
		Kind: batch.NotFound, Op: "read the usage watch", Thing: day, Detail: "these books have none",
		Hint: "starter usage watch makes one; starter schedule create --watch has one made every morning",
	}
}
