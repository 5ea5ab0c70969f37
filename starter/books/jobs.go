package books

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
)

// MaxLimit bounds one page of jobs.
const MaxLimit = 10_000

// Query says which jobs of a batch are wanted.
type Query struct {
	States []batch.State // any of these; all when empty
	After  int           // only jobs behind this number; -1 for all
	Limit  int           // at most so many, 1 to MaxLimit
}

// Page is some jobs of a batch, and the batch in all.
type Page struct {
	Batch   batch.ID     `json:"batch"`
	Counts  batch.Counts `json:"counts"` // of the whole batch
	Money   Sums         `json:"money"`  // of the whole batch
	Jobs    []Job        `json:"jobs"`
	Deleted []Deleted    `json:"deleted,omitempty"` // texts of the batch that are gone on purpose
	Next    *int         `json:"next"`              // goes into --after for the next page; null on the last
}

// Sums are dollars of several charges.
type Sums struct {
	Charges  int       `json:"charges"`
	Billed   money.USD `json:"billed"`
	DayPrice money.USD `json:"day_price"`
	Saved    money.USD `json:"saved"`
}

func (s *Sums) add(billed, day money.USD) {
	s.Charges++
	s.Billed += billed
	s.DayPrice += day
	s.Saved += day - billed
}

// Job is a job as the books have it: never its prompt, never its answer.
type Job struct {
	Seq       int         `json:"seq"`
	Name      string      `json:"name"`
	RequestID string      `json:"request_id"`
	State     batch.State `json:"state"`
	Attempts  int         `json:"attempts"`
	Charges   int         `json:"charges"` // more than one: billed twice
	Billed    money.USD   `json:"billed"`
	DayPrice  money.USD   `json:"day_price"`
	Why       string      `json:"why"`
	UpdatedAt time.Time   `json:"updated_at"`
}

// Trail is one job with everything that was sent for it.
type Trail struct {
	Batch     batch.ID  `json:"batch"`
	Job       Job       `json:"job"`
	Type      string    `json:"type"`
	Models    []string  `json:"models"`
	Agents    int64     `json:"agents"`
	Estimate  money.USD `json:"estimate"`
	Ceiling   money.USD `json:"ceiling"`
	Tries     int       `json:"tries"` // attempts that count towards the retry limit
	NotBefore time.Time `json:"not_before,omitzero"`
	Output    string    `json:"output"`            // the archive's key of the answer; "" when there is none
	Deleted   []Deleted `json:"deleted,omitempty"` // texts of its batch that are gone on purpose
	Attempts  []Attempt `json:"attempts"`
}

// Attempt is one HTTP request and what came of it.
type Attempt struct {
	N       int           `json:"attempt"`
	Key     string        `json:"key"` // a hash's first digits, never the key
	SentAt  time.Time     `json:"sent_at"`
	EndedAt time.Time     `json:"ended_at,omitzero"`
	Status  int           `json:"status"` // 0 without an answer
	Elapsed time.Duration `json:"elapsed_ns"`
	Step    string        `json:"step,omitempty"`              // of a provider's dialect
	Free    bool          `json:"free,omitempty"`              // it moves no money
	Ending  ledger.Ending `json:"ending"`                      // "" while in flight
	Outcome batch.Kind    `json:"outcome"`                     // "" for a success
	Wrote   string        `json:"wrote"`                       // how far the request got, by its receipt
	Server  string        `json:"server_request_id,omitempty"` // the provider's own
	Charge  *Charge       `json:"charge"`
}

// Charge is the bill of an attempt.
type Charge struct {
	N             int64         `json:"charge"` // its place in the chain
	ProviderJobID string        `json:"provider_job_id"`
	Source        ledger.Source `json:"source"`
	Billed        money.USD     `json:"billed"`
	DayPrice      money.USD     `json:"day_price"`
	Saved         money.USD     `json:"saved"`
	Hash          string        `json:"hash"`
}

