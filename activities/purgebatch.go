package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// purgeRows is how many jobs' rows are deleted in one transaction: a night that
// sends meanwhile waits for no more.
const purgeRows = 500

// purging is one run of PurgeOld.
type purging struct {
	*Hands
	in    batch.PurgeRequest
	out   batch.Purged
	notes map[noteOf]ledger.Purge // as they were at the beginning
	pulse *pulse
	told  atomic.Pointer[purgeBeat]
}

type noteOf struct {
	batch batch.ID
	what  batch.Kept
}

// purgeBeat is its heartbeat: what is gone by now goes with it to the next
// attempt.
type purgeBeat struct {
	Beat
	Purged batch.Purged `json:"purged"`
}

// tell has the next heartbeat know what is gone by now.
func (p *purging) tell() {
	said := p.out
	said.Sums = append([]batch.PurgedSum(nil), p.out.Sums...) // they are added up in place
	p.told.Store(&purgeBeat{Purged: said})
}

// keepText is how long a kind is kept, for people.
func (p *purging) keepText(k batch.Kept) string {
	if d, ok := p.Keep[k]; ok {
		return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
	}
	return "forever"
}

// rule is why something is deleted.
func (p *purging) rule(k batch.Kept) string {
	if p.in.Batch == "" {
		if k == batch.KeptUploads {
			return k.Setting() + "=" + p.keepText(batch.KeptPrompts)
		}
		return k.Setting() + "=" + p.keepText(k)
	}
	if p.in.By == "" {
		return "as somebody asked"
	}
	return "as " + p.in.By + " asked"
}

// due says whether what was last touched at an instant has been kept for long
// enough.
func (p *purging) due(k batch.Kept, last time.Time) bool {
	if p.in.Batch != "" {
		return true
	}
	if k == batch.KeptUploads {
		k = batch.KeptPrompts
	}
	keep, ok := p.Keep[k]
	return ok && !last.IsZero() && !last.Add(keep).After(p.in.Asked)
}

// tooYoung is due without reading the batch: its night can't have ended before
// its date began anywhere on earth.
func (p *purging) tooYoung(id batch.ID) bool {
	night, err := time.Parse(time.DateOnly, string(id.Night()))
	if err != nil {
		return false // the ledger says then
	}
	for _, k := range []batch.Kept{batch.KeptPrompts, batch.KeptAnswers, batch.KeptReceipts} {
		if p.in.Of(k) && p.due(k, night.Add(-14*time.Hour)) {
			return false
		}
	}
	return true
}

// batch deletes of one batch what is due.
func (p *purging) batch(ctx context.Context, id batch.ID) error {
	b, err := p.Ledger.Batch(ctx, id)
	if err != nil {
		return err
	}
	last := b.Span.Closes // of the night that ran last, a carry's too
	if last.IsZero() {
		last = b.PlannedAt
	}
	var due []batch.Kept
	for _, k := range []batch.Kept{batch.KeptReceipts, batch.KeptAnswers, batch.KeptPrompts} {
		if note := p.notes[noteOf{id, k}]; p.in.Of(k) && p.due(k, last) && (p.in.Batch != "" || !note.DoneAt.After(last)) {
			due = append(due, k)
		}
	}
	if len(due) == 0 {
		return nil
	}
	p.out.Looked++
	if err := p.free(ctx, b, batch.ReconcileRequest{}); err != nil {
		return p.hold(id, purgeRefused(err))
	}
	if err := p.Ledger.Purgeable(ctx, id); err != nil {
		return p.hold(id, err)
	}
	for _, k := range due {
		gone, err := p.shed(ctx, b, k)
		if err != nil {
			return p.hold(id, err) // somebody may have taken it in hand meanwhile
		}
		p.out.Add(gone)
		p.tell()
	}
	return nil
}

// purgeRefused speaks of a purge where the rule is the reconciliation's.
func purgeRefused(err error) error {
	var f *batch.Fault
	if !errors.As(err, &f) {
		return err
	}
	own := flat(f)
	own.Op = "purge"
	if own.Kind == batch.NightClaimed {
		own.Hint = "it is looked at again by the next purge"
	}
	return &own
}

