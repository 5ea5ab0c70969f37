package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// Options are what every simulated API takes.
type Options struct {
	Clock     simulator.Clock // simulator.NewClock() when nil
	Seed      uint64          // another seed, other ids, durations and faults by chance
	Switches  Positions
	Faults    []Rule
	MaxBody   int64 // bytes of a request; 1 MiB when 0
	OpenAdmin bool  // /__admin answers others than loopback
}

// Server is one simulated API. It is an http.Handler and safe for concurrent
// use.
type Server struct {
	play     *Play
	opt      Options
	clock    simulator.Clock
	books    *Books
	switches atomic.Pointer[Positions]
	rules    atomic.Pointer[[]*armed]
	life     context.Context
	stop     context.CancelFunc
	mu       sync.Mutex // nothing begins to run after Close
	running  sync.WaitGroup
}

// Open puts a play on, or says all that is wrong with the options.
func Open(p *Play, o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = simulator.NewClock()
	}
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	positions, err := o.Switches.fill(p.Switches)
	rules, err2 := p.arm(o.Faults)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("set up %s simulator: %w", p.Name, err)
	}
	s := &Server{play: p, opt: o, clock: o.Clock, books: newBooks()}
	s.switches.Store(&positions)
	s.rules.Store(&rules)
	s.life, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Books are what happened so far; they go on being written.
func (s *Server) Books() *Books { return s.books }

// Clock is the simulator's clock.
func (s *Server) Clock() simulator.Clock { return s.clock }

// Play is the API that is on.
func (s *Server) Play() *Play { return s.play }

// Seed is the seed of all that looks random.
func (s *Server) Seed() uint64 { return s.opt.Seed }

// SetFaults replaces the fault rules; their counts begin anew.
func (s *Server) SetFaults(rules ...Rule) error {
	armed, err := s.play.arm(rules)
	if err != nil {
		return fmt.Errorf("set faults: %w", err)
	}
	s.rules.Store(&armed)
	return nil
}

// Rules are the faults under way.
func (s *Server) Rules() []Rule {
	rules := []Rule{}
	for _, a := range *s.rules.Load() {
		rules = append(rules, a.Rule)
	}
	return rules
}

// Go runs what the API does by itself, such as calling back, until it ends or
// the simulator is closed, which ends ctx.
func (s *Server) Go(f func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() == nil {
		s.running.Go(func() { f(s.life) })
	}
}

// Close ends what hangs and what runs: their clients lose the connection. The
// books stay readable.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.running.Wait()
}

// Reset puts books, switches and faults back to how they began, and forgets
// what was bought; the clock stays.
func (s *Server) Reset() error {
	positions, err := s.opt.Switches.fill(s.play.Switches)
	if err != nil {
		return err
	}
	s.switches.Store(&positions)
	if s.play.Reset != nil {
		s.play.Reset()
	}
	s.books.reset()
	return s.SetFaults(s.opt.Faults...)
}

// Serve answers on the listener until ctx ends, then stops: what is under way
// is ended, and connections are closed. It returns nil after such a stop.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return simulator.Serve(ctx, l, s, s.Close)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if what, ok := strings.CutPrefix(r.URL.Path, adminPath); ok {
		s.admin(w, r, what)
		return
	}
	x := &Exchange{Server: s, W: w, R: r, switches: *s.switches.Load(), arrived: s.clock.Now()}
	var allow []string
	path := r.URL.Path
	if s.play.Path != nil {
		path = s.play.Path(path, x.switches)
	}
	x.Route, x.vars, allow = s.play.match(r.Method, path)
	x.rec = s.books.arrive(x.arrived, r.Method+" "+r.URL.Path)
	switch {
	case len(allow) > 0:
		w.Header().Set("Allow", strings.Join(allow, ", "))
		x.Fail(http.StatusMethodNotAllowed, "", "")
	case x.Route == nil:
		x.Fail(http.StatusNotFound, "", "")
	default:
		x.act()
	}
}

// act takes a request with a route through its stations.
func (x *Exchange) act() {
	s := x.Server
	s.books.routed(x.rec, x.Route.name())
	if !x.Route.Open && !s.play.Enter(x) || !x.read() {
		return
	}
	subject := x.R.URL.Path
	if x.Route.Subject != nil {
		subject = x.Route.Subject(x)
	}
	attempt := s.books.try(x.rec, x.Route.name(), subject)
	x.cues = s.play.cue(*s.rules.Load(), x.Route, subject, attempt)
	s.books.cued(x.rec, x.cues.names())
	if s.clock.Wait(s.life, time.Duration(x.Delay(KindSlow))) != nil {
		panic(http.ErrAbortHandler) // the simulator is closing
	}
	if x.mishap(false) {
		return
	}
	x.Route.Do(x)
}
