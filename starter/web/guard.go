package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
)

// cookie holds the bearer key of who signed in. It is out of reach of scripts
// and isn't sent along from other sites; the server keeps no session, so any
// server with the same keys takes it, and a key that is withdrawn ends it.
const cookie = keys.Cookie

// guard lets through who may do what a page does. A browser without a key is
// sent to sign in and back; one whose key may only read is told so.
func (s *site) guard(need keys.Scope, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.open() {
			next.ServeHTTP(w, r)
			return
		}
		key, ok := s.bearer(r)
		switch {
		case !ok && r.Method == http.MethodGet && r.Header.Get("HX-Request") == "":
			http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		case !ok:
			s.refuse(w, r, http.StatusUnauthorized, &batch.Fault{Kind: batch.BadInput, Op: "sign in", Detail: "no key, or one that isn't good any more", Hint: "open /login"})
		case !key.Scope.Allows(need):
			s.refuse(w, r, http.StatusForbidden, &batch.Fault{Kind: batch.BadInput, Op: "operate", Thing: key.ID, Detail: "this key may only read", Hint: "sign in with a key of scope operate"})
		default:
			next.ServeHTTP(w, r.WithContext(keys.With(r.Context(), key)))
		}
	})
}

// open says that there are no keys to ask for.
func (s *site) open() bool { return s.Keys == nil || s.Keys.Empty() }

// bearer is the key of a request, by its cookie or its header.
func (s *site) bearer(r *http.Request) (keys.Key, bool) {
	secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := r.Cookie(cookie); secret == "" && err == nil {
		secret = c.Value
	}
	if secret == "" {
		return keys.Key{}, false
	}
	return s.Keys.Check(secret)
}

// may says whether the asker may operate, so that a page leaves out buttons
// that would only be refused.
func (s *site) may(r *http.Request) bool {
	if s.open() {
		return true
	}
	key, ok := keys.From(r.Context())
	return ok && key.Scope.Allows(keys.Operate)
}

// by is who gives an order, as the books will say.
func (s *site) by(r *http.Request) string {
	if key, ok := keys.From(r.Context()); ok {
		return key.ID
	}
	return "page"
}

// login asks for a key.
func (s *site) login(r *http.Request) (view, error) {
	return view{Page: "login", Title: "Sign in", Data: map[string]any{"To": local(r.URL.Query().Get("to")), "Wrong": r.URL.Query().Get("wrong") != ""}}, nil
}

// enter takes a key.
func (s *site) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<14)
	to := local(r.PostFormValue("to"))
	secret := strings.TrimSpace(r.PostFormValue("key"))
	if !s.open() {
		if _, ok := s.Keys.Check(secret); !ok {
			http.Redirect(w, r, "/login?wrong=1&to="+url.QueryEscape(to), http.StatusSeeOther)
			return
		}
		s.set(w, r, secret, 12*60*60)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// leave forgets it.
func (s *site) leave(w http.ResponseWriter, r *http.Request) {
	s.set(w, r, "", -1)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (s *site) set(w http.ResponseWriter, r *http.Request, secret string, seconds int) {
	// A proxy that does TLS says so. Who says it without one only keeps the cookie
	// from being sent.
	secure := s.Secure || r.Header.Get("X-Forwarded-Proto") == "https"
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: secret, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	})
}

// local is where to go after signing in: a path of this site, or the front
// page. Nobody is sent elsewhere by a link.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	return u.RequestURI()
}
