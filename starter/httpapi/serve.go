package httpapi

import (
	"net/http"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// ServeHTTP answers a request. A path that isn't known, and a method that a
// path doesn't have, are problems like everything else.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	aside := &refusal{header: http.Header{}}
	h.ServeHTTP(aside, r) // the mux says what is wrong, and which methods there are
	f := &batch.Fault{Kind: batch.NotFound, Op: "find", Thing: r.Method + " " + clip(r.URL.Path), Detail: "there is no such path", Hint: "/docs lists all of them"}
	if aside.status == http.StatusMethodNotAllowed {
		allow := aside.header.Get("Allow")
		w.Header().Set("Allow", allow)
		f.Kind, f.Detail, f.Hint = problem.MethodNotAllowed, "the path doesn't know this method", "use "+allow
	}
	problem.Write(w, r, f)
}

// refusal is where the mux writes its own answer.
type refusal struct {
	header http.Header
	status int
}

// Header is set, and read above.
func (r *refusal) Header() http.Header { return r.header }

// WriteHeader notes the status.
func (r *refusal) WriteHeader(status int) { r.status = status }

// Write drops the text.
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }

func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
