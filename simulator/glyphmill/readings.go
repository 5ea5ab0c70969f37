package glyphmill

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// The states of a reading.
const (
	StateAccepted = "accepted" // for a tenth of its time
	StateReading  = "reading"
	StateFinished = "finished"
	StateBroken   = "broken"
)

// mostPages is the most of one document.
const mostPages = 5000

// order is the body of POST /2/readings. Fields that aren't known are wrong.
type order struct {
	Reference string `json:"reference"`
	Language  string `json:"language"`
	Document  struct {
		URL   string      `json:"url"`
		Pages json.Number `json:"pages"`
	} `json:"document"`
}

var (
	referenceRE = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,80}$`)
	languageRE  = regexp.MustCompile(`^[a-z]{3}$`)
	urlRE       = regexp.MustCompile(`^https?://[^\s/]+`)
)

// reading is one that was accepted. What it is at an instant follows from the
// clock.
type reading struct {
	id, account, reference, language string
	pages, cents                     int64
	cheap, breaks                    bool
	begun, ends, listed              time.Time
}

func referenceOf(x *stage.Exchange) string {
	var o order
	if json.Unmarshal(x.Body, &o) != nil {
		return ""
	}
	return o.Reference
}

// check finds all that isn't as documented.
func (o *order) check() (pages int64, errs []wrong) {
	add := func(bad bool, pointer, detail string) {
		if bad {
			errs = append(errs, wrong{pointer, detail})
		}
	}
	pages, err := strconv.ParseInt(o.Document.Pages.String(), 10, 64)
	add(!referenceRE.MatchString(o.Reference), "/reference", "1 to 80 of A-Z a-z 0-9 . _ ~ -")
	add(!languageRE.MatchString(o.Language), "/language", "three small letters, such as eng")
	add(!urlRE.MatchString(o.Document.URL), "/document/url", "an http or https URL")
	add(err != nil || pages < 1 || pages > mostPages, "/document/pages", fmt.Sprintf("a whole number from 1 to %d", mostPages))
	return pages, errs
}

// accept is POST /2/readings.
func (s *Server) accept(x *stage.Exchange) {
	var o order
	if err := json.Unmarshal(x.Body, &o); err != nil {
		x.Fail(http.StatusBadRequest, codeMalformed, err.Error())
		return
	}
	pages, errs := o.check()
	if len(errs) > 0 {
		tell(x, problem{Detail: errs[0].Pointer + ": " + errs[0].Detail, Errors: errs}, codeInvalid)
		return
	}
	a := s.caller(x)
	s.mu.Lock()
	if r := s.byReference(a.Name, o.Reference); r != nil && !x.Is("duplicates", "another") {
		s.mu.Unlock()
		if x.Is("duplicates", "same") {
			s.give(x, http.StatusOK, r)
			return
		}
		tell(x, problem{Detail: "Reference " + o.Reference + " has a reading.", Reading: r.path()}, codeTaken)
		return
	}
	r := &reading{
		id: fmt.Sprintf("r-%d-%06x", len(s.order)+1, simulator.Digest(s.Seed(), "reading", fmt.Sprint(len(s.order)))%(1<<24)), account: a.Name,
		reference: o.Reference, language: o.Language, pages: pages, breaks: x.Has(KindBroken), begun: x.Now(),
		listed: x.Now().Add(time.Duration(x.Delay(KindLateLookup))),
	}
	r.ends = r.begun.Add(s.opt.Latency.Of(simulator.Digest(s.Seed(), r.reference)) + time.Duration(x.Delay(KindLate)))
	r.cents, r.cheap = s.price(pages, r.begun)
	if balance := a.balance; balance < r.cents {
		s.mu.Unlock()
		tell(x, problem{Detail: fmt.Sprintf("It costs %d cents, and the balance is %d.", r.cents, balance)}, codeNoFunds)
		return
	}
	if !r.breaks { // what breaks is paid back; nobody sees the moment between
		a.balance -= r.cents
	}
	s.readings[r.id] = r
	s.order = append(s.order, r)
	s.mu.Unlock()
	cost := money.USD(r.charged()) * money.Dollar / 100
	x.Bought(stage.Purchase{ID: r.id, Kind: "reading", Account: a.Name, Subject: r.reference, At: r.begun, Cost: cost})
	x.W.Header().Set("Location", r.path())
	if x.Is("body_202", "empty") {
		x.Answer(http.StatusAccepted, "", nil)
		return
	}
	s.give(x, http.StatusAccepted, r)
}

