package stage

import (
	"sync"
	"time"

	"github.com/offpeak/offpeak/money"
)

// Arrival is one request as it was booked.
type Arrival struct {
	At      time.Time `json:"at"`                // when it came; when its limiter saw it, if one did
	Account string    `json:"account,omitempty"` // whose key it carried; never the key itself
	Key     int       `json:"key,omitempty"`     // which of the account's keys, from 1
	Route   string    `json:"route"`             // "POST /api/jobs"; method and path when there is no such route
	Subject string    `json:"subject,omitempty"` // what it was about
	Attempt int       `json:"attempt,omitempty"` // which request of that route for that subject, from 1; 0 when it was turned away before
	Status  int       `json:"status"`            // as answered; 0 for none: it hangs, was reset, or goes on
	Code    string    `json:"code,omitempty"`    // the API's own code of the error
	Ticket  string    `json:"ticket,omitempty"`  // the id that the API gave the request, if it gives any
	Limited bool      `json:"limited,omitempty"` // a rate limit concerned it
	Refused bool      `json:"refused,omitempty"` // and had no room
	Fault   string    `json:"fault,omitempty"`   // what happened on cue
	Bought  []string  `json:"bought,omitempty"`  // what it bought, by id
}

// Purchase is something that was bought: a job, a swap.
type Purchase struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`              // "job", "render", "swap"
	Account string    `json:"account"`           // who bought it
	Subject string    `json:"subject"`           // what for: twice the same is a purchase made twice
	At      time.Time `json:"at"`                // when
	Cost    money.USD `json:"cost"`              // what it costs once done; 0 where the API knows no price in dollars
	Lost    bool      `json:"lost,omitempty"`    // its answer went out broken, as an error, or not at all
	Request int       `json:"request,omitempty"` // which arrival bought it, from 1
}

// Books are what a simulated API saw and sold. They are safe for concurrent
// use and may be asked while they are written.
type Books struct {
	mu        sync.Mutex
	arrivals  []*record
	tries     map[string]int
	purchases []*Purchase
	byID      map[string]*Purchase
}

type record struct {
	Arrival
	number int
}

func newBooks() *Books {
	b := &Books{}
	b.reset()
	return b
}

func (b *Books) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arrivals, b.tries, b.purchases, b.byID = nil, map[string]int{}, nil, map[string]*Purchase{}
}

// note changes a record under the lock.
func (b *Books) note(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *Books) arrive(at time.Time, what string) *record {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &record{Arrival: Arrival{At: at.UTC(), Route: what}, number: len(b.arrivals) + 1}
	b.arrivals = append(b.arrivals, r)
	return r
}

func (b *Books) routed(r *record, route string)     { b.note(func() { r.Route = route }) }
func (b *Books) cued(r *record, fault string)       { b.note(func() { r.Fault = fault }) }
func (b *Books) answered(r *record, status int)     { b.note(func() { r.Status = status }) }
func (b *Books) coded(r *record, code string)       { b.note(func() { r.Code = code }) }
func (b *Books) whose(r *record, acc string, k int) { b.note(func() { r.Account, r.Key = acc, k }) }
func (b *Books) ticketed(r *record, id string)      { b.note(func() { r.Ticket = id }) }

func (b *Books) limited(r *record, at time.Time, refused bool) {
	b.note(func() { r.At, r.Limited, r.Refused = at.UTC(), true, refused })
}

func (b *Books) try(r *record, route, subject string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := route + "\x00" + subject
	b.tries[key]++
	r.Subject, r.Attempt = subject, b.tries[key]
	return r.Attempt
}

func (b *Books) bought(r *record, p Purchase) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.Request, p.At = r.number, p.At.UTC()
	r.Bought = append(r.Bought, p.ID)
	b.purchases = append(b.purchases, &p)
	b.byID[p.ID] = &p
}

func (b *Books) lost(id string) {
	b.note(func() {
		if p := b.byID[id]; p != nil { // the books may have been reset meanwhile
			p.Lost = true
		}
	})
}
