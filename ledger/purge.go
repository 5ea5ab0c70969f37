package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// Purge is the note that something of a batch was deleted on purpose: written
// before the first row or object goes, so that whoever finds nothing finds out
// why. Money, states, digests and what the quota needs are never deleted.
type Purge struct {
	Batch   batch.ID // "" for what is no batch's: uploads, the lake's logs
	What    batch.Kept
	Rule    string    // why: a setting such as "OFFPEAK_KEEP_PROMPTS=30d", or who asked for it
	BegunAt time.Time // from here on some of it may be gone
	DoneAt  time.Time // all of it is; zero while it isn't
	Items   int64     // prompts, answers, receipts: how many, over all times that it was done
	Bytes   int64
	Files   int64 // of answers: how many results.jsonl are gone, by the highest revision
}

// Said is the note in words, to follow "the answer was": "deleted on 2027-01-05
// under OFFPEAK_KEEP_ANSWERS=30d".
func (p Purge) Said() string {
	at, said := p.DoneAt, "deleted on "
	if at.IsZero() {
		at, said = p.BegunAt, "to be deleted from "
	}
	said += at.UTC().Format(time.DateOnly)
	if strings.HasPrefix(p.Rule, "OFFPEAK_") {
		return said + " under " + p.Rule
	}
	return said + ", " + p.Rule
}

// purged names one.
type purged struct {
	batch batch.ID
	what  batch.Kept
}

// Weight is what a batch's deletable texts come to, in rows and bytes.
type Weight struct {
	Prompts, PromptBytes   int64
	Receipts, ReceiptBytes int64
}

// BeginPurge notes that a part of a batch is about to be deleted, and with what
// is then Items, Bytes and Files; p's Batch, What, Rule and these three are
// read. owner is who had the batch when the caller made sure that it isn't
// running.
//
// NightClaimed when the batch has changed hands since, or a request is on its
// way; OutcomesUnknown when what became of one isn't known: its prompt is all
// that there is to go on. One that was begun and not ended goes on, with the
// larger of both counts.
func (l *Ledger) BeginPurge(ctx context.Context, p Purge, owner Owner) (Purge, error) {
	const op = "purge"
	err := l.write(ctx, nil, func(w *work) error {
		if p.Batch != "" {
			if err := w.idle(op, p.Batch, owner); err != nil {
				return err
			}
		}
		have, found, err := w.purges.get(purged{p.Batch, p.What})
		switch {
		case err != nil:
			return err
		case !found:
		case have.DoneAt.IsZero():
			p.BegunAt, p.Items, p.Bytes, p.Files = have.BegunAt, max(p.Items, have.Items), max(p.Bytes, have.Bytes), max(p.Files, have.Files)
		default:
			p.Items, p.Bytes, p.Files = p.Items+have.Items, p.Bytes+have.Bytes, max(p.Files, have.Files)
		}
		if p.BegunAt.IsZero() {
			p.BegunAt = w.now
		}
		p.DoneAt = time.Time{}
		p.Rule = reason(p.Rule, "asked for")
		w.purges.put(purged{p.Batch, p.What}, p)
		return nil
	})
	return p, err
}

// PurgeStretch deletes the prompts or receipts of the jobs with from <= Seq <
// to of a batch whose purge was begun, and counts them in its note. It is
// refused as BeginPurge is, so that nothing goes once the batch runs again.
func (l *Ledger) PurgeStretch(ctx context.Context, id batch.ID, what batch.Kept, owner Owner, from, to int) error {
	const op = "purge"
	return l.write(ctx, nil, func(w *work) error {
		if err := w.idle(op, id, owner); err != nil {
			return err
		}
		note, found, err := w.purges.get(purged{id, what})
		if err != nil {
			return err
		}
		if !found || !note.DoneAt.IsZero() {
			return internal(op, string(id), "deleting %s wasn't begun", what)
		}
		if err := w.flush(); err != nil { // what the group's own operations wrote goes, too
			return err
		}
		w.attempts.forget(func(r AttemptRef) bool { return r.Batch == id })
		items, bytes, err := w.tx.Shed(what, id, from, to)
		if w.check(err) != nil {
			return err
		}
		note.Items += items
		note.Bytes += bytes
		w.purges.put(purged{id, what}, note)
		return nil
	})
}

