package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/provider/swarms"
)

// quote makes a free step before the paid one.
func (w *work) quote(ctx context.Context, j ledger.Job, i int) error {
	step := w.d.Steps[i].Name
	attempt, v, err := w.admit(ctx, ledger.Ask{Step: step, Free: true}, w.decide)
	if err != nil || v.Action != ledger.Go {
		return err
	}
	a, rec := w.do(ctx, j, i, attempt)
	books := context.WithoutCancel(ctx)
	c := w.closing(attempt, a, rec)
	switch a.Do {
	case dialect.Done:
		w.keep(a)
		return w.heard(books, c, rec, ledger.Returning{})
	case dialect.Reject:
		if err := w.heard(books, c, rec, ledger.Returning{Why: said(a.Fault)}); err != nil {
			return err
		}
		_, err := w.Ledger.Give(books, w.in.Batch, w.in.Seq, batch.Rejected, said(a.Fault))
		return err
	case dialect.Retry:
		until := w.now().Add(max(w.backoff(j.Tries+1), a.After))
		return w.heard(books, c, rec, ledger.Returning{Why: said(a.Fault), NotBefore: until, Counts: true})
	}
	ret, err := w.barred(books, a, rec)
	if err != nil {
		return err
	}
	return w.heard(books, c, rec, ret)
}

// do makes one request. From here on nothing stops it: what is in flight is
// paid for, or counted.
func (w *work) do(ctx context.Context, j ledger.Job, i, attempt int) (dialect.Answer, provider.Receipt) {
	w.pulse.now(Beat{Doing: "sending: " + w.d.Steps[i].Name, Attempt: attempt})
	out := dialect.WithTimeout(context.WithoutCancel(ctx), w.in.RequestTimeout)
	if w.d.Steps[i].Paid {
		w.sending.Add(1)
		defer w.sending.Add(-1)
	}
	w.plight.aloft.Add(1)
	defer w.plight.aloft.Add(-1)
	a, rec := w.api.Do(out, i, w.facts(j))
	w.pulse.now(Beat{Doing: "writing the books", Attempt: attempt})
	w.report(j, w.d.Steps[i].Name, attempt, a, rec)
	w.heed(context.WithoutCancel(ctx), rec)
	w.gate.answered(len(rec.Limits.Windows) > 0)
	return a, rec
}

// report logs one request: never its body, an answer or a secret.
func (w *work) report(j ledger.Job, step string, attempt int, a dialect.Answer, rec provider.Receipt) {
	fields := append(w.about(j), zap.String("step", step), zap.Int("attempt", attempt), zap.Int("status", rec.Status),
		zap.Duration("elapsed", rec.Elapsed), zap.String("outcome", string(a.Do)))
	if a.Fault == nil {
		w.Log.Info("sent", fields...)
		return
	}
	w.Log.Warn("sent", append(fields, zap.String("wrote", string(rec.Wrote)), zap.String("code", rec.Code), zap.String("ticket", rec.Ticket), zap.String("error", a.Fault.Error()))...)
}

func (w *work) closing(attempt int, a dialect.Answer, rec provider.Receipt) ledger.Closing {
	c := ledger.Closing{
		Batch: w.in.Batch, Seq: w.in.Seq, Attempt: attempt, Status: rec.Status, EndedAt: rec.EndedAt(),
		Counted: rec.Wrote != provider.WroteNothing, // nobody documents that refusals aren't
	}
	if a.Fault != nil {
		c.Kind = a.Fault.Kind
	}
	if text, err := json.Marshal(rec); err == nil { // of texts, numbers and instants: it can be written
		c.Receipt = text
	}
	return c
}

func (w *work) heard(ctx context.Context, c ledger.Closing, rec provider.Receipt, ret ledger.Returning) error {
	return w.insist(ctx, func() error {
		_, err := w.Ledger.Heard(ctx, c, rec.Wrote != provider.WroteNothing, ret)
		return err
	})
}

// barred keeps away, with every worker, after a refusal that isn't about the
// job: a limit, credits that are used up, or the key.
func (w *work) barred(ctx context.Context, a dialect.Answer, rec provider.Receipt) (ledger.Returning, error) {
	why := said(a.Fault)
	ret := ledger.Returning{Why: why}
	switch a.Do {
	case dialect.Limited, dialect.Hold:
		ret.NotBefore, ret.Limited = rec.EndedAt().Add(a.After), a.Do == dialect.Limited
		if a.Do == dialect.Hold {
			w.Log.Error("nothing is sent for a while", zap.String("provider", w.d.Name), zap.String("until", ret.NotBefore.Format(time.RFC3339)), zap.String("detail", why), zap.String("remedy", a.Fault.Hint))
		}
		return ret, w.insist(ctx, func() error { return w.Ledger.Floor(ctx, w.batch.Key, ret.NotBefore, why) })
	case dialect.Stop:
		w.Log.Error("the provider refused the key: nothing else is sent", zap.String("batch", string(w.in.Batch)), zap.String("key", w.batch.Key), zap.String("detail", why), zap.String("remedy", a.Fault.Hint))
		return ret, w.insist(ctx, func() error {
			if err := w.Ledger.CloseKey(ctx, w.batch.Key, why); err != nil {
				return err
			}
			return w.Ledger.StopBatch(ctx, w.in.Batch, "the provider refused the key: "+why)
		})
	}
	return ret, nil
}

