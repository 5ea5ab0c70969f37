package simulator

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// exchange is one request under way.
type exchange struct {
	s        *Server
	w        http.ResponseWriter
	r        *http.Request
	sw       *Switches // as they were when it arrived
	rules    []*armed
	endpoint string
	arrived  time.Time
	rec      *record
	items    []*record // of a batch
	cues     cues

	acct   *account
	key    int // which of its keys
	tier   string
	limits Limits
	purse  purse
	levels []Level
}

// enter is the auth layer and the limiter, in the order of the rate-limit
// headers page: 401, 402 and 403 before 429. It says whether the request goes
// on.
func (x *exchange) enter() bool {
	key := keyOf(x.r.Header)
	acct, which := find(*x.s.accounts.Load(), key)
	switch {
	case key == "" && x.sw.MissingKey == http.StatusUnprocessableEntity:
		x.fail(x.sw.MissingKey, []invalid{{"missing", []any{"header", "x-api-key"}, "Field required"}})
		return false
	case key == "":
		x.fail(http.StatusUnauthorized, textMissingKey)
		return false
	case acct == nil:
		x.fail(x.sw.InvalidKey, textInvalidKey)
		return false
	}
	x.acct, x.key = acct, which
	x.s.books.whose(x.rec, acct)
	x.tier, x.limits, x.purse = acct.state()
	paid := billable(x.endpoint)
	if x.endpoint == pathBatch && x.tier != TierPremium {
		x.premiumOnly()
		return false
	}
	if paid && x.purse.total() <= gateCredits {
		x.fail(http.StatusPaymentRequired, textInsufficient)
		return false
	}
	return x.limit(paid && x.sw.Strict)
}

// limit asks the limiter; count is whether the request counts at once.
func (x *exchange) limit(count bool) bool {
	now, levels, ok := x.acct.limiter.Admit(count)
	x.levels, x.arrived = levels, now
	x.s.books.admitted(x.rec, now)
	x.rateHeaders()
	if ok {
		return true
	}
	if after := x.retryAfter(); after != "" {
		x.w.Header().Set("Retry-After", after)
	}
	var windows []string
	for _, l := range levels {
		if l.Exceeded() {
			windows = append(windows, l.Name)
		}
	}
	x.fail(http.StatusTooManyRequests, tooMany(windows, x.tier))
	return false
}

// rateHeaders sets the documented headers: minute and day; the hour has none.
func (x *exchange) rateHeaders() {
	if x.sw.RateHeaders == "none" {
		return
	}
	h := x.w.Header()
	h.Set("X-RateLimit-Tier", x.tier)
	for _, l := range x.levels {
		var name string
		switch l.Name {
		case "minute":
			name = "Minute"
			h.Set("X-RateLimit-Reset", strconv.FormatInt(ceilUnix(l.Reset), 10))
		case "day":
			name = "Day"
		default:
			continue
		}
		h.Set("X-RateLimit-Limit-"+name, strconv.FormatInt(l.Limit, 10))
		h.Set("X-RateLimit-Remaining-"+name, strconv.FormatInt(l.Remaining(), 10))
	}
}

func ceilUnix(t time.Time) int64 {
	sec := t.Unix()
	if t.Nanosecond() > 0 {
		sec++
	}
	return sec
}

// retryAfter is when there is room again, as the switch has it said.
func (x *exchange) retryAfter() string {
	var wait time.Duration
	for _, l := range x.levels {
		switch {
		case x.sw.RetryAfter == "minute" && l.Name != "minute":
		case x.sw.RetryAfter == "minute" && !l.Exceeded():
			wait = max(wait, l.Reset.Sub(x.arrived)) // of the window that isn't the trouble
		default:
			wait = max(wait, l.Wait)
		}
	}
	whole := max(1, (wait+time.Second-1)/time.Second)
	switch x.sw.RetryAfter {
	case "absent":
		return ""
	case "fraction":
		ms := max(1, (wait+time.Millisecond-1)/time.Millisecond)
		return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
	case "http_date":
		return time.Unix(ceilUnix(x.s.clock.Now().Add(wait)), 0).UTC().Format(http.TimeFormat)
	}
	return strconv.FormatInt(int64(whole), 10)
}

// body reads the request within its bound.
func (x *exchange) body() ([]byte, bool) {
	size := x.r.ContentLength
	if size > x.s.opt.MaxBody {
		x.fail(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return nil, false
	}
	if size >= 0 {
		buf := make([]byte, size)
		_, err := io.ReadFull(x.r.Body, buf)
		if err != nil { // it left while it was talking
			panic(http.ErrAbortHandler)
		}
		return buf, true
	}
	buf, err := io.ReadAll(io.LimitReader(x.r.Body, x.s.opt.MaxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if int64(len(buf)) > x.s.opt.MaxBody {
		x.fail(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return nil, false
	}
	return buf, true
}