// Jobs lists jobs of a batch, NAME/NIGHT or NAME.
func (b *Books) Jobs(ctx context.Context, arg string, q Query) (Page, error) {
	id, err := b.Find(ctx, arg)
	if err != nil {
		return Page{}, err
	}
	list, t, more, err := b.ledger.List(ctx, id, q.After, q.Limit, q.States...)
	if err != nil {
		return Page{}, b.unknown(ctx, err)
	}
	p := Page{Batch: id, Counts: t.Jobs, Money: Sums{t.Charges, t.Charged, t.DayPrice, t.DayPrice - t.Charged}, Jobs: make([]Job, len(list))}
	for i, e := range list {
		p.Jobs[i] = job(e)
	}
	if p.Deleted, err = b.deleted(ctx, id); err != nil {
		return Page{}, err
	}
	if more {
		p.Next = &p.Jobs[len(p.Jobs)-1].Seq
	}
	return p, nil
}

// Trail is one job of a batch by its name.
func (b *Books) Trail(ctx context.Context, arg, name string) (Trail, error) {
	id, err := b.Find(ctx, arg)
	if err != nil {
		return Trail{}, err
	}
	t, err := b.ledger.Trail(ctx, id, name)
	if err != nil {
		return Trail{}, b.unknown(ctx, err)
	}
	out := Trail{
		Batch: id, Job: job(t.Entry), Type: t.Job.Type, Models: t.Job.Models, Agents: t.Job.Agents, Estimate: t.Job.Estimate, Ceiling: t.Job.Ceiling,
		Tries: t.Job.Tries, NotBefore: t.Job.NotBefore, Output: t.Job.Output, Attempts: make([]Attempt, len(t.Attempts)),
	}
	if out.Deleted, err = b.deleted(ctx, id); err != nil {
		return Trail{}, err
	}
	if out.Output == "" { // no answer of it was kept, and none was deleted
		out.Deleted = slices.DeleteFunc(out.Deleted, func(d Deleted) bool { return d.What == batch.KeptAnswers })
	}
	charges := map[int]*Charge{}
	for _, c := range t.Charges {
		charges[c.Attempt] = &Charge{c.N, c.JobID, c.Source, c.Total, c.DayPrice, c.DayPrice - c.Total, c.Hash}
	}
	for i, a := range t.Attempts {
		out.Attempts[i] = attempt(a)
		out.Attempts[i].Charge = charges[a.N]
	}
	return out, nil
}

// unknown says where to look when a batch isn't there.
func (b *Books) unknown(ctx context.Context, err error) error {
	var f *batch.Fault
	if errors.As(err, &f) && f.Kind == batch.NotFound {
		found := *f
		found.Detail = fmt.Sprintf("%s (%s)", f.Detail, b.place)
		found.Hint = "OFFPEAK_LEDGER says which books are read; starter jobs NAME/NIGHT lists the jobs of a batch"
		return &found
	}
	return stopped(ctx, err)
}

func job(e ledger.Entry) Job {
	j := Job{
		Seq: e.Job.Seq, Name: e.Job.Name, RequestID: e.Job.RequestID, State: e.Job.State, Attempts: e.Job.Attempts,
		Charges: len(e.Charges), Why: e.Job.Why, UpdatedAt: e.Job.UpdatedAt,
	}
	for _, c := range e.Charges {
		j.Billed += c.Total
		j.DayPrice += c.DayPrice
	}
	return j
}

func attempt(a ledger.AttemptRow) Attempt {
	out := Attempt{N: a.N, Key: a.Key, SentAt: a.SentAt, EndedAt: a.EndedAt, Status: a.Status, Step: a.Step, Free: a.Free, Ending: a.Ending, Outcome: a.Outcome}
	if !a.EndedAt.IsZero() {
		out.Elapsed = a.EndedAt.Sub(a.SentAt)
	}
	var r provider.Receipt
	if len(a.Receipt) > 0 && json.Unmarshal(a.Receipt, &r) == nil {
		out.Elapsed, out.Wrote, out.Server = r.Elapsed, string(r.Wrote), r.Header.Get("X-Request-Id")
		if r.Ticket != "" {
			out.Server = r.Ticket
		}
	}
	return out
}
