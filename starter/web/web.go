package web

import (
	"context"
	"embed"
	"io/fs"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/nightly"
)

// Options is what the page is made of.
type Options struct {
	Client  *nightly.Client
	Books   *books.Books
	Keys    *keys.Ring // nil or empty: everybody may do everything, which the server only allows on loopback
	Stream  Stream     // how a night is followed
	Env     config.Env // says where prices and limits are asked for
	UI      string     // of the Temporal UI, "" when it isn't known
	Now     func() time.Time
	Log     *zap.Logger
	Version string
	Secure  bool // it is served by TLS: cookies are for TLS alone
}

// Stream writes a night's events to w until the reader goes away.
type Stream func(ctx context.Context, id batch.ID, lastEventID string, w http.ResponseWriter) error

//go:embed assets
var assets embed.FS

// site is the page.
type site struct {
	Options
	pages  pages
	counts cache[[]books.Bin]
	views  cache[nightly.View]
	lost   atomic.Pointer[silence]
}

// New is the page as a handler for everything that isn't the API's.
func New(o Options) http.Handler {
	s := &site{Options: o, pages: parse()}
	mux := http.NewServeMux()
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", kept(http.FileServerFS(files))))
	mux.HandleFunc("GET /login", s.show(s.login))
	mux.HandleFunc("POST /login", s.enter)
	mux.HandleFunc("POST /logout", s.leave)
	for path, page := range map[string]page{
		"GET /{$}":                              s.nights,
		"GET /spend":                            s.spend,
		"GET /daily":                            s.daily,
		"GET /estimate":                         s.estimate,
		"POST /estimate":                        s.estimated,
		"GET /schedules":                        s.schedules,
		"GET /nights/{name}/{night}":            s.night,
		"GET /nights/{name}/{night}/live":       s.live,
		"GET /nights/{name}/{night}/jobs":       s.jobs,
		"GET /nights/{name}/{night}/job":        s.job,
		"GET /nights/{name}/{night}/report/{f}": s.report,
		"GET /":                                 s.missing,
	} {
		mux.Handle(path, s.guard(keys.Read, s.show(page)))
	}
	mux.Handle("GET /nights/{name}/{night}/events", s.guard(keys.Read, http.HandlerFunc(s.events)))
	mux.Handle("POST /nights/{name}/{night}/{verb}", s.guard(keys.Operate, s.show(s.steer)))
	mux.Handle("POST /schedules/{id}/{verb}", s.guard(keys.Operate, s.show(s.steerSchedule)))
	return headers(http.NewCrossOriginProtection().Handler(mux))
}

// policy lets the browser load nothing that isn't this server's own.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// kept lets a browser keep the assets until another version is served.
func kept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		next.ServeHTTP(w, r)
	})
}
