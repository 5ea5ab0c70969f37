package server

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// healthz says that the program lives. Whoever restarts it on a no must not ask
// more than that.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	recordOf(r.Context()).route = "/healthz"
	answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

// Answer is one check of /readyz.
type Answer struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// readiness keeps the last answer for a moment: whoever asks often costs
// Temporal and the ledger no more.
type readiness struct {
	mu    sync.Mutex
	asked time.Time
	all   []Answer
	saidN map[string]bool // what was logged as not ready, until it is again
}

const (
	readyFor = time.Second
	readyIn  = 3 * time.Second
)

// readyz says whether the server can be of use: 200, else 503, with what is
// wrong by name. The reason, which may hold an address, is in the log.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	recordOf(r.Context()).route = "/readyz"
	all := s.checks(r.Context())
	status := http.StatusOK
	for _, a := range all {
		if !a.OK {
			status = http.StatusServiceUnavailable
		}
	}
	answer(w, status, struct {
		Ready  bool     `json:"ready"`
		Checks []Answer `json:"checks"`
	}{status == http.StatusOK, all})
}

func (s *Server) checks(ctx context.Context) []Answer {
	draining := Answer{Name: "server", OK: !s.draining.Load()}
	if !draining.OK {
		draining.Detail = "draining: ask another server"
	}
	s.ready.mu.Lock()
	defer s.ready.mu.Unlock()
	if s.ready.all == nil || s.o.Now().Sub(s.ready.asked) >= readyFor {
		s.ready.all = s.ask(context.WithoutCancel(ctx)) // others get this answer too
		s.ready.asked = s.o.Now()
	}
	return append([]Answer{draining}, s.ready.all...)
}

// ask asks all at once.
func (s *Server) ask(ctx context.Context) []Answer {
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	checks := append([]Check{{"keys", func(context.Context) error { return s.o.Keys.Trouble() }}}, s.o.Checks...)
	if s.cert != nil {
		checks = append(checks, Check{"certificate", func(context.Context) error { return s.cert.Trouble() }})
	}
	errs := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { errs[i] = c.Ask(ctx) })
	}
	wg.Wait()
	if s.ready.saidN == nil {
		s.ready.saidN = map[string]bool{}
	}
	all := make([]Answer, len(checks))
	for i, c := range checks {
		all[i] = Answer{Name: c.Name, OK: errs[i] == nil}
		if errs[i] != nil {
			all[i].Detail = "not as it should be: the server's log says why"
		}
		if no := errs[i] != nil; no != s.ready.saidN[c.Name] {
			s.ready.saidN[c.Name] = no
			if no {
				s.o.Log.Warn("not ready", zap.String("check", c.Name), zap.Error(errs[i]))
			} else {
				s.o.Log.Info("ready again", zap.String("check", c.Name))
			}
		}
	}
	return all
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone
}
