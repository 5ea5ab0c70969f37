package activities

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
)

// CheckCredits is the preflight: the account's credits must be at least one
// and a half times the estimate (production-readiness checklist of the Swarms
// docs), and above the dollar that the API itself asks for. Too few are
// CreditsTooLow, a refused key is KeyRefused; a provider out of reach is asked
// again, at night until in.Until.
//
// An accepted key is opened and, with enough credits, released: what last
// night refused may be mended by now.
func (h *Hands) CheckCredits(ctx context.Context, in batch.CreditsRequest) (batch.Credits, error) {
	p := beat(ctx, "asking for the credits")
	defer p.end()
	out, err := h.checkCredits(ctx, in)
	return out, raise(err)
}

func (h *Hands) checkCredits(ctx context.Context, in batch.CreditsRequest) (batch.Credits, error) {
	out := batch.Credits{Needed: batch.CreditsNeeded(in.Estimate)}
	if len(h.APIs) > 0 || h.Swarms == nil {
		b, err := h.Ledger.Batch(ctx, in.Batch)
		if err != nil {
			return out, err
		}
		if _, ok, err := h.metered(b); err != nil {
			return out, err
		} else if ok { // none of them says what is left; what was refused last night may be mended
			return out, h.Ledger.OpenKey(ctx, b.Key)
		}
	}
	got, _, err := h.Swarms.Credits(ctx)
	at := h.now() // what is sent from now on isn't in it: see funds
	if err != nil {
		return out, h.creditsError(in, err)
	}
	if !got.Total.Known {
		return out, h.creditsError(in, &batch.Fault{Kind: batch.OutOfReach, Op: "check credits", Detail: "the provider doesn't say how many there are"})
	}
	out.Total = got.Total.USD
	if err := h.remember(ctx, at, out); err != nil {
		return out, err
	}
	if err := h.Ledger.OpenKey(ctx, h.key); err != nil {
		return out, err
	}
	fault := &batch.Fault{
		Kind: batch.CreditsTooLow, Op: "check credits", Thing: string(in.Batch), Moved: batch.MovedNo,
		Hint: "add credits at https://swarms.world/platform/account and start the batch again; nothing was sent",
	}
	switch {
	case out.Total < out.Needed:
		fault.Detail = "there are " + out.Total.Dollars() + "; 1.5 x the estimate of " + in.Estimate.Dollars() + " is " + out.Needed.Dollars() +
			", " + (out.Needed - out.Total).Dollars() + " more"
		return out, fault
	case out.Total <= apiGate:
		fault.Detail = "there are " + out.Total.Dollars() + "; the API takes no paid request unless there is more than " + apiGate.Dollars()
		return out, fault
	}
	if err := h.Ledger.ReleaseKey(ctx, h.key); err != nil {
		return out, err
	}
	h.Log.Info("credits suffice", zap.String("batch", string(in.Batch)), zap.String("when", in.When),
		zap.String("total", out.Total.String()), zap.String("needed", out.Needed.String()))
	return out, nil
}

// creditsError says whether to ask again.
func (h *Hands) creditsError(in batch.CreditsRequest, err error) error {
	var f *batch.Fault
	if !errors.As(err, &f) {
		return err
	}
	switch f.Kind {
	case batch.NotSent, batch.OutcomeUnknown, batch.Cancelling:
		// A free question: there is nothing to be in doubt about.
		f = &batch.Fault{Kind: batch.OutOfReach, Op: f.Op, Thing: h.Swarms.BaseURL(), Status: f.Status, Detail: f.Detail, Hint: f.Hint, After: f.After, Err: f.Err}
	case batch.RejectedByAPI:
		f = &batch.Fault{
			Kind: batch.OutOfReach, Op: f.Op, Thing: h.Swarms.BaseURL(), Status: f.Status, Detail: f.Detail, Err: f.Err,
			Hint: "the provider doesn't know this question: see that SWARMS_BASE_URL is right",
		}
		return over{f}
	}
	if !in.Until.IsZero() && h.now().Add(max(f.After, time.Second)).After(in.Until) {
		return over{f}
	}
	return f
}
