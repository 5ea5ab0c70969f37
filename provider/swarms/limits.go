package swarms

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

// maxWait caps what a provider can make us wait: the longest rate-limit window
// is a day.
const maxWait = 24 * time.Hour

// kept are the headers that a receipt holds.
var kept = map[string]bool{
	"Date": true, "Server": true, "Via": true, "Retry-After": true,
	"Content-Type": true, "Content-Length": true, "Content-Encoding": true,
	"X-Request-Id": true, "X-Cloud-Trace-Context": true,
	"X-Ratelimit-Limit-Minute": true, "X-Ratelimit-Remaining-Minute": true,
	"X-Ratelimit-Limit-Day": true, "X-Ratelimit-Remaining-Day": true,
	"X-Ratelimit-Reset": true, "X-Ratelimit-Tier": true,
}

const (
	maxHeaderValues = 4
	maxHeaderValue  = 200 // characters
)

// keepHeaders is the part of an answer's headers that a receipt holds: bounded,
// and without the key.
func (c *Client) keepHeaders(h http.Header) http.Header {
	out := http.Header{}
	for name := range kept {
		for i, v := range h[name] {
			if i == maxHeaderValues {
				break
			}
			out.Add(name, wire.Clip(c.secret.Text(v), maxHeaderValue))
		}
	}
	return out
}

// limits reads the rate headers (Swarms docs, rate-limit-headers, 2026-07-13):
// a minute and a day window, a reset in unix seconds that belongs to the
// minute, no hour. They are absent on 402 and 403. A window of which only half
// is said is left out.
func (c *Client) limits(h http.Header, sentAt time.Time) provider.Limits {
	now := wire.Reference(h, sentAt)
	l := provider.Limits{Tier: wire.Clip(c.secret.Text(h.Get("X-RateLimit-Tier")), 40)}
	for _, w := range []provider.Window{
		{Name: "minute", Span: time.Minute},
		{Name: "day", Span: 24 * time.Hour},
	} {
		suffix := strings.ToUpper(w.Name[:1]) + w.Name[1:]
		limit, ok1 := wire.Count(h.Get("X-RateLimit-Limit-" + suffix))
		left, ok2 := wire.Count(h.Get("X-RateLimit-Remaining-" + suffix))
		if !ok1 || !ok2 || limit == 0 {
			continue
		}
		w.Limit, w.Remaining = limit, left
		if w.Name == "minute" {
			w.Reset, _ = reset(h, now)
		}
		l.Windows = append(l.Windows, w)
	}
	for _, v := range h.Values("Retry-After") {
		if d, ok := wire.RetryAfter(v, now, maxWait); ok {
			l.RetryAfter, l.HasRetry = max(l.RetryAfter, d), true // told twice: the longer one
		}
	}
	return l
}

// wait is how long a 429 asks for: Retry-After verbatim, else until
// X-RateLimit-Reset, else a minute. It is never zero, which would read as "not
// said": an explicit 0 is a second, the finest that the header can say.
func (c *Client) wait(h http.Header, rec provider.Receipt) time.Duration {
	if rec.Limits.HasRetry {
		return max(rec.Limits.RetryAfter, time.Second)
	}
	now := wire.Reference(h, rec.SentAt.Add(rec.Elapsed))
	if at, ok := reset(h, now); ok {
		return at.Sub(now)
	}
	return defaultWait
}

// reset reads X-RateLimit-Reset; one that is past, or further away than any
// window is long, is none.
func reset(h http.Header, now time.Time) (time.Time, bool) {
	sec, ok := wire.Count(h.Get("X-RateLimit-Reset"))
	if !ok || sec > 1<<40 {
		return time.Time{}, false
	}
	at := time.Unix(sec, 0).UTC()
	if d := at.Sub(now); d <= 0 || d > maxWait {
		return time.Time{}, false
	}
	return at, true
}

// windowList finds the windows that a 429 names: "Rate limit exceeded for
// minute window(s)". Only minute is documented; the plural suggests that lists
// occur, so the reading is loose.
var windowList = regexp.MustCompile(`(?i)\bfor ([a-z, ]{1,60}?) windows?\b`)

var windowName = regexp.MustCompile(`(?i)\b(second|minute|hour|day)\b`)

func exceeded(detail string) []string {
	m := windowList.FindStringSubmatch(detail)
	if m == nil {
		return nil
	}
	var names []string
	for _, n := range windowName.FindAllString(m[1], -1) {
		names = append(names, strings.ToLower(n))
	}
	return names
}
