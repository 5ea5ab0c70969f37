package activities

import (
	"context"
	"encoding/json"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
)

// follow asks once how far work is that the provider has taken on.
func (w *work) follow(ctx context.Context, j ledger.Job) error {
	books := context.WithoutCancel(ctx)
	var p progress
	i := w.d.Paid() + 1
	if json.Unmarshal([]byte(j.Reference), &p) != nil || i >= len(w.d.Steps) {
		return w.lose(books, j, "the books don't say how to ask for its answer")
	}
	u := w.d.Steps[i].Until
	if w.now().Sub(p.At) > u.Within {
		return w.lose(books, j, "the provider took it on and didn't end it within "+u.Within.String())
	}
	w.kept = p.Kept
	step := w.d.Steps[i].Name
	attempt, v, err := w.admit(ctx, ledger.Ask{Step: step, Free: true}, w.chase)
	if err != nil || v.Action != ledger.Go {
		return err
	}
	a, rec := w.do(ctx, j, i, attempt)
	c := w.closing(attempt, a, rec)
	next := w.now().Add(u.Gap(w.now().Sub(p.At)))
	switch a.Do {
	case dialect.Going:
		return w.heard(books, c, rec, ledger.Returning{Why: far(a.Said), NotBefore: next})
	case dialect.Retry:
		return w.heard(books, c, rec, ledger.Returning{Why: said(a.Fault), NotBefore: w.now().Add(max(w.backoff(j.Tries+1), a.After)), Counts: true})
	case dialect.Done, dialect.Reject:
		if err := w.heard(books, c, rec, ledger.Returning{}); err != nil {
			return err
		}
		return w.ended(books, j, c, a, rec)
	}
	ret, err := w.barred(books, a, rec)
	if err != nil {
		return err
	}
	if a.Do == dialect.Stop {
		ret.NotBefore = w.now().Add(time.Minute) // somebody may mend the key; the work goes on
	}
	return w.heard(books, c, rec, ret)
}

func far(said string) string {
	if said == "" {
		return "the provider is at it"
	}
	return "the provider is at it: " + said
}

// ended is how work ended that was taken on, by the answer of the request that
// asked.
func (w *work) ended(ctx context.Context, j ledger.Job, c ledger.Closing, a dialect.Answer, rec provider.Receipt) error {
	c.Attempt = j.Paid
	failed := a.Do == dialect.Reject
	switch {
	case failed && (rec.Status < 200 || rec.Status >= 300):
		return w.lose(ctx, j, "the provider took it on and can't be asked about it: "+said(a.Fault))
	case failed && (!a.Price.Known || a.Price.USD == 0):
		return w.insist(ctx, func() error { _, err := w.Ledger.Reject(ctx, c, said(a.Fault)); return err })
	case failed:
		w.Log.Warn("work that failed was billed", w.about(j)...)
	}
	return w.settleAnswer(ctx, j, c, a)
}

// lose gives up work that was taken on: nobody knows how it ended.
func (w *work) lose(ctx context.Context, j ledger.Job, why string) error {
	c := ledger.Closing{Batch: w.in.Batch, Seq: w.in.Seq, Attempt: j.Paid, Kind: batch.OutcomeUnknown}
	return w.insist(ctx, func() error {
		_, err := w.Ledger.Doubt(ctx, c, ledger.Doubt{Answered: true, AbsentAfter: w.now().Add(w.lag()), Why: why}, time.Time{})
		return err
	})
}

// doubted decides about a job of which nobody knows whether it was bought. stays
// is true when it remains so.
//
//	billed, the amount missing           its ceiling is booked
//	policy hold                          stays
//	what it carries is good once         the same request again, as long as that is at hand
//	the dialect can look it up           found: goes on; absent, once that counts: sent again
//	policy resend                        sent again
//	else                                 stays, and the audit names it
func (w *work) doubted(ctx context.Context, j ledger.Job) (stays bool, err error) {
	books := context.WithoutCancel(ctx)
	policy := w.batch.Policy.OnUnknown
	once := w.d.Steps[w.d.Paid()].Once != ""
	switch {
	case j.Doubt.Billed:
		return false, w.bookCeiling(books, j)
	case policy == batch.OnUnknownHold:
		return true, nil
	case once && w.kept != nil && !w.useless && w.again < w.d.Backoff.Most && ctx.Err() == nil:
		return false, w.repeat(ctx, j)
	case w.d.Lookup != nil:
		return w.look(ctx, j)
	case policy == batch.OnUnknownResend:
		w.Log.Warn("an unknown job is sent again unverified, as policy.on_unknown: resend asks: it may be paid for twice", w.about(j)...)
		w.kept = nil
		_, err := w.Ledger.Absent(books, w.in.Batch, w.in.Seq, j.NotBefore, "sent again by policy; before: "+j.Doubt.Why)
		return false, err
	}
	return true, nil
}