// send makes the paid request, whose attempt is in the books, and writes down
// what became of it.
func (w *work) send(ctx context.Context, j ledger.Job, attempt int) error {
	i := w.d.Paid()
	a, rec := w.do(ctx, j, i, attempt)
	books := context.WithoutCancel(ctx)
	c := w.closing(attempt, a, rec)
	repeats := j.State == batch.Unknown
	back := func(ret ledger.Returning) error {
		return w.insist(books, func() error { _, err := w.Ledger.Return(books, c, ret); return err })
	}
	switch a.Do {
	case dialect.Done:
		if i == len(w.d.Steps)-1 {
			return w.settleAnswer(books, j, c, a)
		}
		w.keep(a)
		now := w.now()
		p := progress{At: now, Kept: w.kept}
		return w.insist(books, func() error {
			_, err := w.Ledger.Accept(books, c, p.String(), now.Add(w.d.Steps[i+1].Until.First))
			return err
		})
	case dialect.Reject:
		return w.insist(books, func() error { _, err := w.Ledger.Reject(books, c, said(a.Fault)); return err })
	case dialect.Redo:
		if repeats { // the one before may have used it up, and then it expired: nobody knows
			w.useless = true
			return back(ledger.Returning{Why: said(a.Fault)})
		}
		if w.redone++; w.redone > a.Most {
			why := fmt.Sprintf("%d in a row, the last: %s", w.redone, said(a.Fault))
			return w.insist(books, func() error { _, err := w.Ledger.Reject(books, c, why); return err })
		}
		w.forget(a.From)
		return back(ledger.Returning{Why: said(a.Fault)})
	case dialect.Spent:
		if !repeats {
			return w.insist(books, func() error { _, err := w.Ledger.Reject(books, c, said(a.Fault)); return err })
		}
		w.useless = true
		return w.doubt(books, c, rec, ledger.Doubt{
			Answered: true, Why: "a request whose answer was lost went through: what it carried is used up (" + said(a.Fault) + ")",
		}, 0)
	case dialect.Retry:
		return back(ledger.Returning{Why: said(a.Fault), NotBefore: w.now().Add(max(w.backoff(j.Tries+1), a.After)), Counts: true})
	case dialect.Unknown:
		moved := a.Fault.Moved == batch.MovedYes
		return w.doubt(books, c, rec, ledger.Doubt{
			Billed: moved, Answered: moved || rec.Wrote == provider.Answered && !gatewayGaveUp(rec.Status), Why: said(a.Fault),
		}, w.backoff(w.again+1))
	}
	ret, err := w.barred(books, a, rec)
	if err != nil {
		return err
	}
	return back(ret)
}

func (w *work) doubt(ctx context.Context, c ledger.Closing, rec provider.Receipt, d ledger.Doubt, pause time.Duration) error {
	c.Kind = batch.OutcomeUnknown
	d.AbsentAfter = rec.SentAt.Add(w.in.RequestTimeout + w.lag())
	if d.Answered {
		d.AbsentAfter = c.EndedAt.Add(w.lag())
	}
	return w.insist(ctx, func() error { _, err := w.Ledger.Doubt(ctx, c, d, w.now().Add(pause)); return err })
}

// settleAnswer books the charge of an answer and keeps the answer.
func (w *work) settleAnswer(ctx context.Context, j ledger.Job, c ledger.Closing, a dialect.Answer) error {
	bill := ledger.Charge{JobID: a.JobID, Source: ledger.FromAnswer, Total: a.Price.USD, TotalText: a.Price.Text, EndedAt: c.EndedAt}
	switch {
	case a.Price.Known && w.d.Price.Fixed != nil:
		bill.Source = ledger.FromTerms
	case a.Price.Known:
	case len(w.d.Price.At) == 0:
		bill.Source, bill.Total, bill.TotalText = ledger.FromTerms, j.Ceiling, j.Ceiling.String()
	default: // it says elsewhere what it costs, and this time it doesn't
		bill.Source, bill.Total = ledger.FromCeiling, j.Ceiling
	}
	bill.DayPrice, bill.NightPrice = bill.Total, bill.Total
	c.Kind = ""
	output := w.Hands.keep(ctx, j, swarms.Completion{Raw: a.Raw})
	return w.insist(ctx, func() error { _, err := w.Ledger.Settle(ctx, c, bill, output); return err })
}