// EndPurge notes that all of it is gone. Ending twice is fine.
func (l *Ledger) EndPurge(ctx context.Context, id batch.ID, what batch.Kept) (Purge, error) {
	var out Purge
	err := l.write(ctx, nil, func(w *work) error {
		note, found, err := w.purges.get(purged{id, what})
		if err != nil {
			return err
		}
		if !found {
			return internal("purge", string(id), "deleting %s wasn't begun", what)
		}
		if note.DoneAt.IsZero() {
			note.DoneAt = w.now
			w.purges.put(purged{id, what}, note)
		}
		out = note
		return nil
	})
	return out, err
}

// idle refuses a batch of which nothing may be deleted now.
func (w *work) idle(op string, id batch.ID, owner Owner) error {
	b, found, err := w.batches.get(id)
	if err != nil {
		return err
	}
	if !found {
		return noBatch(op, id)
	}
	if b.Owner != owner {
		return &batch.Fault{
			Kind: batch.NightClaimed, Op: op, Thing: string(id),
			Detail: fmt.Sprintf("workflow %s, run %s, has taken it in hand meanwhile", b.Owner.WorkflowID, b.Owner.RunID),
			Hint:   "it is looked at again by the next purge",
		}
	}
	t, _, err := w.tallies.get(id)
	if err != nil {
		return err
	}
	return settled(op, id, t)
}

// Purgeable says whether BeginPurge would refuse a batch, and writes nothing.
func (l *Ledger) Purgeable(ctx context.Context, id batch.ID) error {
	return l.read(ctx, func(tx Tx) error {
		t, found, err := tx.Tally(id)
		if err != nil {
			return err
		}
		if !found {
			return noBatch("purge", id)
		}
		return settled("purge", id, t)
	})
}

// settled refuses a batch with requests whose end isn't known.
func settled(op string, id batch.ID, t Tally) error {
	switch {
	case t.Sending > 0:
		return &batch.Fault{
			Kind: batch.NightClaimed, Op: op, Thing: string(id), Detail: fmt.Sprintf("%d requests of it are on their way, or their worker died", t.Sending),
			Hint: "starter reconcile " + string(id) + " finds out what became of them",
		}
	case t.Ended.Unknown > 0:
		return &batch.Fault{
			Kind: batch.OutcomesUnknown, Op: op, Thing: string(id), Detail: fmt.Sprintf("what became of %d of its jobs isn't known", t.Ended.Unknown),
			Hint: "starter reconcile " + string(id) + " settles what the provider's log shows",
		}
	}
	return nil
}

// Purges lists what was deleted of a batch, in order of What; of all batches
// for "", in order of batch and What.
func (l *Ledger) Purges(ctx context.Context, id batch.ID) ([]Purge, error) {
	var out []Purge
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.Purges(id)
		return err
	})
	return out, err
}

// Weigh says how much of a batch could be deleted. Nothing for a batch that
// isn't there.
func (l *Ledger) Weigh(ctx context.Context, id batch.ID) (Weight, error) {
	var out Weight
	err := l.read(ctx, func(tx Tx) (err error) {
		out, err = tx.Weigh(id)
		return err
	})
	return out, err
}

// Scrub has the database let go of the bytes of what was deleted, as far as it
// can: in SQLite's file and its log nothing of it can be read afterwards. A
// server's files are the business of its vacuum. OutOfReach while a reader
// still looks at what was there before: ask again.
func (l *Ledger) Scrub(ctx context.Context) error {
	if l.isClosed() {
		return errClosed()
	}
	return l.store.Scrub(ctx)
}

// mayBeSent says whether a job in this state needs its prompt.
func mayBeSent(s batch.State) bool {
	switch s {
	case batch.Planned, batch.Reserved, batch.Parked, batch.Skipped:
		return true
	}
	return false
}

func (w *work) loadPurge(k purged) (Purge, bool, error) {
	all, err := w.tx.Purges(k.batch)
	for _, p := range all {
		if p.Batch == k.batch && p.What == k.what {
			return p, true, nil
		}
	}
	return Purge{}, false, err
}
