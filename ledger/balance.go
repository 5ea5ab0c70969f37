package ledger

import (
	"context"
	"time"
)

// reading names one.
type reading struct {
	key string
	at  time.Time
}

// Balance appends a reading of an account's credits, of now when At is zero.
// The same instant again replaces what was read then, so that the call may be
// repeated.
func (l *Ledger) Balance(ctx context.Context, b Balance) error {
	if b.Key == "" || b.Total < -maxAmount || b.Total > maxAmount {
		return internal("keep a reading of the credits", b.Key, "it needs a key, and %s must lie within %s of zero", b.Total.Dollars(), maxAmount.Dollars())
	}
	return l.write(ctx, nil, func(w *work) error {
		r := Balance{Key: b.Key, At: instant(b.At), Total: b.Total}
		if r.At.IsZero() {
			r.At = w.now
		}
		w.balances.put(reading{r.Key, r.At}, r)
		return nil
	})
}

// Balances lists the readings that were made with a key, from <= At <= to, in
// order of time.
func (l *Ledger) Balances(ctx context.Context, key string, from, to time.Time) ([]Balance, error) {
	var out []Balance
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.Balances(key, instant(from), instant(to))
		return err
	})
	return out, err
}
