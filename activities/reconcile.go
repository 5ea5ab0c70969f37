package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/tariff"
)

// Reconcile compares a batch's books with the provider's log and credits. What
// the log can settle is settled first: an unknown job that it shows has
// succeeded, one that is provably not in it is put off to another night, and a
// run that ended after it had been declared absent is booked. One reading of
// the log serves all of it. Nothing is ever sent.
//
// A log that can't be read is part of the answer and no error. A batch that
// another run has in hand is NightClaimed. Run again, it compares again.
func (h *Hands) Reconcile(ctx context.Context, in batch.ReconcileRequest) (batch.Reconciliation, error) {
	p := beat(ctx, "reading the books")
	defer p.end()
	out, err := h.reconcile(ctx, in, p)
	return out, raise(err)
}

// reconciliation is one run of Reconcile.
type reconciliation struct {
	*Hands
	in    batch.ReconcileRequest
	batch ledger.Batch
	span  tariff.Span
	pulse *pulse

	mine    map[string]*mine // the batch's jobs by request id
	doubts  bool             // some of them are unknown
	opening ledger.Balance   // the credits before the first request; zero when they weren't read
	view    view             // of the log
	out     batch.Reconciliation
}

// mine is what a reading of the log has to know of a job.
type mine struct {
	seq     int
	name    string
	kept    bool      // its answer is in the archive
	runs    []string  // the provider's ids of the runs that are booked
	settled time.Time // when its answer was complete, on our clock; zero without one
	witness time.Time // when it had ended at the earliest: of several runs in one request only the last ends with the answer
	attempt int       // the one that was answered
	shown   bool      // the log has a row of it
}

func (h *Hands) reconcile(ctx context.Context, in batch.ReconcileRequest, p *pulse) (batch.Reconciliation, error) {
	b, err := h.Ledger.Batch(ctx, in.Batch)
	if err != nil {
		return batch.Reconciliation{}, err
	}
	if err := h.free(ctx, b, in); err != nil {
		return batch.Reconciliation{}, err
	}
	r := &reconciliation{Hands: h, in: in, batch: b, span: ranIn(b, in.Span), pulse: p}
	r.out = batch.Reconciliation{Batch: b.ID, Span: r.span, Attributes: h.Attributes}
	if _, ok, err := h.metered(b); ok {
		if err != nil {
			return batch.Reconciliation{}, err
		}
		return r.without(ctx)
	}
	for _, step := range []func(context.Context) error{r.gather, r.open, r.read, r.settle, r.compare, r.book, r.excuse, r.credits} {
		if err := step(ctx); err != nil {
			return batch.Reconciliation{}, err
		}
	}
	r.view.books.Fill(&r.out)
	h.Log.Info("reconciled", zap.String("batch", string(b.ID)), zap.Int("rows", r.out.Rows), zap.Int("runs", r.out.Runs),
		zap.String("logged", r.out.Logged.String()), zap.String("charged", r.out.Charged.String()),
		zap.Int("found", r.out.Found), zap.Int("absent", r.out.Absent), zap.Int("late", r.out.Late),
		zap.Int("findings", len(r.out.Findings)), zap.Int("notes", len(r.out.Notes)))
	return r.out, nil
}

// free refuses a batch whose night another run has in hand: its jobs may be on
// their way, and it reconciles them itself.
func (h *Hands) free(ctx context.Context, b ledger.Batch, in batch.ReconcileRequest) error {
	if b.Owner == (ledger.Owner{WorkflowID: in.WorkflowID, RunID: in.RunID}) {
		return nil
	}
	running := true
	if h.Running != nil {
		var err error
		if running, err = h.Running(ctx, b.Owner.WorkflowID, b.Owner.RunID); err != nil {
			return &batch.Fault{
				Kind: batch.OutOfReach, Op: "reconcile", Thing: string(b.ID),
				Detail: "whether " + b.Owner.WorkflowID + " still runs can't be found out", Err: err,
			}
		}
	}
	if !running {
		return nil
	}
	return &batch.Fault{
		Kind: batch.NightClaimed, Op: "reconcile", Thing: string(b.ID),
		Detail: fmt.Sprintf("workflow %s, run %s, has this night in hand", b.Owner.WorkflowID, b.Owner.RunID),
		Hint:   "it reconciles by itself before it ends: wait for that, then reconcile again if something is left",
	}
}

