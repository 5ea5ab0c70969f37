package books

import (
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Deleted is what was deleted of a batch on purpose.
type Deleted struct {
	What  batch.Kept `json:"what"` // "prompts", "answers" or "receipts"
	Rule  string     `json:"rule"` // the setting and its value, or who asked for it
	At    time.Time  `json:"at"`   // when it was done, or begun
	Whole bool       `json:"whole"`
	Items int64      `json:"items"`
	Bytes int64      `json:"bytes"`
	Said  string     `json:"said"` // in words: "deleted on 2027-01-05 under OFFPEAK_KEEP_ANSWERS=30d"
}

// deleted is what was deleted of a batch; nil for nothing.
func (b *Books) deleted(ctx context.Context, id batch.ID) ([]Deleted, error) {
	notes, err := b.ledger.Purges(ctx, id)
	if err != nil {
		return nil, stopped(ctx, err)
	}
	var out []Deleted
	for _, n := range notes {
		if n.Items == 0 { // looked for, and there was none
			continue
		}
		d := Deleted{What: n.What, Rule: n.Rule, At: n.DoneAt, Whole: true, Items: n.Items, Bytes: n.Bytes, Said: n.Said()}
		if n.DoneAt.IsZero() {
			d.At, d.Whole = n.BegunAt, false
		}
		out = append(out, d)
	}
	return out, nil
}

// Gone is when and why a kind was deleted, in words; "" when it wasn't.
func Gone(all []Deleted, what batch.Kept) string {
	for _, d := range all {
		if d.What == what {
			return d.Said
		}
	}
	return ""
}
