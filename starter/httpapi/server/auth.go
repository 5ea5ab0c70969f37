package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// public is what everybody may read: what the API is, not what is in it. What
// isn't listed needs a key.
func public(path string) bool {
	switch path {
	case "/", "/docs", "/openapi.json", "/openapi.yaml", "/favicon.ico":
		return true
	}
	return strings.HasPrefix(path, "/docs/") || strings.HasPrefix(path, "/schemas/")
}

// authenticated finds out whose key a request has. What the key is good for is
// the operation's to say. A good key always comes in, whatever others behind the
// same address do; refusals are limited for each address, so that guessing costs
// neither time nor log.
func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if public(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		k := keys.Key{Scope: keys.Operate}
		if !s.open {
			secret, given := bearer(r)
			var ok bool
			if k, ok = s.o.Keys.Check(secret); !ok {
				s.unknown(w, r, given)
				return
			}
		}
		if wait := s.take(s.perKey, k.ID, s.o.Limits.PerKey, s.o.Limits.PerKeyBurst); wait > 0 {
			refuse(w, r, &batch.Fault{
				Kind: problem.TooManyRequests, Op: "answer", Detail: "this key asks more often than the server answers", After: wait,
				Hint: "events tell of changes without asking; Retry-After says when to go on",
			})
			return
		}
		rec := recordOf(r.Context())
		ctx, done := s.hold(keys.With(r.Context(), k), rec, k)
		defer done()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bearer is the secret of a request; given says that there was one.
func bearer(r *http.Request) (secret string, given bool) {
	all := r.Header.Values("Authorization")
	if len(all) != 1 {
		return "", len(all) > 0
	}
	scheme, secret, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", true
	}
	return strings.TrimSpace(secret), true
}

// unknown refuses a request without a good key.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request, given bool) {
	// A page of the Temporal UI asks for each payload, before anybody has signed
	// in; that is no guess, and must not use up what signing in needs.
	guess := given || !strings.HasPrefix(r.URL.Path, codecPath)
	wait := time.Duration(0)
	if guess {
		wait = s.take(s.failures, address(r), s.o.Limits.Failures, s.o.Limits.FailBurst)
	}
	if wait > 0 {
		refuse(w, r, &batch.Fault{Kind: problem.TooManyRequests, Op: "check key", Detail: "too many requests without a good key came from this address", After: wait})
		return
	}
	f := &batch.Fault{
		Kind: problem.Unauthenticated, Op: "check key", Detail: "there is no key", Hint: "send Authorization: Bearer KEY; starter keys new makes one",
	}
	challenge := `Bearer realm="offpeak"`
	if given {
		f.Detail = "this key isn't known here"
		challenge += `, error="invalid_token"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	refuse(w, r, f)
}

// signIn lets nobody guess keys by the page for people, which sees to keys
// itself.
func (s *Server) signIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/login" && !s.open {
			if wait := s.take(s.failures, address(r), s.o.Limits.Failures, s.o.Limits.FailBurst); wait > 0 {
				refuse(w, r, &batch.Fault{Kind: problem.TooManyRequests, Op: "sign in", Detail: "too many tries came from this address", After: wait})
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// address is who is at the other end of the connection: of IPv6 the network,
// since one client has all of its addresses.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	if ip = ip.Unmap(); ip.Is6() {
		if net, err := ip.WithZone("").Prefix(64); err == nil {
			return net.String()
		}
	}
	return ip.String()
}

// limiter is one bucket.
type limiter = rate.Limiter

// mostBuckets bounds the memory of limits.
const mostBuckets = 4096

// take takes one from a bucket, or says how long until there is one.
func (s *Server) take(buckets map[string]*limiter, name string, every rate.Limit, burst int) time.Duration {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := buckets[name]
	if b == nil {
		if len(buckets) >= mostBuckets {
			for n, old := range buckets { // a full one is as good as none
				if old.TokensAt(now) >= float64(old.Burst()) {
					delete(buckets, n)
				}
			}
		}
		if len(buckets) >= mostBuckets {
			clear(buckets)
		}
		b = rate.NewLimiter(every, burst)
		buckets[name] = b
	}
	r := b.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait
	}
	return 0
}
