package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/audit"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/swarms"
)

// answer is what became of one request.
type answer struct {
	run     swarms.Completion
	receipt provider.Receipt
	err     error
}

// book writes down what became of a request:
//
//	2xx with its price              settled
//	2xx without                     unknown, billed: never sent again
//	429                             reserved, uncounted; a floor for the key
//	another 4xx                     rejected
//	401, 403                        reserved, uncounted; the key is closed, the batch stopped: the gate parks it
//	402                             reserved, uncounted; the key is held
//	not written                     reserved, counted
//	5xx, timeout, reset, cut short  unknown: looked up before it is sent again
//
// Nil means: look at the state and go on.
func (s *submission) book(ctx context.Context, j ledger.Job, attempt int, a answer) error {
	c := ledger.Closing{Batch: s.in.Batch, Seq: s.in.Seq, Attempt: attempt, Status: a.receipt.Status, EndedAt: a.receipt.EndedAt()}
	var err error
	if c.Receipt, err = json.Marshal(a.receipt); err != nil {
		return fmt.Errorf("write receipt of %s: %w", thing(s.in), err)
	}
	s.report(j, attempt, a)
	s.learn(ctx, a.receipt)
	s.strained(j, a.receipt, batch.KindOf(a.err))
	if a.err == nil {
		return s.paid(ctx, j, c, a)
	}
	f := &batch.Fault{}
	if !errors.As(a.err, &f) {
		// The client's errors are faults, all of them. One that isn't says
		// nothing of what left, so the doubt stands.
		f = &batch.Fault{Kind: batch.OutcomeUnknown, Op: "submit", Moved: batch.MovedMaybe, Detail: "an error without a kind"}
	}
	c.Kind = f.Kind
	switch f.Kind {
	case batch.RateLimited:
		return s.limited(ctx, c, f, a.receipt)
	case batch.KeyRefused:
		return s.refused(ctx, c, f)
	case batch.RejectedByAPI, batch.BadInput:
		return s.insist(ctx, func() error { _, err := s.Ledger.Reject(ctx, c, said(f)); return err })
	case batch.CreditsTooLow:
		return s.broke(ctx, j, c, f, a.receipt)
	case batch.NotSent, batch.Cancelling:
		return s.unsent(ctx, j, c, f)
	}
	return s.doubt(ctx, j, c, f, a.receipt)
}

// paid settles an answer that was billed and says how much.
func (s *submission) paid(ctx context.Context, j ledger.Job, c ledger.Closing, a answer) error {
	keep := s.keep
	priced := a.run.Usage != nil && a.run.Usage.TotalCost.Known
	if s.lane && priced { // one without a price is looked for by its key, once the price is known
		keep = s.keepWith
	}
	output := keep(ctx, j, a.run)
	if !priced {
		f := &batch.Fault{
			Kind: batch.OutcomeUnknown, Op: "submit", Thing: thing(s.in), Moved: batch.MovedYes, Status: c.Status,
			Detail: "the answer has no price", Hint: "it ran and was billed; the amount is in the provider's log; it isn't sent again",
		}
		c.Kind = f.Kind
		return s.doubt(ctx, j, c, f, a.receipt)
	}
	bill := s.charge(j, a.run, ledger.FromAnswer)
	bill.Attempt, bill.SentAt, bill.EndedAt = c.Attempt, a.receipt.SentAt, c.EndedAt
	var after ledger.Job
	err := s.insist(ctx, func() (err error) { after, err = s.Ledger.Settle(ctx, c, bill, output); return err })
	if err != nil {
		return err
	}
	if after.State.Over() {
		s.wrote = &after
	}
	s.lasted(j, c.EndedAt.Sub(a.receipt.SentAt))
	s.vouch(j.RequestID, bill)
	s.settled(j, bill)
	return nil
}

// settled is said of each charge, from whatever source.
func (s *submission) settled(j ledger.Job, bill ledger.Charge) {
	s.bill = &bill
	s.checkDiscount(j, bill)
}

// checkDiscount says at once what the audit will say in the morning.
func (s *submission) checkDiscount(j ledger.Job, bill ledger.Charge) {
	check := audit.Examine(s.batch.Card, s.in.Span, s.in.Span.Location(), bill)
	if check.Proof == audit.Landed {
		return
	}
	s.Log.Warn("a charge doesn't show the night price",
		zap.String("batch", string(s.in.Batch)), zap.String("job", j.Name), zap.String("request_id", j.RequestID),
		zap.String("billed", bill.Total.String()), zap.String("night_price", bill.NightPrice.String()),
		zap.String("overpaid", check.Overpaid.String()), zap.String("cause", check.Cause))
}

// doubt writes down that a request may have run. When it can be declared
// absent depends on whether the run can still be going: an answered 5xx says
// that it isn't; but a gateway that gave up waiting (504, 408, 499, 524) says
// no more than a timeout of our own.
func (s *submission) doubt(ctx context.Context, j ledger.Job, c ledger.Closing, f *batch.Fault, r provider.Receipt) error {
	return s.wonder(ctx, j, c, f, r, r.Wrote == provider.Answered && !gatewayGaveUp(r.Status))
}

// wonder is doubt by somebody who knows whether the run is over.
func (s *submission) wonder(ctx context.Context, j ledger.Job, c ledger.Closing, f *batch.Fault, r provider.Receipt, over bool) error {
	d := ledger.Doubt{Attempt: c.Attempt, SentAt: r.SentAt, Billed: f.Moved == batch.MovedYes, Why: said(f)}
	d.Answered = d.Billed || over
	if !d.Answered {
		s.lasted(j, s.in.RequestTimeout) // nobody saw its end
	}
	d.AbsentAfter = r.SentAt.Add(s.in.RequestTimeout + s.batch.Policy.LogLag)
	if d.Answered {
		d.AbsentAfter = c.EndedAt // a log that has caught up may tell at once: see absent
	}
	until := s.now()
	if j.Tries+1 < maxTries { // else it is only looked for, which needs no backoff
		until = until.Add(max(s.jitter(j.Tries+1), f.After))
	}
	err := s.insist(ctx, func() error { _, err := s.Ledger.Doubt(ctx, c, d, until); return err })
	if err != nil {
		return err
	}
	return s.back(until, f)
}

func gatewayGaveUp(status int) bool {
	switch status {
	case http.StatusGatewayTimeout, http.StatusRequestTimeout, 499, 524:
		return true
	}
	return false
}

// back hands the job to Temporal until then; nil when it goes on here, because
// that is less than a second away, or because it would be too late and the
// gate parks it.
func (s *submission) back(until time.Time, f *batch.Fault) error {
	wait := until.Sub(s.now())
	if wait < least && !s.tooOld(wait) || f.Kind != batch.OutcomeUnknown && !s.fits(until) {
		return nil
	}
	own := *f     // the jobs of one batch request share its fault
	own.After = 0 // the delay below is what counts
	return later{Fault: &own, delay: wait}
}
