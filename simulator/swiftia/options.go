package swiftia

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// DefaultKey opens the organisation of a simulator that was given none.
const DefaultKey = "swiftia-simulator"

// The plans (pprd.swiftia.io/docs).
const (
	PlanFree    = "free"
	PlanStarter = "starter"
	PlanPro     = "pro"
	PlanSwift   = "swift"
)

// Organisation is what keys belong to, and whose requests are limited together.
type Organisation struct {
	Name     string
	Keys     []string
	Sessions []string // values of the session cookie: exempt from the limit
	Plan     string   // PlanStarter when empty
}

// Source is the video of a job: its length and size decide the price.
type Source struct {
	Length time.Duration
	Bytes  int64
}

// Options say what is simulated. The zero value is an honest API with one
// organisation and DefaultKey, whose jobs take 20 ms.
type Options struct {
	stage.Options
	Organisations []Organisation
	Latency       simulator.Latency // how long a job takes
	Source        Source            // of every video; what is 0, by a hash of its id
	Limit         simulator.Quota   // of an organisation, while the switch "limits" stands at organisation; 1 in 2 s when 0
}

// Server is one simulated Swiftia. It is an http.Handler and safe for
// concurrent use.
type Server struct {
	*stage.Server
	opt  Options
	orgs []*organisation

	mu      sync.Mutex
	jobs    map[string]*job
	renders map[string]*render
	calls   []Call
}

// organisation is an Organisation at work.
type organisation struct {
	Organisation
	limiters map[string]*simulator.Limiter // by position of the switch "limits"
}

// Open makes a simulator, or says all that is wrong with the options.
func Open(o Options) (*Server, error) {
	if len(o.Organisations) == 0 {
		o.Organisations = []Organisation{{Name: "default", Keys: []string{DefaultKey}}}
	}
	if o.Clock == nil {
		o.Clock = simulator.NewClock()
	}
	if o.Limit.Limit == 0 && o.Limit.Span == 0 {
		o.Limit = simulator.Quota{Name: "organisation", Span: 2 * time.Second, Limit: 1}
	}
	s := &Server{opt: o}
	s.forget()
	err := errors.Join(o.Latency.Check(), s.organise())
	if o.Source.Length < 0 || o.Source.Bytes < 0 {
		err = errors.Join(err, fmt.Errorf("source of %s and %d bytes: neither may be negative", o.Source.Length, o.Source.Bytes))
	}
	if o.Limit.Limit < 1 || o.Limit.Span <= 0 {
		err = errors.Join(err, fmt.Errorf("limit of %d in %s: both must be above zero", o.Limit.Limit, o.Limit.Span))
	}
	opened, err2 := stage.Open(s.play(), o.Options)
	if err = errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("set up swiftia: %w", err)
	}
	s.Server = opened
	return s, nil
}

// New is Open for options that are known to be right, as in tests; it panics
// when they aren't.
func New(o Options) *Server { return simulator.Must(Open(o)) }

func (s *Server) organise() error {
	var errs []error
	seen := map[string]bool{}
	s.orgs = nil
	for i, o := range s.opt.Organisations {
		if o.Name == "" {
			o.Name = fmt.Sprintf("organisation-%d", i+1)
		}
		if o.Plan == "" {
			o.Plan = PlanStarter
		}
		if _, ok := planLimits[o.Plan]; !ok {
			errs = append(errs, fmt.Errorf("organisation %q: plan %q is none of %s, %s, %s, %s", o.Name, o.Plan, PlanFree, PlanStarter, PlanPro, PlanSwift))
		}
		if len(o.Keys) == 0 {
			errs = append(errs, fmt.Errorf("organisation %q: it has no key, and nobody could call as it", o.Name))
		}
		for _, k := range append(append([]string{}, o.Keys...), o.Sessions...) {
			if k == "" || seen[k] {
				errs = append(errs, fmt.Errorf("organisation %q: a key or session is empty or used twice", o.Name))
			}
			seen[k] = true
		}
		org := &organisation{Organisation: o, limiters: map[string]*simulator.Limiter{}}
		for _, word := range limitsSwitch {
			org.limiters[word] = simulator.NewLimiter([]simulator.Quota{s.quotaOf(word, o.Plan)}, s.opt.Clock.Now)
		}
		s.orgs = append(s.orgs, org)
	}
	return errors.Join(errs...)
}

// forget forgets all that was bought and counted.
func (s *Server) forget() {
	s.mu.Lock()
	s.jobs, s.renders, s.calls = map[string]*job{}, map[string]*render{}, nil
	s.mu.Unlock()
}