// shed deletes one kind of one batch, and says what that was.
func (p *purging) shed(ctx context.Context, b ledger.Batch, k batch.Kept) (batch.PurgedBatch, error) {
	out := batch.PurgedBatch{Batch: b.ID, What: k, Rule: p.rule(k)}
	note := ledger.Purge{Batch: b.ID, What: k, Rule: out.Rule}
	var keys []string
	if k == batch.KeptAnswers {
		var err error
		if keys, out.Bytes, note.Files, err = p.answers(ctx, b.ID); err != nil {
			return out, err
		}
		out.Items = int64(len(keys))
		note.Items, note.Bytes = out.Items, out.Bytes
	} else {
		w, err := p.Ledger.Weigh(ctx, b.ID)
		if err != nil {
			return out, err
		}
		out.Items, out.Bytes = w.Prompts, w.PromptBytes
		if k == batch.KeptReceipts {
			out.Items, out.Bytes = w.Receipts, w.ReceiptBytes
		}
	}
	if p.in.DryRun {
		return out, nil
	}
	if _, err := p.Ledger.BeginPurge(ctx, note, b.Owner); err != nil {
		return out, err
	}
	doing := fmt.Sprintf("deleting %s of %s", k, b.ID)
	if k == batch.KeptAnswers {
		n := 0
		err := p.Archive.Remove(ctx, keys, func(string) { n++; p.pulse.now(Beat{Doing: doing, Count: n}) })
		if err != nil {
			return out, err
		}
	} else if err := p.rows(ctx, b, k, doing); err != nil {
		return out, err
	}
	_, err := p.Ledger.EndPurge(ctx, b.ID, k)
	return out, err
}

// rows deletes rows of the ledger, some jobs' at a time.
func (p *purging) rows(ctx context.Context, b ledger.Batch, k batch.Kept, doing string) error {
	t, err := p.Ledger.Totals(ctx, b.ID)
	if err != nil {
		return err
	}
	for from := 0; from < t.Jobs.Total; from += purgeRows {
		p.pulse.now(Beat{Doing: doing, Count: from})
		if err := p.Ledger.PurgeStretch(ctx, b.ID, k, b.Owner, from, from+purgeRows); err != nil {
			return err
		}
	}
	return nil
}

// answers lists what a batch has in the archive beside its reports, those
// answers that the books don't know among it.
func (p *purging) answers(ctx context.Context, id batch.ID) (keys []string, bytes, revision int64, err error) {
	for o, err := range p.Archive.List(ctx, string(id)) {
		if err != nil {
			return nil, 0, 0, err
		}
		r, results := archive.ResultsRevision(id, o.Key)
		if !results && !strings.HasPrefix(o.Key, archive.AnswersFolder(id)) {
			continue
		}
		keys, bytes, revision = append(keys, o.Key), bytes+o.Bytes, max(revision, int64(r))
		if len(keys)%purgeRows == 0 {
			p.pulse.now(Beat{Doing: "listing answers of " + string(id), Count: len(keys)})
		}
	}
	return keys, bytes, revision, nil
}

// uploads deletes files of jobs that came over HTTP, by their age: they have
// prompts in them.
func (p *purging) uploads(ctx context.Context) error {
	if _, ok := p.Keep[batch.KeptPrompts]; !ok || !p.in.Of(batch.KeptUploads) {
		return nil
	}
	out := batch.PurgedBatch{What: batch.KeptUploads, Rule: p.rule(batch.KeptUploads)}
	var keys []string
	for o, err := range p.Archive.List(ctx, archive.Uploads) {
		if err != nil {
			return err
		}
		if p.due(batch.KeptUploads, o.At) {
			keys = append(keys, o.Key)
			out.Bytes += o.Bytes
		}
	}
	out.Items = int64(len(keys))
	if len(keys) > 0 && !p.in.DryRun {
		note := ledger.Purge{What: batch.KeptUploads, Rule: out.Rule, Items: out.Items, Bytes: out.Bytes}
		if _, err := p.Ledger.BeginPurge(ctx, note, ledger.Owner{}); err != nil {
			return err
		}
		if err := p.Archive.Remove(ctx, keys, nil); err != nil {
			return err
		}
		if _, err := p.Ledger.EndPurge(ctx, "", batch.KeptUploads); err != nil {
			return err
		}
	}
	p.out.Add(out)
	p.tell()
	return nil
}
