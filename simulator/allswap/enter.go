package allswap

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/simulator/stage"
)

// scopes are what the routes ask of a key.
var scopes = map[string]string{"/v1/tokens": ScopeRead, "/v1/quote": ScopeQuote, "/v1/swap": ScopeSwap, "/v1/swap/{id}": ScopeRead}

// enter authenticates by two headers, and limits the key.
func (s *Server) enter(x *stage.Exchange) bool {
	id := x.R.Header.Get("X-Key-Id")
	scheme, secret, _ := strings.Cut(x.R.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	switch {
	case id == "":
		x.Fail(http.StatusUnauthorized, codeUnauthorized, "Missing X-Key-Id header.")
		return false
	case !strings.EqualFold(scheme, "bearer") || secret == "":
		x.Fail(http.StatusUnauthorized, codeUnauthorized, "Missing Authorization: Bearer header.")
		return false
	case environment(id) != "" && environment(secret) != "" && environment(id) != environment(secret):
		x.Fail(http.StatusUnauthorized, codeKeyMismatch, "X-Key-Id and Bearer belong to different environments.")
		return false
	}
	i := slices.IndexFunc(s.keys, func(k *key) bool { return k.ID == id })
	if i < 0 || subtle.ConstantTimeCompare([]byte(s.keys[i].Secret), []byte(secret)) != 1 {
		x.Fail(http.StatusUnauthorized, codeUnauthorized, "Invalid X-Key-Id or Bearer.")
		return false
	}
	k := s.keys[i]
	x.Caller(k.client, k.number)
	if !k.limit(x) {
		return false
	}
	if scope := scopes[x.Route.Path]; len(k.Scopes) > 0 && !slices.Contains(k.Scopes, scope) {
		x.Fail(http.StatusForbidden, codeForbidden, fmt.Sprintf("Key lacks the scope %q.", scope))
		return false
	}
	return true
}

// keyOf is the key of an authenticated request.
func (s *Server) keyOf(x *stage.Exchange) *key {
	for _, k := range s.keys {
		if k.client == x.Account() && k.number == x.Key() {
			return k
		}
	}
	panic("simulator: a request without a key")
}

// limit counts the request in the key's minute and sets the headers, which
// stand on every answer; the reset is in unix seconds.
func (k *key) limit(x *stage.Exchange) bool {
	now, levels, ok := k.limiter.Admit(true)
	x.Admitted(now, !ok)
	l := levels[0]
	if !ok && x.Is("refused_count", "on") {
		k.limiter.Record()
		if l.Limit > 0 {
			l.Wait = l.Span // at most: all that is counted has left by then
		}
	}
	h := x.W.Header()
	h.Set("X-RateLimit-Limit", strconv.FormatInt(l.Limit, 10))
	h.Set("X-RateLimit-Remaining", strconv.FormatInt(l.Remaining(), 10))
	reset := l.Reset
	if !ok {
		reset = now.Add(l.Wait)
	}
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Add(time.Second-1).Unix(), 10))
	if ok {
		return true
	}
	after := ""
	if x.Is("retry_after", "truthful") {
		after = fmt.Sprint(max(1, int64((l.Wait+time.Second-1)/time.Second)))
	}
	refuse(x, after)
	return false
}

// spend counts one quote of the month; false means that none is left, and
// that the request is answered.
func (s *Server) spend(x *stage.Exchange) bool {
	k := s.keyOf(x)
	now := x.Now().UTC()
	s.mu.Lock()
	month := now.Format("2006-01")
	if k.month != month {
		k.month, k.quotes = month, 0
	}
	left := k.quotes < s.opt.QuotesPerMonth
	if left {
		k.quotes++
	}
	s.mu.Unlock()
	if left {
		return true
	}
	text := fmt.Sprintf("Monthly quota of %d quotes is spent.", s.opt.QuotesPerMonth)
	if x.Is("quota_code", codeForbidden) {
		x.Fail(http.StatusForbidden, codeForbidden, text)
		return false
	}
	if x.Is("retry_after", "truthful") {
		next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		x.W.Header().Set("Retry-After", fmt.Sprint(int64((next.Sub(now)+time.Second-1)/time.Second)))
	}
	x.Fail(http.StatusTooManyRequests, codeLimited, text)
	return false
}

// unspend gives a quote of the month back.
func (s *Server) unspend(x *stage.Exchange) {
	k := s.keyOf(x)
	s.mu.Lock()
	k.quotes--
	s.mu.Unlock()
}
