package books

import (
	"context"
	"encoding/json"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Standing is a batch as the books have it now, with the account that it is sent
// with.
type Standing struct {
	Batch     batch.ID      `json:"batch"`
	Provider  string        `json:"provider"`
	Span      tariff.Span   `json:"span"`
	Card      tariff.Card   `json:"card"`
	Budget    batch.Budget  `json:"budget"`
	Policy    batch.Policy  `json:"policy"`
	PlannedAt time.Time     `json:"planned_at"`
	Estimate  money.USD     `json:"estimate"` // the night price of all jobs
	Ceiling   money.USD     `json:"ceiling"`  // the most that all of them can cost
	Counts    batch.Counts  `json:"jobs"`
	Sending   int           `json:"sending"` // under way
	Money     Sums          `json:"money"`
	Held      money.USD     `json:"held"` // reserved, and not settled yet
	Paused    batch.Pause   `json:"paused,omitzero"`
	Stopped   string        `json:"stopped,omitempty"`
	Result    *batch.Result `json:"result,omitempty"` // the last verdict; nil until there is one
	Account   Account       `json:"account"`
}

// Account is how the key that a night is sent with stands: its limits are
// shared by all batches, and by others outside of these books.
type Account struct {
	Key      string    `json:"key"`                // a hash's first digits, never the key
	Closed   string    `json:"closed,omitempty"`   // why nothing is sent with it
	Hold     string    `json:"hold,omitempty"`     // why nothing is sent until credits are back
	Floor    time.Time `json:"floor,omitzero"`     // nothing is sent before
	Why      string    `json:"why,omitempty"`      // of the floor
	InFlight int       `json:"in_flight"`          // requests under way, of all batches
	LastSent time.Time `json:"last_sent,omitzero"` //
	Windows  []Window  `json:"windows"`
}

// Window is one of the provider's limits.
type Window struct {
	Name  string        `json:"name"`
	Span  time.Duration `json:"span_ns"`
	Limit int64         `json:"limit"`
	Used  int64         `json:"used"`           // requests of ours that count in it now
	Left  *int64        `json:"left,omitempty"` // the provider's own count, when it last said one
	Told  time.Time     `json:"told,omitzero"`  // when it did
	Frees time.Time     `json:"frees,omitzero"` // when the oldest of ours leaves
}

// Standing is one batch, NAME/NIGHT or NAME.
func (b *Books) Standing(ctx context.Context, arg string) (Standing, error) {
	id, err := b.Find(ctx, arg)
	if err != nil {
		return Standing{}, err
	}
	row, err := b.ledger.Batch(ctx, id)
	if err != nil {
		return Standing{}, b.unknown(ctx, err)
	}
	t, err := b.ledger.Totals(ctx, id)
	if err != nil {
		return Standing{}, b.unknown(ctx, err)
	}
	n := Standing{
		Batch: id, Provider: row.Provider, Span: row.Span, Card: row.Card, Budget: row.Budget, Policy: row.Policy, PlannedAt: row.PlannedAt,
		Estimate: row.Estimate, Ceiling: row.Ceiling, Counts: t.Jobs, Sending: t.Sending,
		Money: Sums{t.Charges, t.Charged, t.DayPrice, t.DayPrice - t.Charged}, Held: t.Held, Paused: row.Paused, Stopped: row.Stopped,
	}
	if len(row.Result) > 0 {
		n.Result = new(batch.Result)
		if err := json.Unmarshal(row.Result, n.Result); err != nil {
			return n, &batch.Fault{Kind: batch.BooksDisagree, Op: "read the verdict of", Thing: string(id), Detail: "it isn't the JSON that was written", Err: err}
		}
	}
	k, err := b.ledger.Key(ctx, row.Key)
	if err != nil && batch.KindOf(err) != batch.NotFound { // a key of which nothing is known has no limits yet
		return n, stopped(ctx, err)
	}
	n.Account = account(k, row.Key)
	return n, nil
}

func account(k ledger.Key, id string) Account {
	a := Account{Key: id, Closed: k.Closed, Hold: k.Hold, Floor: k.Floor, Why: k.FloorWhy, InFlight: k.InFlight, LastSent: k.LastSent, Windows: []Window{}}
	for _, w := range k.Windows {
		if w.Limit <= 0 {
			continue
		}
		row := Window{Name: w.Name, Span: w.Span, Limit: w.Limit, Used: w.Used, Frees: w.Frees}
		if w.Remaining >= 0 && !w.ToldAt.IsZero() {
			row.Left, row.Told = &w.Remaining, w.ToldAt
		}
		a.Windows = append(a.Windows, row)
	}
	return a
}

// Bin is what became of a batch's requests in a stretch of time.
type Bin = ledger.Bin

// Timeline is what happened to a batch's requests between two instants, in
// stretches of the length step; those of nothing are left out.
func (b *Books) Timeline(ctx context.Context, id batch.ID, from, to time.Time, step time.Duration) ([]Bin, error) {
	bins, err := b.ledger.Timeline(ctx, id, from, to, step)
	if err != nil {
		return nil, b.unknown(ctx, err)
	}
	return bins, nil
}
