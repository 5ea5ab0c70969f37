package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
)

// settle looks for an unknown job in the provider's log. Found, it succeeds
// with the log's price. Absence counts only when the log can be trusted to
// show it by now; then the job is sent again. stays is true when it remains
// unknown for good.
func (s *submission) settle(ctx context.Context, j ledger.Job) (stays bool, err error) {
	books := context.WithoutCancel(ctx)
	if !j.Doubt.Billed {
		switch s.batch.Policy.OnUnknown {
		case batch.OnUnknownHold:
			return true, nil // the reconciliation looks once more
		case batch.OnUnknownResend:
			s.Log.Warn("an unknown job is sent again unverified, as policy.on_unknown: resend asks: it may be paid for twice", s.about(j)...)
			_, err := s.Ledger.Absent(books, s.in.Batch, s.in.Seq, j.NotBefore, "sent again by policy; before: "+j.Doubt.Why)
			return false, err
		}
	}
	// A cancelled night gets one last look, and at once: what was sent may have
	// been billed.
	last := ctx.Err() != nil
	looking := books
	if !last {
		why := &batch.Fault{Kind: batch.OutcomeUnknown, Op: "submit", Thing: thing(s.in), Moved: batch.MovedMaybe, Detail: j.Why}
		if err := s.rest(ctx, j.NotBefore, least, why); err != nil {
			return false, unlessCancelled(ctx, err)
		}
		open, cancel := s.whileOpen(ctx)
		defer cancel()
		looking = open
	}
	if err := s.recall(books, s.in.Batch, s.over(j.Doubt)); err != nil {
		return false, err
	}
	s.pulse.now(Beat{Doing: "looking into the provider's log", Attempt: j.Attempts})
	s.suspect(s.batch, j)
	seen, err := s.watch.look(looking, j.RequestID)
	if errors.Is(err, context.Canceled) && !errors.Is(err, errUnread) {
		return false, unlessCancelled(ctx, s.interrupted(ctx))
	}
	if last && (err != nil || seen.rows[j.RequestID].rows == 0) {
		return true, nil
	}
	if err != nil {
		return s.unread(books, j, err)
	}
	if row, ok := seen.rows[j.RequestID]; ok {
		return false, s.found(books, j, row)
	}
	return s.notThere(books, j, seen)
}

