package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Server is one simulated API. It is an http.Handler and safe for concurrent
// use.
type Server struct {
	opt      Options
	zone     *time.Location
	clock    Clock
	books    *Books
	switches atomic.Pointer[Switches]
	rules    atomic.Pointer[[]*armed]
	accounts atomic.Pointer[[]*account]
	life     context.Context
	stop     context.CancelFunc
}

// Open makes a simulator, or says all that is wrong with the options.
func Open(o Options) (*Server, error) {
	o, zone, err := o.fill()
	rules, err2 := arm(o.Faults)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("set up simulator: %w", err)
	}
	s := &Server{opt: o, zone: zone, clock: o.Clock, books: newBooks()}
	accounts, err := s.openAccounts()
	if err != nil {
		return nil, err
	}
	s.accounts.Store(&accounts)
	s.switches.Store(&o.Switches)
	s.rules.Store(&rules)
	s.life, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// New is Open for options that are known to be right, as in tests; it panics
// when they aren't.
func New(o Options) *Server { return Must(Open(o)) }

func (s *Server) openAccounts() ([]*account, error) {
	var accounts []*account
	for i, a := range s.opt.Accounts {
		if a.Name == "" {
			a.Name = fmt.Sprintf("account-%d", i+1)
		}
		opened, err := newAccount(a, i, s.clock.Now)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, opened)
	}
	return accounts, nil
}

// Books are what happened so far; they go on being written.
func (s *Server) Books() *Books { return s.books }

// Clock is the simulator's clock.
func (s *Server) Clock() Clock { return s.clock }

// SetFaults replaces the fault rules; their counts begin anew.
func (s *Server) SetFaults(rules ...Rule) error {
	armed, err := arm(rules)
	if err != nil {
		return fmt.Errorf("set faults: %w", err)
	}
	s.rules.Store(&armed)
	return nil
}

// SetSwitches changes how the API behaves from the next request on.
func (s *Server) SetSwitches(sw Switches) error {
	if err := sw.fill(); err != nil {
		return err
	}
	s.switches.Store(&sw)
	return nil
}

// Close ends what hangs and what works, unbilled: their clients lose the
// connection. The books stay readable.
func (s *Server) Close() { s.stop() }

// Serve answers on the listener until ctx ends, then stops: what is under way
// is ended, and connections are closed. It returns nil after such a stop.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return Serve(ctx, l, s, s.Close)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, adminPath); ok {
		s.admin(w, r, rest)
		return
	}
	x := &exchange{s: s, w: w, r: r, sw: s.switches.Load(), rules: *s.rules.Load(), endpoint: r.URL.Path, arrived: s.clock.Now()}
	method, known := methods[x.endpoint]
	if !known {
		x.endpoint = pathUnknown
	}
	x.rec = s.books.arrive(x.arrived, x.endpoint)
	switch {
	case !known, x.endpoint == pathReport && !x.sw.UsageReport:
		x.fail(http.StatusNotFound, "Not Found")
	case r.Method != method:
		w.Header().Set("Allow", method)
		x.fail(http.StatusMethodNotAllowed, "Method Not Allowed")
	case x.endpoint == pathRoot:
		x.json(http.StatusOK, map[string]string{"status": "Welcome to the Swarm API. Check out the docs at https://docs.swarms.world"})
	case x.endpoint == pathHealth:
		x.json(http.StatusOK, map[string]string{"status": "ok"})
	case method == http.MethodPost:
		x.buy()
	default:
		x.read()
	}
}
