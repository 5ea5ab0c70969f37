package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/starter/httpapi/keys"
)

// codecPath is where what Temporal keeps is decrypted: for whoever has a key of
// the API, of either scope, since it shows what reading shows.
const codecPath = "/codec/"

// ofTemporalUI says that a request comes from a page of the Temporal UI and
// wants nothing but to have payloads decrypted.
func (s *Server) ofTemporalUI(r *http.Request) bool {
	return s.o.Codec != nil && strings.HasPrefix(r.URL.Path, codecPath) && slices.Contains(s.o.CodecOrigins, r.Header.Get("Origin"))
}

// letUI tells a browser that the Temporal UI may ask, and may send the cookie
// of who signed in to the page for people: a UI on another site than this
// server's won't be sent it all the same. It is true when the answer was given.
func (s *Server) letUI(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// signedIn takes the cookie of the page for people as the key, when a request
// brings no other. Pages of other sites were turned away before (guard.go).
func signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(keys.Cookie); err == nil && r.Header.Get("Authorization") == "" {
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+c.Value)
		}
		next.ServeHTTP(w, r)
	})
}
