package simulator

import (
	"slices"
	"sync"
	"time"
)

// Books are the simulator's own record of what happened: every arrival, every
// run, every charge. Safe for concurrent use. A run takes about 400 bytes.
type Books struct {
	mu        sync.Mutex
	records   [][]record // in pieces of recordPiece: a *record stays where it is
	tallies   map[string]*tally
	tries     map[string]int // arrivals by endpoint, of those that carry no name
	templates map[string]*template
	runs      []*run
	rows      []row
	faults    []string // fault names; record.fault is an index
	edition   uint32   // how often they were reset
}

const recordPiece = 1024

func newBooks() *Books {
	b := &Books{}
	b.reset()
	return b
}

// reset forgets everything, what is under way included.
func (b *Books) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edition++
	b.records, b.runs, b.rows = nil, nil, nil
	b.tallies, b.tries = map[string]*tally{}, map[string]int{}
	b.templates, b.faults = map[string]*template{}, []string{""}
}

// arrive books an arrival.
func (b *Books) arrive(at time.Time, endpoint string) *record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.add(record{at: at.UnixNano(), endpoint: endpoint, account: -1})
}

func (b *Books) add(r record) *record {
	r.edition = b.edition
	last := len(b.records) - 1
	if last < 0 || len(b.records[last]) == recordPiece {
		b.records = append(b.records, make([]record, 0, recordPiece))
		last++
	}
	b.records[last] = append(b.records[last], r)
	return &b.records[last][len(b.records[last])-1]
}

// item books one item of a batch request.
func (b *Books) item(of *record, name string) *record {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.add(record{at: of.at, endpoint: of.endpoint, account: of.account, item: true, name: name})
	r.tally = b.tally(name)
	return r
}

// name says what an arrival calls itself.
func (b *Books) name(r *record, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.name, r.tally = name, b.tally(name)
}

func (b *Books) tally(name string) *tally {
	key := RequestID(name)
	if key == "" {
		key = name
	}
	t := b.tallies[key]
	if t == nil {
		t = &tally{}
		b.tallies[key] = t
	}
	return t
}

// try counts a try of the arrival's request and is its number, from 1.
func (b *Books) try(r *record) int {
	if r.tally == nil {
		return b.nth(r.endpoint)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r.tally.attempts++
	r.attempt = r.tally.attempts
	return int(r.attempt)
}

// nth counts tries of an endpoint, from 1.
func (b *Books) nth(endpoint string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries[endpoint]++
	return b.tries[endpoint]
}

// cued notes the fault that happens to an arrival.
func (b *Books) cued(r *record, fault string) {
	if fault == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.edition != b.edition {
		return
	}
	i := slices.Index(b.faults, fault)
	if i < 0 {
		b.faults = append(b.faults, fault)
		i = len(b.faults) - 1
	}
	r.fault = uint16(i)
}

// answered notes the status, before it is sent.
func (b *Books) answered(r *record, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.status = uint16(status)
}

// admitted notes when the limiter saw the arrival: books and limiter go by
// the same instant.
func (b *Books) admitted(r *record, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.at = at.UnixNano()
}

// whose notes the account.
func (b *Books) whose(r *record, a *account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.account = int16(a.id)
}

// template is the one that all equal ones share.
func (b *Books) template(sp *spec) *template {
	key, t := templateOf(sp)
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.templates[key]; known != nil {
		return known
	}
	b.templates[key] = t
	return t
}

// done books finished work and its log rows.
func (b *Books) done(r *record, work *run, rows ...row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.edition != b.edition {
		return
	}
	r.run = work
	r.tally.executions++
	if work.price > 0 {
		r.tally.billed++
		r.tally.amount += work.price
	}
	b.runs = append(b.runs, work)
	b.rows = append(b.rows, rows...)
}
