package activities

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
)

// hearing remembers when this worker last heard or asked something, so that a
// thousand answers a minute don't become a thousand writes about the limits,
// nor a held key a hundred questions about credits.
type hearing struct {
	mu   sync.Mutex
	told map[string]time.Time // by window's name
	last map[string]time.Time // by question
}

// How often.
const (
	learnEvery   = time.Second
	limitsEvery  = 5 * time.Second
	creditsEvery = 20 * time.Second
)

// once says whether a question may be asked again.
func (h *hearing) once(question string, now time.Time, every time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.last[question]; ok && now.Sub(at) < every && !now.Before(at) {
		return false
	}
	if h.last == nil {
		h.last = map[string]time.Time{}
	}
	h.last[question] = now
	return true
}

// news is what of some windows is worth writing down: all once a second, and
// whatever is in its last fifth, where the gate begins to count.
func (h *hearing) news(all []provider.Window, now time.Time) []provider.Window {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told == nil {
		h.told = map[string]time.Time{}
	}
	var out []provider.Window
	for _, w := range all {
		if w.Remaining*5 > w.Limit && now.Sub(h.told[w.Name]) < learnEvery {
			continue
		}
		h.told[w.Name] = now
		out = append(out, w)
	}
	return out
}

// learn notes what an answer's headers say of the limits. It is worth no
// failure: the ledger counts for itself.
func (h *Hands) learn(ctx context.Context, r provider.Receipt) {
	h.compare(ctx, r.Limits.Windows, r)
	h.note(ctx, h.heard.news(r.Limits.Windows, r.EndedAt()), r.EndedAt())
}

// compare tells what others use of the limits from what we do.
func (h *Hands) compare(ctx context.Context, told []provider.Window, r provider.Receipt) {
	if len(told) == 0 {
		return
	}
	if h.others.blind(h.now()) {
		k, err := h.Ledger.Key(ctx, h.key)
		if err != nil {
			h.Log.Warn("what others use of the limits can't be told from ours", zap.Error(err))
			return
		}
		h.others.saw(k.Windows, h.now(), false)
	}
	h.others.heard(told, r.SentAt, r.EndedAt())
}

func (h *Hands) note(ctx context.Context, windows []provider.Window, at time.Time) {
	if len(windows) == 0 {
		return
	}
	told := make([]ledger.Window, len(windows))
	for i, w := range windows {
		told[i] = ledger.Window{Name: w.Name, Span: w.Span, Limit: w.Limit, Remaining: w.Remaining, Reset: w.Reset, ToldAt: at}
	}
	if err := h.Ledger.Learn(ctx, h.key, told); err != nil {
		h.Log.Warn("rate limits weren't noted", zap.Error(err))
	}
}

// askLimits reads the limits after a second refusal in a row, and keeps away
// until the windows that are used up count anew. The hour shows nowhere else.
// The question may itself be refused, for it counts no less than a request
// where a limit is enforced; then the refusal's own words have to do.
func (h *Hands) askLimits(ctx context.Context, exceeded []string) {
	if !h.heard.once("limits", h.now(), limitsEvery) {
		return
	}
	l, receipt, err := h.Swarms.RateLimits(ctx)
	if err != nil {
		h.Log.Warn("rate limits can't be read", zap.Error(err))
		h.keepAway(ctx, exceeded)
		return
	}
	h.compare(ctx, l.Windows, receipt)
	h.note(ctx, l.Windows, receipt.EndedAt())
	for _, w := range l.Windows {
		if w.Remaining > 0 || !w.Reset.After(h.now()) {
			continue
		}
		h.Log.Warn("a rate limit is used up", zap.String("window", w.Name), zap.Int64("limit", w.Limit), zap.Time("until", w.Reset))
		h.floor(ctx, w.Reset, "the "+w.Name+" limit is used up")
	}
}

// askAgain reads the limits when a window hasn't been heard of for too long.
// One asks; whether or not it is told, the others go on by what is known.
func (h *Hands) askAgain(ctx context.Context) {
	if !h.heard.once("limits, again", h.now(), limitsEvery) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	l, receipt, err := h.Swarms.RateLimits(ctx)
	if err != nil {
		h.Log.Info("rate limits can't be read: what others use isn't known anew", zap.Error(err))
		return
	}
	h.compare(ctx, l.Windows, receipt)
	h.note(ctx, l.Windows, receipt.EndedAt())
}

// askTime bounds the question, by the machine's clock: a job waits for it.
const askTime = 5 * time.Second

// keepAway waits for a long window that a refusal names without saying when it
// frees: asking once a minute for hours, as a Retry-After of the minute's
// window would have it, only meets the limit again.
func (h *Hands) keepAway(ctx context.Context, exceeded []string) {
	for window, pause := range map[string]time.Duration{"hour": 5 * time.Minute, "day": 30 * time.Minute} {
		if slices.Contains(exceeded, window) {
			h.floor(ctx, h.now().Add(pause), "the "+window+" limit is used up, and the provider doesn't say until when")
		}
	}
}

func (h *Hands) floor(ctx context.Context, until time.Time, why string) {
	if err := h.Ledger.Floor(ctx, h.key, until, why); err != nil {
		h.Log.Warn("the wait for a rate limit wasn't noted", zap.Error(err))
	}
}

// apiGate is what an account must have more of before any billable call
// (Swarms docs, premium-endpoints, 2026-07-13).
const apiGate = money.Dollar

// creditsAreBack asks for the credits while the key is held, now and then, and
// releases it when they suffice for this job.
func (s *submission) creditsAreBack(ctx context.Context) bool {
	if !s.heard.once("credits", s.now(), creditsEvery) {
		return false
	}
	j, err := s.Ledger.Glance(ctx, s.in.Batch, s.in.Seq)
	if err != nil {
		return false
	}
	got, _, err := s.Swarms.Credits(ctx)
	if err != nil || !got.Total.Known || got.Total.USD <= apiGate || got.Total.USD < j.Estimate {
		return false
	}
	if err := s.Ledger.ReleaseKey(ctx, s.key); err != nil {
		return false
	}
	s.Log.Info("credits are back", zap.String("key", s.key), zap.String("total", got.Total.USD.String()))
	return true
}
