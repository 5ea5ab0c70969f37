package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/money"
)

// adminPath holds what the real API doesn't have. It needs no key, and
// answers loopback only unless Options.OpenAdmin is set.
const adminPath = "/__admin/"

// admin answers
//
//	GET  books[?full=1][&window=2s]   totals; with full=1 every arrival under "all"
//	GET  faults, POST faults          the rules; a new script, JSON or YAML, replaces them
//	GET  clock,  POST clock           {"set": time} or {"offset": "-3h"} or {"advance": "10m"}, and {"scale": 60}
//	GET  switches, POST switches      a JSON object with those to change
//	POST accounts                     {"account": name, "credit": "5.00", "tier": "free"}
//	POST reset                        books, accounts, switches and faults as they were at the start
func (s *Server) admin(w http.ResponseWriter, r *http.Request, what string) {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); !s.opt.OpenAdmin && (err != nil || !net.ParseIP(host).IsLoopback()) {
		adminError(w, http.StatusForbidden, errors.New("the admin endpoint answers loopback only"))
		return
	}
	if r.Method == http.MethodGet && what == "books" {
		s.adminBooks(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		adminError(w, http.StatusMethodNotAllowed, fmt.Errorf("method %s: use GET or POST", r.Method))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	if err != nil {
		adminError(w, http.StatusRequestEntityTooLarge, err)
		return
	}
	set := r.Method == http.MethodPost
	var answer any
	switch what {
	case "faults":
		answer, err = s.adminFaults(set, body)
	case "clock":
		answer, err = SteerClock(s.clock, set, body)
	case "switches":
		answer, err = s.adminSwitches(set, body)
	case "accounts":
		answer, err = s.adminAccounts(set, body)
	case "reset":
		if set {
			err = s.Reset()
		}
		answer = s.summary("")
	default:
		adminError(w, http.StatusNotFound, fmt.Errorf("no %q here: books, faults, clock, switches, accounts, reset", what))
		return
	}
	if err != nil {
		adminError(w, http.StatusBadRequest, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

func adminError(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

func (s *Server) adminBooks(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	head, err := json.Marshal(s.summary(r.URL.Query().Get("window")))
	if err != nil {
		adminError(w, http.StatusInternalServerError, err)
		return
	}
	if r.URL.Query().Get("full") == "" {
		w.Write(head)
		return
	}
	out := bufio.NewWriterSize(w, 1<<16)
	out.Write(head[:len(head)-1])
	out.WriteString(`,"all":[`)
	enc := json.NewEncoder(out)
	comma := ""
	for a := range s.books.Arrivals() {
		out.WriteString(comma)
		comma = ","
		if enc.Encode(a) != nil {
			return // it left
		}
	}
	out.WriteString("]}")
	out.Flush()
}

// Summary is the books in short, as the admin endpoint tells them.
type Summary struct {
	Now time.Time `json:"now"`
	Totals
	MaxInWindow map[string]int   `json:"max_in_window"`
	Accounts    []AccountSummary `json:"accounts"`
}

// AccountSummary is where an account stands.
type AccountSummary struct {
	Name    string    `json:"name"`
	Tier    string    `json:"tier"`
	Credits money.USD `json:"credits"` // what is left in all
	Used    money.USD `json:"used"`    // what was ever charged
}

// Summary adds up where everything stands.
func (s *Server) Summary() Summary { return s.summary("") }

func (s *Server) summary(window string) Summary {
	sum := Summary{Now: s.clock.Now(), Totals: s.books.Totals(), MaxInWindow: map[string]int{}}
	for _, d := range []time.Duration{2 * time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		sum.MaxInWindow[d.String()] = s.books.MaxInWindow(d)
	}
	if d, err := time.ParseDuration(window); err == nil && d > 0 {
		sum.MaxInWindow[d.String()] = s.books.MaxInWindow(d)
	}
	for _, a := range *s.accounts.Load() {
		a.mu.Lock()
		sum.Accounts = append(sum.Accounts, AccountSummary{a.name, a.tier, a.purse.total(), a.used})
		a.mu.Unlock()
	}
	return sum
}
