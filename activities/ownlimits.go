package activities

import (
	"context"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
)

// ownLimits are the operator's limits, named.
func (h *Hands) ownLimits() []provider.Window {
	own := slices.Clone(h.Limits)
	for i := range own {
		own[i].Name = batch.OwnRateLimit(own[i].Span, own[i].Limit).Name
	}
	return own
}

// KeepLimits writes the operator's limits into the books, where every worker's
// gate sees them, and lifts those of an earlier setting. It comes before the
// first send: a limit that isn't in the books holds nothing back.
func (h *Hands) KeepLimits(ctx context.Context) error {
	if h.Swarms == nil {
		return nil // they are of its key
	}
	k, err := h.Ledger.Key(ctx, h.key)
	if err != nil {
		return err
	}
	now := h.now()
	var told []ledger.Window
	for _, w := range h.ownLimits() {
		told = append(told, ledger.Window{Name: w.Name, Span: w.Span, Limit: w.Limit, Remaining: -1})
	}
	for _, have := range k.Windows {
		if !strings.HasSuffix(have.Name, batch.OwnLimit) {
			continue
		}
		if have.ToldAt.After(now) {
			now = have.ToldAt // of a worker whose clock is ahead: older news would be ignored
		}
		named := func(w ledger.Window) bool { return w.Name == have.Name }
		if have.Limit > 0 && !slices.ContainsFunc(told, named) {
			told = append(told, ledger.Window{Name: have.Name, Span: have.Span, Remaining: -1})
			h.Log.Info("a rate limit of an earlier setting is lifted", zap.String("window", have.Name), zap.Int64("limit", have.Limit))
		}
	}
	for i := range told {
		told[i].ToldAt = now
	}
	return h.Ledger.Learn(ctx, h.key, told)
}
