package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/tariff"
)

// terms are what the provider says before a night.
type terms struct {
	card     tariff.Card
	limits   provider.Limits
	warnings []string
}

// terms asks for the live rate card and limits. Both have something to fall
// back on; only a refused key ends the planning, for with it nothing could be
// sent either.
func (h *Hands) terms(ctx context.Context) (terms, error) {
	var t terms
	costs, _, err := h.Swarms.Costs(ctx)
	t.card = costs.Card
	if err == nil {
		err = t.card.Check()
	}
	if err != nil {
		if batch.KindOf(err) == batch.KeyRefused {
			return t, err
		}
		t.card = tariff.Swarms()
		t.warnings = append(t.warnings, fmt.Sprintf("the rate card can't be read, prices are those of %s: %s", t.card.Source, plain(err)))
	}
	return t, h.limits(ctx, &t)
}

// limits asks for the live limits alone.
func (h *Hands) limits(ctx context.Context, t *terms) error {
	limits, receipt, err := h.Swarms.RateLimits(ctx)
	if err != nil {
		if batch.KindOf(err) == batch.KeyRefused {
			return err
		}
		t.warnings = append(t.warnings, "the rate limits can't be read, so it isn't known whether the night is long enough: "+plain(err))
		t.limits.Windows = h.ownLimits()
		return nil
	}
	t.limits = limits
	h.note(ctx, limits.Windows, receipt.EndedAt())
	t.limits.Windows = append(t.limits.Windows, h.ownLimits()...)
	return nil
}

// plain is an error's own message, for a warning.
func plain(err error) string {
	var f *batch.Fault
	if errors.As(err, &f) && f.Detail != "" {
		return f.Detail
	}
	return err.Error()
}
