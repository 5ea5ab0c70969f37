package activities

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
)

// view is what one reading of the provider's log saw.
type view struct {
	books   *audit.Comparison
	began   time.Time
	witness time.Time             // latest end, on our clock, of a settled request that was in the log
	missing []time.Time           // ends of such that came later and weren't, as far as they matter
	seen    map[string][]sighting // runs that aren't booked, by request id
	tagged  []audit.Run           // rows whose tag isn't the batch's, to be looked up together
	whole   bool                  // it was read to its end
	funds   funds                 // the credits as they were after it
}

// Bounds of a reading.
const (
	readTime  = 8 * time.Minute // of a log of a gigabyte; three of them fit the story's half hour
	readTries = 3               // a free question, asked again at once: the story would wait longer
	readWait  = 5 * time.Second // before the next try, and three times that before the one after
	lookups   = 500             // request ids looked up in the books together
	maxSeen   = 64              // runs of one job that are kept apart
	maxID     = 100             // characters of a job id that are kept
)

// read streams the provider's log once. One that can't be read to its end says
// nothing at all: a part of it might be told apart, but not what is missing.
func (r *reconciliation) read(ctx context.Context) error {
	wait := readWait
	for try := 1; ; try++ {
		r.out.At, r.out.Rows = r.now(), 0
		r.view = view{books: audit.Compare(r.reading(r.out.At)), began: r.out.At, seen: map[string][]sighting{}}
		for _, m := range r.mine {
			m.shown = false
		}
		_, err := r.Swarms.Logs(swarms.WithTimeout(ctx, readTime), func(row swarms.LogRow) error { return r.row(ctx, row) })
		if err == nil {
			err = r.strangers(ctx)
		}
		if err == nil {
			r.view.whole = true
			if r.batch.Key != r.key {
				r.view.books.Hidden("they were sent with another key, " + r.batch.Key + "; this worker has " + r.key)
			}
			if err := r.exhibits(ctx); err != nil {
				return err
			}
			return r.lacks(ctx)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var books bookError
		if errors.As(err, &books) {
			return books.error // ours, not the log's
		}
		var f *batch.Fault
		if !errors.As(err, &f) {
			return err
		}
		r.Log.Warn("the provider's log can't be read", zap.String("batch", string(r.batch.ID)), zap.Int("try", try), zap.Error(err))
		if try == readTries {
			r.view = view{books: audit.Compare(r.reading(r.out.At)), began: r.out.At}
			r.view.books.Unread(said(f))
			r.out.Rows = 0
			return nil
		}
		if err := r.Clock.Wait(ctx, min(max(f.After, wait), time.Minute)); err != nil {
			return err
		}
		wait *= 3
	}
}

// bookError is an error of the ledger in the middle of a reading.
type bookError struct{ error }

func (e bookError) Unwrap() error { return e.error }

// row takes in one row of the log.
func (r *reconciliation) row(ctx context.Context, row swarms.LogRow) error {
	if r.out.Rows++; r.out.Rows%256 == 0 {
		r.pulse.now(Beat{Doing: "reading the provider's log", Count: r.out.Rows})
	}
	if !isRun(row.Run) {
		return nil
	}
	run := audit.Run{
		Name: row.Run.SwarmName, Type: row.Run.SwarmType, JobID: clipped(row.Run.JobID, maxID),
		Elsewhere: row.KeyID != "" && row.KeyID != r.key,
	}
	if row.Run.Usage != nil {
		run.Total = row.Run.Usage.TotalCost
	}
	run.Ended, _ = time.Parse(time.RFC3339Nano, row.CreatedAt)
	id, tagged := swarms.TagOf(run.Name)
	m := r.mine[id]
	switch {
	case m != nil:
		run.RequestID, run.Name = strings.Clone(id), "" // not a part of a name of any length
		r.view.books.Ours(run)
		m.shown = true
		if m.witness.After(r.view.witness) {
			r.view.witness = m.witness
		}
		r.sight(ctx, m, run, row)
	case tagged:
		run.RequestID, run.Name, run.Type = strings.Clone(id), clipped(run.Name, maxID), clipped(run.Type, maxID)
		if r.view.tagged = append(r.view.tagged, run); len(r.view.tagged) >= lookups {
			return r.strangers(ctx)
		}
	default:
		r.view.books.Foreign(run)
		r.view.funds.saw(row, r.key, r.span.Opens.Add(-fundsAge))
	}
	return nil
}

// isRun: a row that neither says success nor what was used is none.
func isRun(run swarms.Completion) bool { return run.OK || run.Usage != nil }

func clipped(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(strings.Clone(s[:most]), "")
}

// sight keeps what is needed to book a run that isn't: its answer goes to the
// archive at once, so that the memory holds no answers.
func (r *reconciliation) sight(ctx context.Context, m *mine, run audit.Run, row swarms.LogRow) {
	if slices.Contains(m.runs, run.JobID) || len(r.view.seen[run.RequestID]) == maxSeen {
		return
	}
	s := sighting{run: row.Run, at: row.CreatedAt, rows: 1}
	if !m.kept {
		s.output = r.keep(ctx, ledger.Job{Batch: r.batch.ID, Name: m.name, RequestID: run.RequestID}, row.Run)
	}
	s.run.Raw, s.run.Output, s.run.SwarmName, s.run.Detail, s.run.JobID = nil, nil, "", "", run.JobID
	r.view.seen[run.RequestID] = append(r.view.seen[run.RequestID], s)
}

// strangers looks up whose the other tags are: another batch's of these books,
// or nobody's that we know.
func (r *reconciliation) strangers(ctx context.Context) error {
	ids := make([]string, len(r.view.tagged))
	for i, run := range r.view.tagged {
		ids[i] = run.RequestID
	}
	known, err := r.Ledger.Known(ctx, ids)
	if err != nil {
		return bookError{err}
	}
	for _, run := range r.view.tagged {
		if _, ours := known[run.RequestID]; ours {
			r.view.books.Others(run)
		} else {
			r.view.books.Foreign(run)
		}
	}
	r.view.tagged = r.view.tagged[:0]
	if r.doubts {
		return r.vouched(ctx, slices.Collect(maps.Keys(known)))
	}
	return nil
}

// vouched has other batches' runs, which the log shows, testify how far it has
// come: a later night's prove that it has caught up with this one.
func (r *reconciliation) vouched(ctx context.Context, ids []string) error {
	charges, err := r.Ledger.ChargesFor(ctx, ids)
	if err != nil {
		return bookError{err}
	}
	for _, c := range charges {
		// When it was sent: of several runs in one request only the last ends with
		// the answer. And only a first attempt: no other can have left the row.
		if c.Source == ledger.FromAnswer && c.Attempt == 1 && c.SentAt.After(r.view.witness) {
			r.view.witness = c.SentAt
		}
	}
	return nil
}

// lacks finds out what the log doesn't show of the batch's own answers: the
// latest, and the latest that its lag has passed for. They tell whether it is
// behind, and whether that can be told (sight.behind).
func (r *reconciliation) lacks(ctx context.Context) error {
	if r.batch.Key != r.key {
		return nil // another key's log: conclude takes no absence from it
	}
	var all, due []*mine
	for _, m := range r.mine {
		if m.shown || !m.settled.After(r.view.witness) {
			continue
		}
		all = append(all, m)
		if !r.view.began.Before(m.settled.Add(r.batch.Policy.LogLag)) {
			due = append(due, m)
		}
	}
	key, err := r.Ledger.Key(ctx, r.key)
	if err != nil {
		return err
	}
	for _, some := range [][]*mine{all, due} {
		slices.SortFunc(some, func(a, b *mine) int { return cmp.Or(b.settled.Compare(a.settled), cmp.Compare(a.seq, b.seq)) })
		for _, m := range some[:min(len(some), recalled)] {
			together, err := r.batched(ctx, m.seq, m.attempt)
			if err != nil {
				return err
			}
			if !together || key.BatchLog == ledger.BatchLogYes {
				r.view.missing = append(r.view.missing, m.settled)
				break
			}
		}
	}
	return nil
}

// best is the run of a job's to be booked first: of those with a price the one
// that ended first.
func best(runs []sighting) sighting {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b sighting) int {
		return cmp.Or(-cmp.Compare(rank(a), rank(b)), cmp.Compare(a.at, b.at), cmp.Compare(a.run.JobID, b.run.JobID))
	})
	s := runs[0]
	s.rows = len(runs)
	for _, other := range runs {
		s.output = cmp.Or(s.output, other.output)
	}
	return s
}

// rank is what a row is worth: one with a price and a job id can be booked.
func rank(s sighting) int {
	n := 0
	if s.run.Usage != nil && s.run.Usage.TotalCost.Known {
		n += 2
	}
	if s.run.JobID != "" {
		n++
	}
	return n
}
