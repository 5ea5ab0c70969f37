package ledger

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// CloseKey has nothing more sent with a key, because the provider refused it
// (401 or 403). Closed twice, the first reason stays.
func (l *Ledger) CloseKey(ctx context.Context, key, why string) error {
	return l.onKey(ctx, key, func(k *KeyRow) bool {
		if k.Closed != "" {
			return false
		}
		k.Closed, k.ClosedAt = reason(why, "the provider refused the key"), k.Tick
		return true
	})
}

// OpenKey undoes CloseKey.
func (l *Ledger) OpenKey(ctx context.Context, key string) error {
	return l.onKey(ctx, key, func(k *KeyRow) bool {
		was := k.Closed != ""
		k.Closed, k.ClosedAt = "", time.Time{}
		return was
	})
}

// HoldKey has nothing sent with a key until ReleaseKey, because the credits
// are used up (402). Held twice, the first reason stays.
func (l *Ledger) HoldKey(ctx context.Context, key, why string) error {
	return l.onKey(ctx, key, func(k *KeyRow) bool {
		if k.Hold != "" {
			return false
		}
		k.Hold, k.HoldAt = reason(why, "the provider asks for credits"), k.Tick
		return true
	})
}

// ReleaseKey undoes HoldKey.
func (l *Ledger) ReleaseKey(ctx context.Context, key string) error {
	return l.onKey(ctx, key, func(k *KeyRow) bool {
		was := k.Hold != ""
		k.Hold, k.HoldAt = "", time.Time{}
		return was
	})
}

// Prove notes that the provider just accepted the key. Settle does so too.
func (l *Ledger) Prove(ctx context.Context, key string) error {
	return l.onKey(ctx, key, func(k *KeyRow) bool {
		k.Proven = k.Tick
		return true
	})
}

// Floor has nothing sent with a key before an instant. It only ever raises:
// the longest wait that the provider asked for counts.
func (l *Ledger) Floor(ctx context.Context, key string, until time.Time, why string) error {
	until = instant(until)
	return l.onKey(ctx, key, func(k *KeyRow) bool {
		if !until.After(k.Floor) {
			return false
		}
		k.Floor, k.FloorWhy = until, clean(why)
		return true
	})
}

// LogsBatches notes whether the provider's log was seen to hold an item of a
// batch request of this key, or to lack one that it had to hold. The last word
// counts; the same one again changes nothing, BatchLogAt neither.
func (l *Ledger) LogsBatches(ctx context.Context, key string, b BatchLog) error {
	if b != BatchLogYes && b != BatchLogNo {
		return internal("note what a key's log holds", key, "it is %q or %q, not %q", BatchLogYes, BatchLogNo, b)
	}
	return l.onKey(ctx, key, func(k *KeyRow) bool {
		if k.BatchLog == b {
			return false
		}
		k.BatchLog, k.BatchLogAt = b, k.Tick
		return true
	})
}

// onKey changes a key's own row; change says whether it did.
func (l *Ledger) onKey(ctx context.Context, key string, change func(*KeyRow) bool) error {
	return l.write(ctx, nil, func(w *work) error {
		k, _, err := w.keys.get(key)
		if err != nil {
			return err
		}
		if change(&k) {
			w.keys.put(key, k)
		}
		return nil
	})
}

// Learn notes what the provider said of a key's rate limits: Name, Step, Span,
// Limit, Remaining, Reset and ToldAt of each window; the rest is ours. A Limit
// of 0 means that the window isn't limited, or that nobody knows; a Remaining
// below 0 that nothing was said of it. Windows that aren't mentioned stay as
// they are, and what was told before the latest telling is ignored: answers
// arrive in any order.
func (l *Ledger) Learn(ctx context.Context, key string, windows []Window) error {
	if len(windows) == 0 {
		return nil
	}
	return l.write(ctx, nil, func(w *work) error {
		k, _, err := w.keys.get(key)
		if err != nil {
			return err
		}
		k.Windows = slices.Clone(k.Windows)
		for _, told := range windows {
			if err := w.learn(&k, told); err != nil {
				return err
			}
		}
		slices.SortStableFunc(k.Windows, func(a, b WindowRow) int { return cmp.Compare(a.Span, b.Span) })
		w.keys.put(key, k)
		return nil
	})
}

func (w *work) learn(k *KeyRow, told Window) error {
	if told.Name == "" || told.Span <= 0 || told.Limit < 0 {
		return internal("learn a rate limit", told.Name, "it needs a name, a span above 0 and a limit of 0 or more")
	}
	told.Span = told.Span.Truncate(time.Microsecond)
	told.ToldAt, told.Reset = instant(told.ToldAt), instant(told.Reset)
	i := slices.IndexFunc(k.Windows, func(have WindowRow) bool { return have.Name == told.Name })
	if i < 0 {
		row := WindowRow{Key: k.ID, Window: Window{
			Name: told.Name, Step: told.Step, Span: told.Span, Limit: told.Limit,
			Remaining: max(told.Remaining, -1), Reset: told.Reset, ToldAt: told.ToldAt,
		}}
		if err := w.recount(&row, k.Tick); err != nil {
			return err
		}
		k.Windows = append(k.Windows, row)
		return nil
	}
	win := &k.Windows[i]
	if told.ToldAt.Before(win.ToldAt) {
		return nil
	}
	win.ToldAt = told.ToldAt
	if told.Remaining >= 0 {
		win.Remaining, win.Reset = told.Remaining, told.Reset
	}
	rebuild := told.Span != win.Span || told.Step != win.Step || (told.Limit == 0) != (win.Limit == 0)
	win.Limit, win.Span, win.Step = told.Limit, told.Span, told.Step
	if rebuild {
		return w.recount(win, k.Tick)
	}
	return nil
}

// Key is how a key stands. One that was never used is open, and empty.
func (l *Ledger) Key(ctx context.Context, key string) (Key, error) {
	var out Key
	err := l.read(ctx, func(tx Tx) error {
		w := newWork(tx, l.now(), 0)
		w.only = true
		k, _, err := w.keys.get(key)
		if err != nil {
			return err
		}
		out, err = w.view(k)
		return err
	})
	return out, err
}
