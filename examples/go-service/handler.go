package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
)

// handler serves the two verbs. life is the service's own: a night is followed
// longer than the request that started it.
func (s *service) handler(life context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /briefs", func(w http.ResponseWriter, r *http.Request) { s.start(life, w, r) })
	mux.HandleFunc("GET /briefs/{night}", s.answers)
	return mux
}

// start has a night write a brief on each topic. Asked twice for one night, the
// first topics stand: a night is one batch.
func (s *service) start(life context.Context, w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Topics []string `json:"topics"`
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	body.DisallowUnknownFields()
	if err := body.Decode(&ask); err != nil {
		refuse(w, &batch.Fault{Kind: batch.BadInput, Op: "read topics", Err: err, Hint: `post {"topics": ["EU SaaS funding"]}`})
		return
	}
	input, err := s.manifest(ask.Topics)
	if err != nil {
		refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	night, err := s.nights.Start(ctx, nightly.Request{Manifest: input})
	if err != nil {
		refuse(w, err) // a bad manifest names every mistake; nothing was started
		return
	}
	status := http.StatusOK // it runs already
	if !night.Running {
		status = http.StatusAccepted
		s.follow(life, night)
	}
	w.Header().Set("Location", "/briefs/"+string(night.Batch.Night()))
	write(w, status, map[string]any{"batch": night.Batch, "begins": night.Start.At, "because": night.Start.Reason, "already_running": night.Running})
}

// manifest is what all nights have in common, with a job for each topic.
func (s *service) manifest(topics []string) (json.RawMessage, error) {
	type job struct {
		Name string `json:"name"` // unique in its manifest, and the job's identity in all books
		Task string `json:"task"`
	}
	jobs := make([]job, len(topics))
	for i, topic := range topics {
		jobs[i] = job{fmt.Sprintf("Brief %03d", i+1), "Write a brief of five lines on: " + topic}
	}
	all := make(map[string]any, len(s.common)+1)
	for field, value := range s.common {
		all[field] = value
	}
	all["jobs"] = jobs
	return json.Marshal(all)
}

// answers streams the answers of a night that is over, a job a line.
func (s *service) answers(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	id := batch.NewID(s.name, tariff.Night(r.PathValue("night")))
	result, audit := s.nights.Report(ctx, id)
	if result.Batch == "" { // it runs, was refused, or never was
		refuse(w, audit)
		return
	}
	// OFFPEAK_LEDGER and OFFPEAK_ARCHIVE say where. Opened when needed: the books
	// are made by the first worker, which may come after us.
	found, err := books.Open(ctx, s.env)
	if err != nil {
		refuse(w, err)
		return
	}
	defer func() { _ = found.Close() }() // it was only read
	if audit != nil {                    // the audit found something; the answers are good all the same
		w.Header().Set("Offpeak-Audit", string(batch.KindOf(audit)))
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := s.nights.WithBooks(found).Results(ctx, id, w); err != nil {
		s.logs.Error(err.Error(), "hint", hint(err))
		panic(http.ErrAbortHandler) // lines are missing: the client is to notice
	}
}

// refuse answers with what is wrong and what can be done about it.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch batch.KindOf(err) {
	case batch.BadInput:
		status = http.StatusBadRequest
	case batch.NotFound:
		status = http.StatusNotFound
	case batch.CreditsTooLow, batch.OverBudget:
		status = http.StatusPaymentRequired
	case batch.Waiting, batch.NightClaimed:
		status = http.StatusConflict
		w.Header().Set("Retry-After", "60")
	case batch.OutOfReach:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "10")
	}
	write(w, status, map[string]any{"error": err.Error(), "kind": batch.KindOf(err), "hint": hint(err)})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // as above
}
