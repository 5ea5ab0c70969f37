package batch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// RateLimit is at most Limit requests within any Span.
type RateLimit struct {
	Name  string // for people, "requests per" before it: minute, hour, day
	Span  time.Duration
	Limit int64
}

// OwnLimit ends the names of limits that the operator set. They stand beside
// the provider's, of which they may repeat a span.
const OwnLimit = " of OFFPEAK_LIMITS"

// OwnRateLimit is a limit that the operator set, named: "2s of OFFPEAK_LIMITS".
func OwnRateLimit(span time.Duration, limit int64) RateLimit {
	return RateLimit{Name: short(span) + OwnLimit, Span: span, Limit: limit}
}

// short is a duration without its zeros: 10m, not 10m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// FitNight answers "does it fit tonight?" with the least time that so many jobs
// take under the account's limits, counted as if nothing else used them. The
// last one must still have slow, its whole request timeout, before the deadline;
// of a night in several pieces, that holds for the last one of each.
// Tier is the account's as the provider calls it, "" when it doesn't say.
//
// An estimate and the plan of the night ask here, so that they say the same.
func FitNight(jobs int, start tariff.Start, slow time.Duration, tier string, limits []RateLimit) Fit {
	f := Fit{Has: start.Span.Room(start.At, slow), Fits: true}
	if jobs <= 0 {
		return f
	}
	f.Needs, f.Binding = slow, "a single request, which may take "+short(slow)
	if wait, l := Slowest(jobs, limits); wait > 0 {
		what := "requests"
		if l.Limit == 1 {
			what = "request"
		}
		f.Needs, f.Binding = wait+slow, fmt.Sprintf("%s %s per %s", Grouped(l.Limit), what, l.Name)
		if tier != "" && !strings.HasSuffix(l.Name, OwnLimit) {
			f.Binding += " (" + tier + ")"
		}
	}
	f.Fits = f.Needs <= f.Has
	return f
}

// Slowest is how long after the first of so many requests the last may leave,
// and the limit because of which. Zero: all may leave at once.
func Slowest(requests int, limits []RateLimit) (wait time.Duration, binding RateLimit) {
	for _, l := range limits {
		if l.Limit <= 0 || l.Span <= 0 {
			continue
		}
		// A sliding window of L per W: the first L go at once, the next L once the
		// first have left. Beyond a year it makes no difference, and the product
		// stays in range.
		rounds := (int64(requests) - 1) / l.Limit
		if needs := l.Span * time.Duration(min(rounds, int64(365*24*time.Hour/l.Span))); needs > wait {
			wait, binding = needs, l
		}
	}
	return wait, binding
}

// Grouped is 10000 as "10,000".
func Grouped(n int64) string {
	s, sign := strconv.FormatInt(n, 10), ""
	if n < 0 {
		s, sign = s[1:], "-"
	}
	parts := []string{}
	for len(s) > 3 {
		s, parts = s[:len(s)-3], append(parts, s[len(s)-3:])
	}
	slices.Reverse(parts)
	return sign + strings.Join(append([]string{s}, parts...), ",")
}