// ranIn is the night in which a batch ran: the one that is given, else that of
// its last judgement, else the one for which it was planned.
func ranIn(b ledger.Batch, given tariff.Span) tariff.Span {
	if !given.Opens.IsZero() {
		return given
	}
	var last batch.Result
	if json.Unmarshal(b.Result, &last) == nil && !last.Span.Opens.IsZero() {
		return last.Span
	}
	return b.Span
}

// gather reads the batch's jobs and charges. A job that is found sending was
// sent by a worker that is gone.
func (r *reconciliation) gather(ctx context.Context) error {
	r.mine = map[string]*mine{}
	note, deleted, err := r.purged(ctx, r.batch.ID, batch.KeptAnswers) // then the log's copies aren't fetched anew
	if err != nil {
		return err
	}
	err = r.pages(ctx, r.batch.ID, func(j ledger.Job) error {
		j, err := r.abandoned(ctx, r.batch, j)
		r.suspect(r.batch, j)
		r.doubts = r.doubts || j.State == batch.Unknown
		r.mine[j.RequestID] = &mine{seq: j.Seq, name: j.Name, kept: j.Output != "" || deleted && j.State == batch.Succeeded && !j.UpdatedAt.After(note.BegunAt)}
		return err
	})
	if err != nil {
		return err
	}
	return r.Ledger.Charges(ctx, r.batch.ID, func(c ledger.Charge) error {
		m := r.mine[c.RequestID]
		if m == nil {
			return nil // the judge names it
		}
		if c.JobID != "" {
			m.runs = append(m.runs, c.JobID)
		}
		if c.Source == ledger.FromAnswer && c.EndedAt.After(m.settled) {
			m.settled, m.witness, m.attempt = c.EndedAt, c.EndedAt, c.Attempt
			if r.batch.Policy.Mode != batch.ModeSingle {
				m.witness = c.SentAt
			}
		}
		return nil
	})
}

// abandoned takes a job that is found sending for what it is: nobody of this
// worker is at it, so that it died with another one.
func (h *Hands) abandoned(ctx context.Context, b ledger.Batch, j ledger.Job) (ledger.Job, error) {
	if j.State != batch.Sending || !h.enter(job{b.ID, j.Seq}) {
		return j, nil
	}
	defer h.leave(job{b.ID, j.Seq})
	crashed, err := h.Ledger.Crashed(ctx, b.ID, j.Seq, b.Policy.RequestTimeout, b.Policy.LogLag)
	if batch.KindOf(err) == batch.Internal {
		return h.Ledger.Glance(ctx, b.ID, j.Seq) // it ended meanwhile
	}
	if err != nil {
		return j, err
	}
	return crashed, nil
}

// compare feeds the comparison with the books as they are now.
func (r *reconciliation) compare(ctx context.Context) error {
	r.pulse.now(Beat{Doing: "comparing", Count: len(r.mine)})
	err := r.pages(ctx, r.batch.ID, func(j ledger.Job) error {
		r.view.books.Job(j)
		return nil
	})
	if err != nil {
		return err
	}
	return r.Ledger.Charges(ctx, r.batch.ID, func(c ledger.Charge) error {
		r.view.books.Charge(c)
		return nil
	})
}

// excuse leaves out of the ghosts what was sent in requests of several jobs,
// unless the key's log is known to hold such.
func (r *reconciliation) excuse(ctx context.Context) error {
	ghosts := r.view.books.Ghosts()
	if len(ghosts) == 0 {
		return nil
	}
	key, err := r.Ledger.Key(ctx, r.batch.Key)
	if err != nil || key.BatchLog == ledger.BatchLogYes {
		return err
	}
	for i, g := range ghosts {
		r.pulse.now(Beat{Doing: "looking for what the log leaves out", Count: i})
		batched, err := r.batched(ctx, g.Seq, g.Attempt)
		if err != nil {
			return err
		}
		if batched {
			r.view.books.Excused(g)
		}
	}
	return nil
}

// batched says whether an attempt left in a request of several jobs.
func (r *reconciliation) batched(ctx context.Context, seq, attempt int) (bool, error) {
	attempts, err := r.Ledger.Attempts(ctx, r.batch.ID, seq)
	for _, a := range attempts {
		if a.N == attempt {
			return a.Batched, err
		}
	}
	return false, err
}

// reading are the terms of the comparison.
func (r *reconciliation) reading(began time.Time) audit.Reading {
	return audit.Reading{
		Batch: r.batch, Opens: r.span.Opens, Began: began, Lag: r.batch.Policy.LogLag, Since: r.opening.At,
	}
}