// repeat sends the doubted request again: what it carries is honoured once at
// most. A gate that has it wait ends the repeating.
func (w *work) repeat(ctx context.Context, j ledger.Job) error {
	if wait := j.NotBefore.Sub(w.now()); wait > 0 {
		if wait > inProcess || w.tooOld(wait) {
			w.useless = true
			return nil
		}
		open, cancel := w.whileOpen(ctx)
		defer cancel()
		if w.Clock.Wait(open, wait) != nil {
			w.useless = true // this worker shuts down, or a person ended the night
			return nil
		}
	}
	w.again++
	attempt, v, err := w.admit(ctx, ledger.Ask{Step: w.d.Steps[w.d.Paid()].Name, Repeat: true}, w.chase)
	switch kind := batch.KindOf(err); {
	case err == nil && v.Action == ledger.Go:
		return w.send(ctx, j, attempt)
	case kind == batch.Waiting && v.Until.Sub(w.now()) <= short:
		w.again--
		return w.Ledger.Postpone(context.WithoutCancel(ctx), w.in.Batch, w.in.Seq, v.Until, j.Doubt.Why)
	case kind == batch.Waiting, kind == batch.Internal: // later than what it carries is good for, or somebody pulled a switch
		w.useless = true
		return nil
	}
	return err
}

// look asks the provider whether there is such a job.
func (w *work) look(ctx context.Context, j ledger.Job) (stays bool, err error) {
	books := context.WithoutCancel(ctx)
	if wait := j.NotBefore.Sub(w.now()); wait > 0 && ctx.Err() == nil {
		if err := w.rest(ctx, wait, batch.OutcomeUnknown, j.Why); err != nil {
			return false, err
		}
	}
	began := w.now()
	attempt, v, err := w.admit(books, ledger.Ask{Step: "lookup", Free: true}, w.chase)
	if err != nil || v.Action != ledger.Go {
		return false, err
	}
	w.pulse.now(Beat{Doing: "looking for it", Attempt: attempt})
	w.kept = nil
	a, rec := w.api.Look(dialect.WithTimeout(books, w.in.RequestTimeout), w.facts(j))
	w.report(j, "lookup", attempt, a, rec)
	w.heed(books, rec)
	c := w.closing(attempt, a, rec)
	if err := w.heard(books, c, rec, ledger.Returning{Limited: a.Do == dialect.Limited}); err != nil {
		return false, err
	}
	switch a.Do {
	case dialect.Done:
		return false, w.foundIt(books, j, a, rec)
	case dialect.Absent:
		if began.Before(j.Doubt.AbsentAfter) {
			return w.later(ctx, j, j.Doubt.AbsentAfter, "not found yet, and it may still come")
		}
		_, err := w.Ledger.Absent(books, w.in.Batch, w.in.Seq, time.Time{}, "the provider has no such job; before: "+j.Doubt.Why)
		return false, err
	}
	ret, err := w.barred(books, a, rec)
	if err != nil {
		return false, err
	}
	return w.later(ctx, j, later2(ret.NotBefore, w.now().Add(max(w.backoff(w.d.Backoff.Most), soonest))), "it can't be looked up: "+said(a.Fault))
}

func later2(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// later postpones a doubt. When the night is long over it stays.
func (w *work) later(ctx context.Context, j ledger.Job, until time.Time, why string) (stays bool, err error) {
	over := w.now().After(w.in.Span.Deadline) && w.now().After(j.Doubt.AbsentAfter.Add(grace))
	return over || ctx.Err() != nil, w.Ledger.Postpone(context.WithoutCancel(ctx), w.in.Batch, w.in.Seq, until, j.Doubt.Why+"; "+why)
}

// foundIt goes on with a job that the provider has after all.
func (w *work) foundIt(ctx context.Context, j ledger.Job, a dialect.Answer, rec provider.Receipt) error {
	i := w.d.Paid()
	c := ledger.Closing{Batch: w.in.Batch, Seq: w.in.Seq, Attempt: j.Doubt.Attempt, Kind: batch.OutcomeUnknown, EndedAt: rec.EndedAt()}
	if i < len(w.d.Steps)-1 {
		p := progress{At: w.now(), Kept: a.Kept}
		return w.insist(ctx, func() error { _, err := w.Ledger.Accept(ctx, c, p.String(), time.Time{}); return err })
	}
	c.Kind = ""
	return w.settleAnswer(ctx, j, c, a)
}

// bookCeiling settles a job that was certainly bought when its answer can't be
// read: it is never sent again.
func (w *work) bookCeiling(ctx context.Context, j ledger.Job) error {
	w.Log.Error("bought, and its answer can't be read: the ceiling is booked", w.about(j)...)
	bill := ledger.Charge{Source: ledger.FromCeiling, Total: j.Ceiling, DayPrice: j.Ceiling, NightPrice: j.Ceiling}
	if w.d.Price.Fixed != nil || len(w.d.Price.At) == 0 {
		bill.Source = ledger.FromTerms
		if w.d.Price.Fixed != nil {
			bill.Total, bill.DayPrice, bill.NightPrice = *w.d.Price.Fixed, *w.d.Price.Fixed, *w.d.Price.Fixed
		}
		bill.TotalText = bill.Total.String()
	}
	return w.insist(ctx, func() error { _, err := w.Ledger.Found(ctx, w.in.Batch, w.in.Seq, bill, ""); return err })
}
