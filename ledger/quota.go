package ledger

import "time"

// A sliding window of N per W is kept by a running count: every attempt enters
// each window of its key once, when it ends, and leaves it once, when its
// CountedAt is W ago. So an admission costs the same whether 100 or 100,000
// are in a window, and counts exactly.
//
// Two clocks are at work. Span and backoff are judged by the caller's own. For
// windows the key's Tick counts, the latest time ever written under the key:
// a clock that steps back, or a worker whose clock is behind, must not let
// runs leave a window early.

// slideSave is how many attempts have to leave a window before that alone is
// worth writing down; fewer are counted again by the next group.
const slideSave = 64

// loadKey reads a key, or makes a new one, and lets leave its windows what has
// to. It runs before anything of the group is written, so that the store's
// answers are complete.
func (w *work) loadKey(id string) (KeyRow, bool, error) {
	found, err := w.tx.Look(Wants{Keys: []string{id}, Flights: w.size + 1})
	if err != nil {
		return KeyRow{}, false, err
	}
	f := KeyFound{KeyRow: KeyRow{Key: Key{ID: id}}}
	if len(found.Keys) > 0 {
		f = found.Keys[0]
	}
	k, err := w.enterKey(f)
	return k, true, err
}

// enterKey brings a key that was read up to now.
func (w *work) enterKey(f KeyFound) (KeyRow, error) {
	k := f.KeyRow
	k.Tick = later(k.Tick, w.now)
	for i := range k.Windows {
		left, err := w.slide(&k.Windows[i], k.Tick)
		if err != nil {
			return KeyRow{}, err
		}
		if left > slideSave {
			w.keys.mark(k.ID)
		}
	}
	if k.InFlight == 0 {
		return k, nil
	}
	// The group ends at most size attempts, so that the oldest one is always
	// among these or among those that it began itself.
	w.flights[k.ID] = &air{list: f.Flights}
	if f.Until.IsZero() || f.Until.After(k.Tick) {
		return k, nil
	}
	overdue, err := w.tx.Overdue(k.ID, k.Tick)
	if err != nil {
		return KeyRow{}, err
	}
	for _, a := range overdue {
		w.sweep(&k, a)
	}
	list, err := w.tx.InFlight(k.ID, k.Tick, w.size+1)
	w.flights[k.ID] = &air{list: list}
	return k, err
}

// counts says whether attempts of a step fill the window.
func (win *WindowRow) counts(step string) bool {
	return win.Limit > 0 && (win.Step == "" || win.Step == step)
}

// enter counts an attempt in a window that is kept count of.
func (win *WindowRow) enter(step string, counted time.Time) {
	if !win.counts(step) || !counted.After(win.Tail) {
		return
	}
	win.Ended++
	if win.Oldest.IsZero() || counted.Before(win.Oldest) {
		win.Oldest = counted
	}
}

// slide moves a window up to tick and says how many attempts left it.
func (w *work) slide(win *WindowRow, tick time.Time) (int64, error) {
	tail := tick.Add(-win.Span)
	if win.Limit == 0 || !tail.After(win.Tail) {
		return 0, nil
	}
	if win.Oldest.IsZero() || win.Oldest.After(tail) {
		win.Tail = tail
		return 0, nil
	}
	n, next, err := w.tx.Ends(win.Key, win.Step, win.Tail, tail)
	if err != nil {
		return 0, err
	}
	win.Ended, win.Tail, win.Oldest = win.Ended-n, tail, next
	return n, nil
}

// recount builds a window that wasn't kept count of before.
func (w *work) recount(win *WindowRow, tick time.Time) error {
	win.Ended, win.Oldest, win.Tail = 0, time.Time{}, time.Time{}
	if win.Limit == 0 {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	var err error
	win.Tail = tick.Add(-win.Span)
	if win.Ended, _, err = w.tx.Ends(win.Key, win.Step, win.Tail, forever); err != nil {
		return w.check(err)
	}
	win.Oldest, err = w.tx.NthEnd(win.Key, win.Step, win.Tail, 1)
	return w.check(err)
}

// forever is later than any time that is stored.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// view is a key as the gate and people see it.
func (w *work) view(k KeyRow) (Key, error) {
	out := k.Key
	if k.InFlight > 0 {
		out.Oldest = w.flights[k.ID].oldest()
	}
	out.Windows = make([]Window, 0, len(k.Windows))
	for _, win := range k.Windows {
		v := win.Window
		if win.Limit > 0 {
			v.Used = int64(k.InFlight) + win.Ended // of a window for one step all that is in flight: rather too many than too few
			leaves, err := w.leaves(win, v.Used)
			if err != nil {
				return Key{}, err
			}
			if !leaves.IsZero() {
				v.Frees = leaves.Add(win.Span)
			}
		}
		out.Windows = append(out.Windows, v)
	}
	return out, nil
}

// leaves is the CountedAt of the attempt that has to leave before one more
// fits; while the window has room, of the oldest one in it. Zero when that
// depends on attempts that are still in flight.
func (w *work) leaves(win WindowRow, used int64) (time.Time, error) {
	nth := used - win.Limit + 1
	switch {
	case nth <= 1:
		return win.Oldest, nil
	case nth > win.Ended:
		return time.Time{}, nil
	}
	// More than the limit: it was told after the sends, or was lowered.
	if err := w.flush(); err != nil {
		return time.Time{}, err
	}
	at, err := w.tx.NthEnd(win.Key, win.Step, win.Tail, nth)
	return at, w.check(err)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