func (r *reading) path() string { return "/2/readings/" + r.id }

// charged is what it costs in the end.
func (r *reading) charged() int64 {
	if r.breaks {
		return 0
	}
	return r.cents
}

// byReference finds an account's reading; the lock is held.
func (s *Server) byReference(account, reference string) *reading {
	for _, r := range s.order {
		if r.account == account && r.reference == reference {
			return r
		}
	}
	return nil
}

func (s *Server) give(x *stage.Exchange, status int, r *reading) {
	x.JSON(status, r.view(s.Clock().Now()))
}

// view is a reading at an instant: an estimate until it has ended, a charge
// from then on.
func (r *reading) view(now time.Time) map[string]any {
	cents := map[string]any{"cents": r.cents, "currency": "USD", "cheap_hours": r.cheap}
	read := int64(0)
	v := map[string]any{
		"id": r.id, "reference": r.reference, "language": r.language, "accepted_at": r.begun.UTC().Format(time.RFC3339Nano),
		"links": map[string]string{"self": r.path(), "text": r.path() + "/text"},
	}
	switch whole, done := r.ends.Sub(r.begun), now.Sub(r.begun); {
	case done < whole:
		v["state"], v["estimate"] = StateAccepted, cents
		if done >= whole/10 {
			v["state"], read = StateReading, int64(done/(whole/time.Duration(r.pages)+1))
		}
	case r.breaks:
		cents["cents"] = r.charged()
		v["state"], v["charge"] = StateBroken, cents
		v["problem"] = problem{Type: problemTypes + "unreadable", Title: "The document can't be read", Status: http.StatusUnprocessableEntity, Instance: r.path()}
	default:
		v["state"], v["charge"], read = StateFinished, cents, r.pages
	}
	v["pages"] = map[string]int64{"read": read, "total": r.pages}
	return v
}

// ofCaller is a reading of the caller's account, or nil.
func (s *Server) ofCaller(x *stage.Exchange) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.readings[x.Var("id")]; r != nil && r.account == x.Account() {
		return r
	}
	return nil
}

func (s *Server) subjectOf(x *stage.Exchange) string {
	if r := s.ofCaller(x); r != nil {
		return r.reference
	}
	return x.Var("id")
}

func (s *Server) show(x *stage.Exchange) {
	if r := s.ofCaller(x); r != nil {
		s.give(x, http.StatusOK, r)
		return
	}
	x.Fail(http.StatusNotFound, codeUnknown, "")
}

func (s *Server) text(x *stage.Exchange) {
	r := s.ofCaller(x)
	switch {
	case r == nil:
		x.Fail(http.StatusNotFound, codeUnknown, "")
	case s.Clock().Now().Before(r.ends) || r.breaks:
		x.Fail(http.StatusConflict, codeNotFinished, "")
	default:
		pages := make([]string, r.pages)
		for i := range pages {
			pages[i] = fmt.Sprintf("Page %d of %s.", i+1, r.reference)
		}
		x.JSON(http.StatusOK, map[string]any{"id": r.id, "pages": pages})
	}
}

// list is GET /2/readings, newest first: all of the account, or those of a
// reference.
func (s *Server) list(x *stage.Exchange) {
	reference, now := x.R.URL.Query().Get("reference"), s.Clock().Now()
	s.mu.Lock()
	found := []map[string]any{}
	for _, r := range slices.Backward(s.order) {
		if r.account == x.Account() && (reference == "" || r.reference == reference) && !now.Before(r.listed) {
			found = append(found, r.view(now))
		}
	}
	s.mu.Unlock()
	x.JSON(http.StatusOK, map[string]any{"readings": found})
}

func (s *Server) balance(x *stage.Exchange) {
	a := s.caller(x)
	s.mu.Lock()
	cents := a.balance
	s.mu.Unlock()
	x.JSON(http.StatusOK, map[string]any{"cents": cents, "currency": "USD"})
}
