package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limit is a rate limit that the operator knows of: at most N requests within
// any Span.
type Limit struct {
	N    int64
	Span time.Duration
}

// maxLimitSpan is the longest window that is kept count of.
const maxLimitSpan = 24 * time.Hour

// parseLimits reads OFFPEAK_LIMITS: "1/2s,2000/1m".
func parseLimits(text string) ([]Limit, error) {
	var limits []Limit
	seen := map[time.Duration]bool{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		n, span, _ := strings.Cut(part, "/")
		l := Limit{}
		var err, err2 error
		l.N, err = strconv.ParseInt(n, 10, 64)
		l.Span, err2 = time.ParseDuration(span)
		switch {
		case err != nil || err2 != nil:
			return nil, fmt.Errorf("OFFPEAK_LIMITS: %q isn't REQUESTS/SPAN, such as 1/2s or 2000/1m", part)
		case l.N < 1:
			return nil, fmt.Errorf("OFFPEAK_LIMITS: %q would let nothing leave", part)
		case l.Span < time.Millisecond || l.Span > maxLimitSpan:
			return nil, fmt.Errorf("OFFPEAK_LIMITS: %q: the span must be within 1ms and 24h", part)
		case seen[l.Span]:
			return nil, fmt.Errorf("OFFPEAK_LIMITS: %s has two limits", span)
		}
		seen[l.Span] = true
		limits = append(limits, l)
	}
	return limits, nil
}
