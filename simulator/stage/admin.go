package stage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

// adminPath holds what the real API doesn't have. It needs no key, and answers
// loopback only unless Options.OpenAdmin is set.
const adminPath = "/__admin/"

// Report is what GET /__admin/books answers.
type Report struct {
	API string    `json:"api"`
	Now time.Time `json:"now"`
	Totals
	Bought []Purchase `json:"bought,omitempty"` // with ?full=1
	All    []Arrival  `json:"all,omitempty"`    // with ?full=1
}

// Summary adds up where everything stands.
func (s *Server) Summary() Report {
	return Report{API: s.play.Name, Now: s.clock.Now(), Totals: s.books.Totals()}
}

// admin answers
//
//	GET  books[?full=1]               totals; with full=1 every purchase and arrival
//	GET  faults, POST faults          the rules; a new script, JSON or YAML, replaces them
//	GET  switches, POST switches      {"name": "position"} moves those that it names
//	GET  clock,  POST clock           {"set": time} or {"offset": "-3h"} or {"advance": "10m"}, and {"scale": 60}
//	POST reset                        books, switches and faults as they were at the start
//
// and what the API adds.
func (s *Server) admin(w http.ResponseWriter, r *http.Request, what string) {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); !s.opt.OpenAdmin && (err != nil || !net.ParseIP(host).IsLoopback()) {
		adminAnswer(w, http.StatusForbidden, nil, errors.New("the admin endpoint answers loopback only"))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		adminAnswer(w, http.StatusMethodNotAllowed, nil, fmt.Errorf("method %s: use GET or POST", r.Method))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err != nil {
		adminAnswer(w, http.StatusRequestEntityTooLarge, nil, err)
		return
	}
	set := r.Method == http.MethodPost
	var answer any
	switch what {
	case "books":
		report := s.Summary()
		if r.URL.Query().Get("full") != "" {
			report.Bought, report.All = s.books.Purchases(), s.books.Arrivals()
		}
		answer = report
	case "faults":
		answer, err = s.adminFaults(set, body)
	case "switches":
		answer, err = s.adminSwitches(set, body)
	case "clock":
		answer, err = simulator.SteerClock(s.clock, set, body)
	case "reset":
		if set {
			err = s.Reset()
		}
		answer = s.Summary()
	default:
		own, ok := s.play.Admin[what]
		if !ok {
			names := append([]string{"books", "faults", "switches", "clock", "reset"}, slices.Sorted(maps.Keys(s.play.Admin))...)
			adminAnswer(w, http.StatusNotFound, nil, fmt.Errorf("no %q here: %s", what, strings.Join(names, ", ")))
			return
		}
		answer, err = own(set, body)
	}
	adminAnswer(w, http.StatusOK, answer, err)
}

func adminAnswer(w http.ResponseWriter, status int, v any, err error) {
	if err != nil {
		v = map[string]string{"error": err.Error()}
		if status == http.StatusOK {
			status = http.StatusBadRequest
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (s *Server) adminFaults(set bool, body []byte) (any, error) {
	if set {
		rules, err := s.play.ParseFaults(body)
		if err == nil {
			err = s.SetFaults(rules...)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.Rules(), nil
}
