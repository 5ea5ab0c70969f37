package ledger

import (
	"slices"
	"time"
)

// sweep gives up an attempt whose end nobody reported and that can't be under
// way any more. A worker that died, and whose night was terminated, must not
// fill its key's windows for ever. The job stays sending: whoever opens it
// again meets the crash.
func (w *work) sweep(k *KeyRow, a AttemptRow) {
	a.Ending, a.CountedAt = EndedOverdue, a.Until
	k.InFlight--
	for i := range k.Windows {
		k.Windows[i].enter(a.Step, a.CountedAt)
	}
	w.attempts.seen(a.Ref(), a)
	w.attempts.mark(a.Ref())
	w.keys.mark(k.ID)
}

// land ends an attempt: it leaves the air and fills the key's windows until
// counted + Span; not at all when counted is zero, because the provider counts
// completed runs only (Swarms docs, rate-limit-headers, 2026-07-13).
// It also corrects an attempt that was landed before, when its outcome was in
// doubt.
func (w *work) land(a AttemptRow, ending Ending, counted time.Time) error {
	k, _, err := w.keys.get(a.Key)
	if err != nil {
		return err
	}
	if a.Ending == InFlight {
		k.InFlight--
	}
	k.Windows = slices.Clone(k.Windows)
	for i := range k.Windows {
		win := &k.Windows[i]
		if !win.counts(a.Step) {
			continue
		}
		if a.CountedAt.After(win.Tail) {
			win.Ended--
			if a.CountedAt.Equal(win.Oldest) {
				// The store still has this attempt as the first: the second is next.
				if err := w.flush(); err != nil {
					return err
				}
				if win.Oldest, err = w.tx.NthEnd(a.Key, win.Step, win.Tail, 2); err != nil {
					return w.check(err)
				}
			}
		}
		win.enter(a.Step, counted)
	}
	a.Ending, a.CountedAt = ending, counted
	w.attempts.put(a.Ref(), a)
	w.keys.put(k.ID, k)
	return nil
}

// air is what a key has in flight: at the group's beginning, then with what the
// group sends and without what it ends.
type air struct {
	list []Flight // the oldest first
	gone map[AttemptRef]bool
}

// oldest is when the first of them was sent; zero when there is none.
func (a *air) oldest() time.Time {
	if a == nil {
		return time.Time{}
	}
	for len(a.list) > 0 && a.gone[a.list[0].AttemptRef] {
		a.list = a.list[1:]
	}
	if len(a.list) == 0 {
		return time.Time{}
	}
	return a.list[0].SentAt
}

// fly keeps the list of attempts in flight when an operation is kept.
func (w *work) fly(old, now AttemptRow) {
	began, ended := old.N == 0 && now.Ending == InFlight, old.N != 0 && old.Ending == InFlight && now.Ending != InFlight
	if !began && !ended {
		return
	}
	a := w.flights[now.Key]
	if a == nil {
		a = &air{}
		w.flights[now.Key] = a
	}
	if began {
		a.list = append(a.list, Flight{now.Ref(), now.SentAt})
		return
	}
	if a.gone == nil {
		a.gone = map[AttemptRef]bool{}
	}
	a.gone[now.Ref()] = true
}
