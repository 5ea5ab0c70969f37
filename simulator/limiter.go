package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Quota is one sliding window of a rate limit: at most Limit counted requests
// within any Span.
type Quota struct {
	Name  string        // minute, hour and day have meaning in headers and bodies
	Span  time.Duration // how far back the window looks
	Limit int64
}

// Limits is an account's rate limits.
type Limits struct {
	Quotas         []Quota // none: no rate limit, as on the enterprise plan
	TokensPerAgent int64   // longest prompt; 0 for no limit
}

// TierLimits are the published limits of a tier (Swarms docs,
// resources/ratelimits, 2026-07-13).
func TierLimits(tier string) Limits {
	if tier == TierFree {
		return Limits{TokensPerAgent: 200_000, Quotas: []Quota{
			{"minute", time.Minute, 100}, {"hour", time.Hour, 350}, {"day", 24 * time.Hour, 1200},
		}}
	}
	return Limits{TokensPerAgent: 2_000_000, Quotas: []Quota{
		{"minute", time.Minute, 2000}, {"hour", time.Hour, 10_000}, {"day", 24 * time.Hour, 100_000},
	}}
}

// ParseQuotas reads "2000/1m,10000/1h" or "none". A window of a minute, an
// hour or 24 hours gets the provider's name, any other its length as one.
func ParseQuotas(s string) ([]Quota, error) {
	if s == "none" {
		return nil, nil
	}
	names := map[time.Duration]string{time.Minute: "minute", time.Hour: "hour", 24 * time.Hour: "day"}
	var quotas []Quota
	for part := range strings.SplitSeq(s, ",") {
		limit, span, ok := strings.Cut(strings.TrimSpace(part), "/")
		n, err := strconv.ParseInt(limit, 10, 64)
		d, err2 := time.ParseDuration(span)
		if !ok || err != nil || err2 != nil || n < 1 || d <= 0 {
			return nil, fmt.Errorf("read rate limit %q: write LIMIT/SPAN such as 2000/1m, or none", part)
		}
		name := names[d]
		if name == "" {
			name = d.String()
		}
		quotas = append(quotas, Quota{Name: name, Span: d, Limit: n})
	}
	return quotas, nil
}

// Limiter counts one account's requests in sliding windows. An instant that
// was counted at e is in a window until e + span, that instant excluded.
//
// It reads the clock while it holds its lock, so that events are in order
// whichever request comes to the lock first.
type Limiter struct {
	now    func() time.Time
	mu     sync.Mutex
	quotas []Quota
	events []int64 // unix nanoseconds, ascending
	heads  []int   // per quota: index of the oldest event still inside
	last   int64   // when it was last asked
}

// NewLimiter counts nothing yet; without quotas everything is admitted.
func NewLimiter(quotas []Quota, now func() time.Time) *Limiter {
	return &Limiter{now: now, quotas: quotas, heads: make([]int, len(quotas))}
}

// Level is how full one window is.
type Level struct {
	Quota
	Count int64
	Reset time.Time     // when its oldest event leaves; a whole span ahead when it is empty
	Wait  time.Duration // until there is room; 0 when there is
}

// Exceeded says whether the window has no room.
func (l Level) Exceeded() bool { return l.Count >= l.Limit }

// Remaining is how many more it takes now.
func (l Level) Remaining() int64 { return max(0, l.Limit-l.Count) }

// Admit says how full the windows are at the instant now and whether all have
// room; if so and count is set, the request is counted in the same step.
func (l *Limiter) Admit(count bool) (now time.Time, levels []Level, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now = l.now()
	levels = l.levels(now)
	ok = !slices.ContainsFunc(levels, Level.Exceeded)
	if ok && count {
		l.events = append(l.events, now.UnixNano())
		for i := range levels {
			levels[i].Count++
		}
	}
	return now, levels, ok
}

// Record counts one request, whether or not there is room: runs under way
// together all end, and only then they count.
func (l *Limiter) Record() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.prune(now)
	l.events = append(l.events, now.UnixNano())
}

// Become changes the windows and keeps what is counted, as far as it was kept.
func (l *Limiter) Become(quotas []Quota) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quotas, l.heads = quotas, make([]int, len(quotas))
}

func (l *Limiter) levels(now time.Time) []Level {
	l.prune(now)
	levels := make([]Level, len(l.quotas))
	for i, q := range l.quotas {
		in := l.events[l.heads[i]:]
		lv := Level{Quota: q, Count: int64(len(in)), Reset: now.Add(q.Span)}
		if len(in) > 0 {
			lv.Reset = time.Unix(0, in[0]).Add(q.Span)
		}
		if lv.Exceeded() { // room comes when all but Limit-1 have left
			lv.Wait = time.Unix(0, in[int64(len(in))-q.Limit]).Add(q.Span).Sub(now)
		}
		levels[i] = lv
	}
	return levels
}

// prune moves the heads past what has left and frees what no window needs. A
// clock that was set back takes back what, by it, has not happened yet.
func (l *Limiter) prune(now time.Time) {
	at := now.UnixNano()
	if at < l.last {
		clear(l.heads)
	}
	l.last = at
	for n := len(l.events); n > 0 && l.events[n-1] > at; n-- {
		l.events = l.events[:n-1]
	}
	oldest := len(l.events)
	for i, q := range l.quotas {
		h := min(l.heads[i], len(l.events))
		for h < len(l.events) && l.events[h] <= at-int64(q.Span) {
			h++
		}
		l.heads[i] = h
		oldest = min(oldest, h)
	}
	if oldest > 1024 && oldest > len(l.events)/2 {
		l.events = slices.Clone(l.events[oldest:])
		for i := range l.heads {
			l.heads[i] -= oldest
		}
	}
	if len(l.quotas) == 0 {
		l.events = l.events[:0]
	}
}
