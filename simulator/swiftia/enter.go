package swiftia

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// planLimits are the limits by plan (pprd.swiftia.io/docs).
var planLimits = map[string]simulator.Quota{
	PlanFree:    {Name: "free", Span: 5 * time.Second, Limit: 1},
	PlanStarter: {Name: "starter", Span: 2 * time.Second, Limit: 1},
	PlanPro:     {Name: "pro", Span: time.Second, Limit: 1},
	PlanSwift:   {Name: "swift", Span: time.Second, Limit: 5},
}

func (s *Server) quotaOf(limits, plan string) simulator.Quota {
	switch limits {
	case "plan":
		return planLimits[plan]
	case "two_per_second":
		return simulator.Quota{Name: "second", Span: time.Second, Limit: 2}
	}
	return s.opt.Limit
}

func (s *Server) reset(o *organisation) {
	for word := range o.limiters {
		o.limiters[word].Become(nil)
		o.limiters[word].Admit(false) // without windows it keeps nothing
		o.limiters[word].Become([]simulator.Quota{s.quotaOf(word, o.Plan)})
	}
}

// enter authenticates by key or session, and limits keys.
func (s *Server) enter(x *stage.Exchange) bool {
	scheme, key, _ := strings.Cut(x.R.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		key = ""
	}
	if cookie, err := x.R.Cookie("session"); key == "" && err == nil {
		if o, n := s.find(cookie.Value, func(o *organisation) []string { return o.Sessions }); o != nil {
			x.Caller(o.Name, n)
			return true
		}
	}
	o, n := s.find(strings.TrimSpace(key), func(o *organisation) []string { return o.Keys })
	if o == nil {
		text := "Invalid API key"
		if key == "" {
			text = "Missing API key: send Authorization: Bearer <key>"
		}
		x.Fail(http.StatusUnauthorized, codeUnauthorized, text)
		return false
	}
	x.Caller(o.Name, n)
	return o.limit(x)
}

func (s *Server) find(secret string, of func(*organisation) []string) (*organisation, int) {
	for _, o := range s.orgs {
		for i, k := range of(o) {
			if subtle.ConstantTimeCompare([]byte(k), []byte(secret)) == 1 {
				return o, i + 1
			}
		}
	}
	return nil, 0
}

// caller is the organisation of an authenticated request.
func (s *Server) caller(x *stage.Exchange) *organisation {
	for _, o := range s.orgs {
		if o.Name == x.Account() {
			return o
		}
	}
	panic("simulator: a request without an organisation")
}

// limit asks the organisation's limiter; a request that is admitted counts
// from its arrival.
func (o *organisation) limit(x *stage.Exchange) bool {
	word := limitsSwitch[0]
	for _, w := range limitsSwitch {
		if x.Is("limits", w) {
			word = w
		}
	}
	now, levels, ok := o.limiters[word].Admit(true)
	x.Admitted(now, !ok)
	level := levels[0]
	reset := level.Reset
	if !ok {
		reset = now.Add(level.Wait)
		if x.Is("refused_count", "on") {
			o.limiters[word].Record()
			reset = now.Add(level.Span)
		}
	}
	if x.Is("rate_headers", "all") || !ok && x.Is("rate_headers", "refused") {
		rateHeaders(x, level.Limit, level.Remaining(), reset)
	}
	if ok {
		return true
	}
	refuse(x, wait(x, reset.Sub(now)))
	return false
}

// rateHeaders: the reset is in milliseconds, never before there is room.
func rateHeaders(x *stage.Exchange, limit, remaining int64, reset time.Time) {
	h := x.W.Header()
	h.Set("X-RateLimit-Limit", strconv.FormatInt(limit, 10))
	h.Set("X-RateLimit-Remaining", strconv.FormatInt(remaining, 10))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Add(time.Millisecond-1).UnixMilli(), 10))
}

// wait is Retry-After as the switch has it said. The documented 1 is shorter
// than the window.
func wait(x *stage.Exchange, left time.Duration) string {
	switch {
	case x.Is("retry_after", "absent"):
		return ""
	case x.Is("retry_after", "truthful"):
		return fmt.Sprint(max(1, int64((left+time.Second-1)/time.Second)))
	}
	return "1"
}
