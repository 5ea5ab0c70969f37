package server

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// handler is the way in; see the package's comment.
func (s *Server) handler() http.Handler {
	inside := s.authenticated(s.boundedRequests(s.boundedBody(routed(s.o.Handler))))
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", http.HandlerFunc(s.healthz))
	mux.Handle("GET /readyz", http.HandlerFunc(s.readyz))
	if s.o.Codec != nil {
		mux.Handle(codecPath, signedIn(s.authenticated(s.boundedRequests(s.boundedBody(routed(s.o.Codec))))))
	}
	if s.o.Pages == nil {
		mux.Handle("/", inside)
	} else {
		for _, path := range []string{"/v1", "/v1/", "/docs", "/docs/", "/openapi.json", "/openapi.yaml", "/schemas/"} {
			mux.Handle(path, inside)
		}
		mux.Handle("/", s.signIn(s.boundedRequests(s.boundedBody(routed(s.o.Pages)))))
	}
	return s.logged(headers(s.guarded(mux)))
}

// headers are for browsers, which shall do nothing with an answer but show it.
// A page that needs more sets its own.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// guarded keeps pages of other sites out, which a browser on this machine may
// show: a server without keys can't tell its user from them.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.open && !s.ours(r.Host) {
			refuse(w, r, &batch.Fault{
				Kind: problem.Forbidden, Op: "check Host", Detail: "this server has no keys and answers only to names of this machine: a page elsewhere could have its name point here",
				Hint: "ask for http://localhost or http://127.0.0.1 with the port, or start the server with keys",
			})
			return
		}
		if s.ofTemporalUI(r) {
			if !s.letUI(w, r) {
				next.ServeHTTP(w, r)
			}
			return
		}
		if s.cors(w, r) {
			return
		}
		if err := s.crossing.Check(r); err != nil {
			refuse(w, r, &batch.Fault{
				Kind: problem.Forbidden, Op: "check Origin", Detail: "a page of another origin asks for a change",
				Hint: "starter serve --cors-origin ORIGIN allows a page that you trust",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours says that a request names this machine. DNS rebinding
// (https://owasp.org/www-community/attacks/DNS_Rebinding) has a browser send
// requests of a hostile page here, under that page's name.
func (s *Server) ours(host string) bool {
	addr, _ := s.ln.Addr().(*net.TCPAddr)
	if addr == nil {
		return false
	}
	port := fmt.Sprint(addr.Port)
	name, got, err := net.SplitHostPort(host)
	if err != nil { // without a port: the scheme's own
		name, got = strings.Trim(host, "[]"), "80"
		if s.cert != nil {
			got = "443"
		}
	}
	return got == port && loopback(name)
}

// cors answers what browsers ask on behalf of pages elsewhere, and says that
// they may read the answer. It is true when the answer was given.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if len(s.o.Origins) > 0 {
		w.Header().Add("Vary", "Origin")
	}
	if origin == "" || !slices.Contains(s.o.Origins, origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Location, Retry-After, X-Request-Id")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