// unlessCancelled is err, or nil when the night was cancelled: then the job
// comes back for its last look.
func unlessCancelled(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// found settles a job by its row of the log.
func (s *submission) found(ctx context.Context, j ledger.Job, row sighting) error {
	if row.rows > 1 {
		s.Log.Error("the provider's log has a request more than once: it may have been billed twice", append(s.about(j), zap.Int("rows", row.rows))...)
	}
	output := row.output
	if output == "" {
		output = s.keep(ctx, j, row.run)
	}
	bill := s.ceilingCharge(j, row.run) // a row without a price won't get one later
	if row.run.Usage != nil && row.run.Usage.TotalCost.Known {
		bill = s.charge(j, row.run, ledger.FromLog)
	}
	if at, err := time.Parse(time.RFC3339Nano, row.at); err == nil {
		bill.EndedAt = at
	}
	err := s.insist(ctx, func() error {
		_, err := s.Ledger.Found(ctx, s.in.Batch, s.in.Seq, bill, output)
		return err
	})
	if err != nil {
		return err
	}
	s.Log.Info("found in the provider's log", append(s.about(j), zap.String("billed", bill.Total.String()))...)
	s.settled(j, bill)
	return nil
}

// notThere decides what it means that the log doesn't show a job.
func (s *submission) notThere(ctx context.Context, j ledger.Job, seen sight) (stays bool, err error) {
	d := j.Doubt
	if own, err := s.ownLog(ctx, j); err != nil {
		return false, err
	} else if !own {
		return s.untold(ctx, j, "another key sent it, and the log of this one needn't show it", 0)
	}
	if d.Billed {
		if seen.began.Before(d.AbsentAfter.Add(s.billedWait())) {
			return false, s.postpone(ctx, j, "billed, and not in the provider's log yet", 0)
		}
		return false, s.bookCeiling(ctx, j)
	}
	switch lag := s.batch.Policy.LogLag; {
	case seen.behind(lag):
		return s.untold(ctx, j, behindWhy, 0)
	case !s.due(d, seen):
		return false, s.postpone(ctx, j, "not in the provider's log yet", 0)
	}
	if d.Batched {
		if shows, err := s.logShows(ctx, j); err != nil {
			return false, err
		} else if !shows {
			return s.unshown(ctx, j, seen)
		}
	}
	if didnt, why, err := s.didntRun(ctx, j, seen); err != nil {
		return false, err
	} else if !didnt {
		return s.untold(ctx, j, why, 0)
	}
	s.Log.Info("absent from the provider's log, and nothing else says that it ran", s.about(j)...)
	_, err = s.Ledger.Absent(ctx, s.in.Batch, s.in.Seq, j.NotBefore, "not in the provider's log; before: "+d.Why)
	return false, err
}

// bookCeiling settles a job that was certainly paid for when nobody says how
// much: it is never sent again, and what was set aside is the most that it can
// have cost.
func (s *submission) bookCeiling(ctx context.Context, j ledger.Job) error {
	s.Log.Error("billed, and the provider's log doesn't say how much: the ceiling is booked", s.about(j)...)
	bill := s.ceilingCharge(j, swarms.Completion{})
	err := s.insist(ctx, func() error {
		_, err := s.Ledger.Found(ctx, s.in.Batch, s.in.Seq, bill, s.unpriced(ctx, j))
		return err
	})
	if err == nil {
		s.settled(j, bill)
	}
	return err
}

// behindWhy is what the books say of a log that lacks what it must show.
const behindWhy = "the provider's log is behind: it doesn't show runs that were answered longer ago than policy.log_lag"

// billedWait is how long a run that was billed may take to show in the log
// before its ceiling is booked.
func (s *submission) billedWait() time.Duration { return max(3*s.batch.Policy.LogLag, time.Minute) }

// unread postpones a doubt while the log can't be read.
func (s *submission) unread(ctx context.Context, j ledger.Job, cause error) (stays bool, err error) {
	var f *batch.Fault
	var after time.Duration
	if errors.As(cause, &f) {
		after = f.After
	}
	return s.untold(ctx, j, "the provider's log can't be read", after)
}

// untold postpones a doubt about which the log says nothing that counts. When
// the night is over and the log should long have told, the job stays unknown;
// the audit looks once more and then names it.
func (s *submission) untold(ctx context.Context, j ledger.Job, why string, after time.Duration) (stays bool, err error) {
	given := j.Doubt.AbsentAfter.Add(3*s.batch.Policy.LogLag + grace)
	if now := s.now(); now.After(given) && now.After(s.in.Span.Deadline) {
		return true, s.Ledger.Postpone(ctx, s.in.Batch, s.in.Seq, now, j.Doubt.Why+"; "+why)
	}
	return false, s.postpone(ctx, j, why, after)
}

// Bounds of the time between two looks for one job.
const (
	soonest = 5 * time.Second
	latest  = time.Minute
)

// postpone leaves a job unknown until the next look: half as long as the doubt
// is old, and no later than the look that can decide.
func (s *submission) postpone(ctx context.Context, j ledger.Job, why string, after time.Duration) error {
	now := s.now()
	until := now.Add(max(after, min(max(now.Sub(j.Doubt.SentAt)/2, soonest), latest)))
	for _, decides := range []time.Time{j.Doubt.AbsentAfter, j.Doubt.AbsentAfter.Add(s.batch.Policy.LogLag)} {
		if after == 0 && decides.After(now) && decides.Before(until) {
			until = decides
			break
		}
	}
	if err := s.Ledger.Postpone(ctx, s.in.Batch, s.in.Seq, until, fmt.Sprintf("%s; %s", j.Doubt.Why, why)); err != nil {
		return err
	}
	wait := until.Sub(now)
	if wait < least && !s.tooOld(wait) {
		return nil
	}
	return later{Fault: &batch.Fault{Kind: batch.OutcomeUnknown, Op: "submit", Thing: thing(s.in), Moved: batch.MovedMaybe, Detail: why}, delay: wait}
}

// unpriced is the archive's key of an answer that came without a price.
func (s *submission) unpriced(ctx context.Context, j ledger.Job) string {
	key := archive.AnswerKey(j.Batch, j.RequestID)
	if _, err := s.Archive.Get(ctx, key); err != nil {
		return ""
	}
	return key
}

func (s *submission) about(j ledger.Job) []zap.Field {
	return []zap.Field{
		zap.String("batch", string(s.in.Batch)), zap.String("job", j.Name), zap.String("request_id", j.RequestID),
		zap.Int("attempt", j.Doubt.Attempt), zap.String("doubt", j.Doubt.Why),
	}
}
