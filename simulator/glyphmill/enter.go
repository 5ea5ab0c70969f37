package glyphmill

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/simulator/stage"
)

// enter authenticates by Glyphmill-Key, and limits the account: all requests
// by the minute, POSTs by the day.
func (s *Server) enter(x *stage.Exchange) bool {
	key := x.R.Header.Get("Glyphmill-Key")
	if key == "" {
		x.Fail(http.StatusUnauthorized, codeNoKey, "Send your key in the header Glyphmill-Key.")
		return false
	}
	a, n := s.find(key)
	if a == nil {
		x.Fail(http.StatusUnauthorized, codeWrongKey, "")
		return false
	}
	x.Caller(a.Name, n)
	now, levels, ok := a.limiter.Admit(true)
	x.Admitted(now, !ok)
	if !ok {
		until := now.Add(levels[0].Wait)
		if x.Is("refused_count", "on") {
			a.limiter.Record()
			until = now.Add(levels[0].Span)
		}
		s.dayHeaders(x, a, false)
		refuse(x, codeTooMany, fmt.Sprintf("%d requests a minute are allowed.", s.opt.PerMinute), until)
		return false
	}
	if s.dayHeaders(x, a, x.R.Method == http.MethodPost) {
		return true
	}
	refuse(x, codeDaySpent, fmt.Sprintf("%d readings a day are allowed.", s.opt.PerDay), nextDay(now))
	return false
}

func (s *Server) find(key string) (*account, int) {
	for _, a := range s.accounts {
		for i, k := range a.Keys {
			if subtle.ConstantTimeCompare([]byte(k), []byte(key)) == 1 {
				return a, i + 1
			}
		}
	}
	return nil, 0
}

// caller is the account of an authenticated request.
func (s *Server) caller(x *stage.Exchange) *account {
	for _, a := range s.accounts {
		if a.Name == x.Account() {
			return a
		}
	}
	panic("simulator: a request without an account")
}

// dayHeaders counts a POST of the day if there is room, sets the headers, and
// says whether there was.
func (s *Server) dayHeaders(x *stage.Exchange, a *account, count bool) bool {
	now := x.Now().UTC()
	s.mu.Lock()
	if today := now.Format(time.DateOnly); a.today != today {
		a.today, a.posts = today, 0
	}
	ok := !count || a.posts < s.opt.PerDay
	if ok && count {
		a.posts++
	}
	left := s.opt.PerDay - a.posts
	s.mu.Unlock()
	if x.Is("day_headers", "all") {
		h := x.W.Header()
		h.Set("Glyphmill-Day-Limit", strconv.FormatInt(s.opt.PerDay, 10))
		h.Set("Glyphmill-Day-Left", strconv.FormatInt(left, 10))
		h.Set("Glyphmill-Day-Resets", nextDay(now).Format(time.RFC3339))
	}
	return ok
}

func nextDay(now time.Time) time.Time {
	y, m, d := now.UTC().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
}
