package simulator

import (
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// tagRE is a request id at the end of a name: how callers that can't hand
// over an id of their own tag their requests (production-readiness guide).
var tagRE = regexp.MustCompile(` \[([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\]$`)

// RequestID is the UUID with which a name ends, or "".
func RequestID(name string) string {
	n := len(name)
	if n < 39 || name[n-1] != ']' || name[n-39] != ' ' { // most names: no regexp needed
		return ""
	}
	if m := tagRE.FindStringSubmatch(name[n-39:]); m != nil {
		return m[1]
	}
	return ""
}

func untagged(name string) string {
	if RequestID(name) == "" {
		return name
	}
	return name[:len(name)-39]
}

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

// record is one arrival, or one item of a batch.
type record struct {
	at       int64 // unix nanoseconds
	run      *run  // nil while, or when, no work was done
	tally    *tally
	name     string
	endpoint string
	attempt  int32
	account  int16  // -1 for none
	status   uint16 // 0 while, or when, nothing was answered
	fault    uint16
	item     bool // of a batch; its request has a record of its own
	edition  uint32
}

// tally adds up one request id, or one name that has none.
type tally struct {
	attempts, executions, billed int32
	amount                       money.USD
}

// run is one piece of work that was done; it never changes.
type run struct {
	name           string
	tmpl           *template
	card           *tariff.Card
	hash           uint64
	used           used
	price          money.USD // what was charged; less than total when it couldn't be paid
	total          money.USD
	multiplier     money.Ratio // of the arithmetic
	flagged        money.Ratio // of the flags: One for no discount
	started, ended int64
	account        uint16
	key            uint8
	billing        string // Switches.Billing at its end
	numbers        string
}

// row is one row of the provider's log.
type row struct {
	run     *run
	visible int64 // from when it shows
	extra   money.USD
}

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
