package activities

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// notRun begins the reason of a job that a reconciliation puts off.
const notRun = "proven not to have run; run the batch again to send it"

// settle settles the jobs in doubt by what the log shows of them, or by its not
// showing them.
func (r *reconciliation) settle(ctx context.Context) error {
	looked := 0
	return r.pages(ctx, r.batch.ID, func(j ledger.Job) error {
		if j.State == batch.Reserved && strings.HasPrefix(j.Why, notRun) {
			return r.putOff(ctx, j) // an earlier attempt didn't get to it
		}
		if j.State != batch.Unknown || !r.view.whole {
			return nil
		}
		looked++
		r.pulse.now(Beat{Doing: "settling what is unknown", Count: looked})
		s := &submission{Hands: r.Hands, batch: r.batch, in: batch.Submit{
			Batch: r.batch.ID, Seq: j.Seq, Span: r.span, RequestTimeout: r.batch.Policy.RequestTimeout,
		}}
		seen := sight{began: r.view.began, witness: r.view.witness, missing: r.view.missing, rows: map[string]sighting{}, funds: &r.view.funds}
		if runs := r.view.seen[j.RequestID]; len(runs) > 0 {
			seen.rows[j.RequestID] = best(runs)
		}
		end, err := s.conclude(ctx, j, seen)
		if err != nil {
			return err
		}
		switch end {
		case endFound:
			r.out.Found++
		case endAbsent:
			r.out.Absent++
			return r.putOff(ctx, j)
		}
		return nil
	})
}

// putOff parks a job that didn't run: nothing is sent from here.
func (r *reconciliation) putOff(ctx context.Context, j ledger.Job) error {
	_, err := r.Ledger.Give(ctx, j.Batch, j.Seq, batch.Parked, notRun)
	if batch.KindOf(err) == batch.Internal {
		r.Log.Warn("a job that didn't run has been taken up again meanwhile", zap.String("batch", string(j.Batch)), zap.String("job", j.Name), zap.Error(err))
		return nil
	}
	return err
}

// conclusion is what the last look did for a job.
type conclusion string

const (
	endOpen   conclusion = ""       // it stays unknown
	endFound  conclusion = "found"  // settled: by the log, or by its ceiling
	endAbsent conclusion = "absent" // it didn't run, and is reserved again
)

// conclude settles one job by the last look.
func (s *submission) conclude(ctx context.Context, j ledger.Job, seen sight) (conclusion, error) {
	d := j.Doubt
	if row, ok := seen.rows[j.RequestID]; ok {
		return endFound, s.found(ctx, j, row)
	}
	if own, err := s.ownLog(ctx, j); err != nil || !own {
		return endOpen, err
	}
	if d.Billed {
		if seen.began.Before(d.AbsentAfter.Add(s.billedWait())) {
			return endOpen, nil
		}
		return endFound, s.bookCeiling(ctx, j)
	}
	if s.batch.Policy.OnUnknown != batch.OnUnknownVerify || seen.behind(s.batch.Policy.LogLag) || !s.due(d, seen) {
		return endOpen, nil
	}
	shows, err := s.logShows(ctx, j)
	if err != nil || !shows {
		return endOpen, err
	}
	if didnt, why, err := s.didntRun(ctx, j, seen); err != nil {
		return endOpen, err
	} else if !didnt {
		return endOpen, s.Ledger.Postpone(ctx, s.in.Batch, s.in.Seq, s.now(), d.Why+"; "+why)
	}
	_, err = s.Ledger.Absent(ctx, s.in.Batch, s.in.Seq, j.NotBefore, notRun+"; before: "+d.Why)
	return endAbsent, err
}

// ownLog says whether the log that is read is that of the key with which the
// doubted attempt was sent: another key's needn't show it.
func (s *submission) ownLog(ctx context.Context, j ledger.Job) (bool, error) {
	attempts, err := s.Ledger.Attempts(ctx, j.Batch, j.Seq)
	if err != nil {
		return false, err
	}
	for _, a := range attempts {
		if a.N == j.Doubt.Attempt {
			return a.Key == s.key, nil
		}
	}
	return true, nil
}

// logShows says whether the log would show the doubted attempt if it had run:
// it must be its key's own, and may not hold what was sent in requests of
// several jobs.
func (s *submission) logShows(ctx context.Context, j ledger.Job) (bool, error) {
	own, err := s.ownLog(ctx, j)
	if err != nil || !own || !j.Doubt.Batched {
		return own, err
	}
	key, err := s.Ledger.Key(ctx, s.key)
	return key.BatchLog == ledger.BatchLogYes, err
}

// book books the runs that the log shows and the books don't have: they ended
// after they had been declared absent, or ran beside one that is booked.
func (r *reconciliation) book(ctx context.Context) error {
	for _, o := range r.view.books.Orphans() {
		row, ok := sighting{}, false
		for _, s := range r.view.seen[o.RequestID] {
			if s.run.JobID == o.JobID && (!ok || rank(s) > rank(row)) {
				row, ok = s, true
			}
		}
		switch {
		case !ok:
			r.view.books.Refused(o, "too many runs of one job")
			continue
		case o.JobID == "":
			r.view.books.Refused(o, "the log doesn't name the run")
			continue
		case row.run.Usage == nil || !row.run.Usage.TotalCost.Known:
			r.view.books.Refused(o, "the log has no price for the run")
			continue
		}
		j, err := r.Ledger.Glance(ctx, r.batch.ID, o.Seq)
		if err != nil {
			return err
		}
		s := &submission{Hands: r.Hands, batch: r.batch, in: batch.Submit{Batch: r.batch.ID, Seq: j.Seq, Span: r.span}}
		bill := s.charge(j, row.run, ledger.FromLog)
		bill.EndedAt, _ = time.Parse(time.RFC3339Nano, row.at)
		j, booked, err := r.Ledger.Late(ctx, r.batch.ID, o.Seq, bill, row.output)
		if f := (*batch.Fault)(nil); errors.As(err, &f) && f.Kind == batch.Internal {
			r.Log.Error("a run that the provider's log shows can't be booked", zap.String("batch", string(r.batch.ID)),
				zap.String("request_id", o.RequestID), zap.String("run", o.JobID), zap.Error(err))
			r.view.books.Refused(o, f.Detail)
			continue
		}
		if err != nil {
			return err
		}
		if booked {
			r.Log.Warn("a run is in the provider's log that had been given up as not run: it is booked now", zap.String("batch", string(r.batch.ID)),
				zap.String("job", j.Name), zap.String("request_id", o.RequestID), zap.String("billed", bill.Total.String()))
			r.view.books.Late(j, o)
			s.settled(j, bill)
		}
		r.view.books.Job(j)
		charges, err := r.Ledger.ChargesFor(ctx, []string{o.RequestID})
		if err != nil {
			return err
		}
		for _, c := range charges {
			r.view.books.Charge(c)
		}
	}
	return nil
}
