package ledger

import (
	"bytes"
	"context"
	"time"
)

// Errand is a request that a door does once, however often it comes. The first
// one to begin it does it, within a time of its own; from its end on, everybody
// gets its answer. Key and Digest are hashes: what was asked isn't kept.
type Errand struct {
	Key    string    // of the name that the asker gave it, and of who asked
	Digest string    // of what was asked: the same name for other work is refused
	Owner  string    // who does it
	At     time.Time // when it was begun
	Until  time.Time // until then it is the owner's; afterwards another may take over
	Answer []byte    // nil until it is done
}

// KeepErrands is how long an answer is kept. A door tells its users.
const KeepErrands = 30 * 24 * time.Hour

// Begun is how an errand stands for somebody who wants to begin it.
type Begun string

// The answers of BeginErrand.
const (
	ErrandYours   Begun = "yours"   // do it, then EndErrand
	ErrandDone    Begun = "done"    // Answer is its answer
	ErrandRunning Begun = "running" // somebody else does it: ask again
	ErrandDiffers Begun = "differs" // the name was given to other work
)

// BeginErrand says who does an errand. One that its owner hasn't ended in time
// is the next one's: whoever does it must be able to bear that it is done
// twice. Errands that are older than KeepErrands are forgotten.
func (l *Ledger) BeginErrand(ctx context.Context, key, digest, owner string, lease time.Duration) (Errand, Begun, error) {
	if key == "" || digest == "" || owner == "" || lease <= 0 {
		return Errand{}, "", internal("begin an errand", key, "it needs a key, a digest, an owner and a time")
	}
	var (
		out  Errand
		what Begun
	)
	err := l.write(ctx, nil, func(w *work) error {
		e, found, err := w.errands.get(key)
		if err != nil {
			return err
		}
		if found && w.now.Sub(e.At) > KeepErrands {
			found = false
		}
		switch {
		case found && e.Digest != digest && (e.Answer != nil || w.now.Before(e.Until)):
			out, what = e, ErrandDiffers
		case found && e.Answer != nil:
			out, what = e, ErrandDone
		case found && e.Owner != owner && w.now.Before(e.Until):
			out, what = e, ErrandRunning
		default:
			out, what = Errand{Key: key, Digest: digest, Owner: owner, At: w.now, Until: instant(w.now.Add(lease))}, ErrandYours
			w.errands.put(key, out)
			w.tidy = true
		}
		return nil
	})
	return out, what, err
}

// EndErrand keeps the answer of an errand that is still its owner's. A nil
// answer gives it up: the next one begins anew. When another has taken over,
// nothing changes; his answer counts.
func (l *Ledger) EndErrand(ctx context.Context, key, owner string, answer []byte) error {
	return l.write(ctx, nil, func(w *work) error {
		e, found, err := w.errands.get(key)
		if err != nil || !found || e.Owner != owner || e.Answer != nil {
			return err
		}
		e.Until, e.Answer = time.Time{}, bytes.Clone(answer)
		w.errands.put(key, e)
		return nil
	})
}
