package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/tariff"
)

// PurgeOld deletes what is no longer to be kept: prompts and receipts from the
// ledger, answers, results and uploads from the archive. The books note a
// deletion before it begins, so that whoever finds nothing finds out why, and an
// attempt that dies is gone on with by the next one. A batch that runs, or of
// which an outcome isn't known, is left alone and named.
func (h *Hands) PurgeOld(ctx context.Context, in batch.PurgeRequest) (batch.Purged, error) {
	if err := in.Check(); err != nil {
		return batch.Purged{}, raise(err)
	}
	p := &purging{Hands: h, in: in}
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		var last purgeBeat
		if activity.GetHeartbeatDetails(ctx, &last) == nil {
			p.out = last.Purged // of the attempts before
		}
	}
	p.tell()
	p.pulse = beatWith(ctx, "reading the books", func(b Beat) any {
		last := *p.told.Load()
		last.Beat = b
		return last
	})
	defer p.pulse.end()
	open, cancel := h.whileOpen(ctx) // hours of work that another worker can go on with hold up no shutdown
	defer cancel()
	err := p.run(open)
	if err != nil && open.Err() != nil && ctx.Err() == nil {
		err = &batch.Fault{Kind: batch.OutOfReach, Op: "purge", Detail: "this worker shuts down; another one goes on", Err: err}
	}
	return p.out, raise(err)
}

// run purges every batch that is old enough, and then what is no batch's.
func (p *purging) run(ctx context.Context) error {
	if err := p.begin(); err != nil {
		return err
	}
	ids := []batch.ID{p.in.Batch}
	if p.in.Batch == "" {
		var err error
		if ids, err = p.Ledger.Nights(ctx, ""); err != nil {
			return err
		}
	}
	notes, err := p.Ledger.Purges(ctx, p.in.Batch)
	if err != nil {
		return err
	}
	for _, n := range notes {
		p.notes[noteOf{n.Batch, n.What}] = n
	}
	for i, id := range ids {
		p.pulse.now(Beat{Doing: fmt.Sprintf("looking through %d batches", len(ids)), Count: i})
		if p.tooYoung(id) {
			continue
		}
		if err := p.batch(ctx, id); err != nil {
			return err
		}
	}
	if p.in.Batch == "" {
		if err := errors.Join(p.uploads(ctx), p.logs(ctx)); err != nil {
			return err
		}
	}
	return p.end(ctx)
}

// begin fills in what the answer says of itself.
func (p *purging) begin() error {
	span, err := tariff.SwarmsWindow().Next(p.in.Asked)
	if err != nil {
		return err // can't be: the built-in window opens every night
	}
	out := &p.out
	out.Day, out.DryRun, out.Batch = p.in.Asked.In(span.Location()).Format(time.DateOnly), p.in.DryRun, p.in.Batch
	out.Rules, out.Looked, out.Held = nil, 0, []batch.PurgeHeld{}
	if out.Sums == nil {
		out.Sums, out.Batches = []batch.PurgedSum{}, []batch.PurgedBatch{}
	}
	for _, k := range batch.Keeps() {
		if p.in.Of(k) {
			out.Rules = append(out.Rules, batch.KeepRule{What: k, Keep: p.keepText(k)})
		}
	}
	p.notes = map[noteOf]ledger.Purge{}
	return nil
}

// end has the database let go of the bytes, and keeps the result for who asks
// later. The bytes are asked for every time: an attempt before may have died
// between deleting and this.
func (p *purging) end(ctx context.Context) error {
	p.out.At = p.now()
	if p.in.DryRun {
		return nil
	}
	p.pulse.now(Beat{Doing: "having the ledger's files let go of what was deleted"})
	if err := p.Ledger.Scrub(ctx); err != nil {
		return err
	}
	for _, s := range p.out.Sums {
		p.Log.Info("purged", zap.String("what", string(s.What)), zap.Int("batches", s.Batches), zap.Int64("items", s.Items), zap.Int64("bytes", s.Bytes))
	}
	if p.in.Batch != "" {
		return nil
	}
	note, err := json.Marshal(p.out)
	if err != nil {
		return err
	}
	return p.Ledger.NoteDaily(ctx, batch.DailyPurge, p.out.Day, p.out.At, note)
}

// hold notes why a batch isn't purged, if that is what an error says.
func (p *purging) hold(id batch.ID, err error) error {
	var f *batch.Fault
	if !errors.As(err, &f) || f.Kind != batch.NightClaimed && f.Kind != batch.OutcomesUnknown {
		return err
	}
	if p.in.Batch != "" { // somebody asked for just this one
		return err
	}
	why := f.Detail
	if f.Hint != "" {
		why += ": " + f.Hint
	}
	p.out.Held = append(p.out.Held, batch.PurgeHeld{Batch: id, Why: why})
	return nil
}
