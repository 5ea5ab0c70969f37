package ledger

import (
	"bytes"
	"cmp"
	"context"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Daily is what a piece of daily work ended with: the usage watch, the export
// of the log, the purge. It is kept so that a page or a shell can show it when
// Temporal is down or has forgotten the run.
type Daily struct {
	Kind   string    // "watch", "export", "purge"
	Day    string    // 2026-11-21: what it was about
	At     time.Time // when it ended
	Result []byte    // JSON
}

// daily names one.
type daily struct{ kind, day string }

// NoteDaily keeps a result, in place of an earlier one of the same kind and
// day; of now when at is zero. It may be repeated.
func (l *Ledger) NoteDaily(ctx context.Context, kind, day string, at time.Time, result []byte) error {
	if _, err := time.Parse(time.DateOnly, day); err != nil || kind == "" || len(result) == 0 {
		return internal("keep a daily result", kind+" of "+day, "it needs a kind, a date and a result")
	}
	return l.write(ctx, nil, func(w *work) error {
		d := Daily{Kind: kind, Day: day, At: instant(at), Result: bytes.Clone(result)}
		if d.At.IsZero() {
			d.At = w.now
		}
		w.dailies.put(daily{kind, day}, d)
		return nil
	})
}

// Dailies lists the results of a kind, the latest day first, at most limit of
// them.
func (l *Ledger) Dailies(ctx context.Context, kind string, limit int) ([]Daily, error) {
	var out []Daily
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.Dailies(kind, limit)
		return err
	})
	return out, err
}

// Hour is what the runs that ended in one hour were charged with one key.
type Hour struct {
	Key     string
	From    time.Time // a full hour, UTC
	Runs    int
	Dollars money.USD
}

// Hours adds up all charges whose run ended in from <= EndedAt < to, over all
// batches, by key and hour. Hours add up to days of every zone whose offset is
// whole hours, Pacific and UTC among them. Hours without a charge are left out;
// the order is that of key and hour.
func (l *Ledger) Hours(ctx context.Context, from, to time.Time) ([]Hour, error) {
	var out []Hour
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.Hours(instant(from), instant(to))
		return err
	})
	return out, err
}

// FirstEnd is when the first run with a key ended, as far as the provider may
// have counted it; zero when none has.
func (l *Ledger) FirstEnd(ctx context.Context, key string) (time.Time, error) {
	var out time.Time
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.NthEnd(key, "", time.Time{}, 1)
		return err
	})
	return out, err
}

// Effort is what a batch took, over all of its nights.
type Effort struct {
	Requests int // that were sent
	Limited  int // of them met a rate limit (HTTP 429)
	Runs     int // that were charged
	Agents   int64
	Billed   money.USD
	DayPrice money.USD
	AgentFee money.USD // as far as the charges name it
	Priced   int64     // agents of the charges that do
}

// Effort adds a batch's requests and charges up. NotFound when nobody claimed it.
func (l *Ledger) Effort(ctx context.Context, id batch.ID) (Effort, error) {
	var out Effort
	err := l.read(ctx, func(tx Tx) error {
		if _, found, err := tx.Tally(id); err != nil || !found {
			return cmp.Or(err, noBatch("add up", id))
		}
		var err error
		out, err = tx.Effort(id)
		return err
	})
	return out, err
}
