package activities

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider"
)

// ownLimit ends the names of windows that the operator set. They stand beside
// the provider's, of which they may repeat a span, and the gate keeps both.
const ownLimit = " of OFFPEAK_LIMITS"

// ownLimits are the operator's limits, named.
func (h *Hands) ownLimits() []provider.Window {
	own := slices.Clone(h.Limits)
	for i := range own {
		own[i].Name = spanName(own[i].Span) + ownLimit
	}
	return own
}

// spanName is a span without its zeros: 1m, not 1m0s.
func spanName(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// KeepLimits writes the operator's limits into the books, where every worker's
// gate sees them, and lifts those of an earlier setting. It comes before the
// first send: a limit that isn't in the books holds nothing back.
func (h *Hands) KeepLimits(ctx context.Context) error {
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
		if !strings.HasSuffix(have.Name, ownLimit) {
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
