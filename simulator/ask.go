package simulator

import (
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/money"
)

// Arrival is one booked request, or one item of a batch request.
type Arrival struct {
	At         time.Time `json:"at"`
	Path       string    `json:"path"`
	Name       string    `json:"name,omitempty"` // with its tag
	RequestID  string    `json:"request_id,omitempty"`
	Attempt    int       `json:"attempt,omitempty"`    // which try of that name, from 1; 0 when it was turned away before
	Status     int       `json:"status"`               // as answered; 0 for none: it hangs, was reset, or goes on
	Fault      string    `json:"fault,omitempty"`      // what happened on cue
	Executed   bool      `json:"executed"`             // work was done
	Billed     money.USD `json:"billed"`               // what was charged for it
	Discounted bool      `json:"discounted,omitempty"` // at less than the full price
	Started    time.Time `json:"started,omitzero"`
	Ended      time.Time `json:"ended,omitzero"`
	Item       bool      `json:"item,omitempty"` // of a batch request, which is an arrival of its own
}

// Arrivals goes through all arrivals in the order in which they came. It may
// be used while more come; those may or may not be seen.
func (b *Books) Arrivals() iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		for piece := 0; ; piece++ {
			for _, a := range b.piece(piece) {
				if !yield(a) {
					return
				}
			}
			b.mu.Lock()
			end := piece+1 >= len(b.records)
			b.mu.Unlock()
			if end {
				return
			}
		}
	}
}

func (b *Books) piece(i int) []Arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i >= len(b.records) {
		return nil
	}
	out := make([]Arrival, len(b.records[i]))
	for j := range b.records[i] {
		out[j] = b.view(&b.records[i][j])
	}
	return out
}

func (b *Books) view(r *record) Arrival {
	a := Arrival{
		At: time.Unix(0, r.at).UTC(), Path: r.endpoint, Name: r.name, RequestID: RequestID(r.name),
		Attempt: int(r.attempt), Status: int(r.status), Fault: b.faults[r.fault], Item: r.item,
	}
	if w := r.run; w != nil {
		a.Executed, a.Billed, a.Discounted = true, w.price, w.multiplier < money.One
		a.Started, a.Ended = time.Unix(0, w.started).UTC(), time.Unix(0, w.ended).UTC()
	}
	return a
}

// Executions is how often work was done under a request id, or under a name
// that carries none.
func (b *Books) Executions(requestID string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.tallies[requestID]; t != nil {
		return int(t.executions)
	}
	return 0
}

// BilledFor is all that was charged under a request id or untagged name.
func (b *Books) BilledFor(requestID string) money.USD {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.tallies[requestID]; t != nil {
		return t.amount
	}
	return 0
}

// DoubleBilled lists the request ids, and untagged names, that were charged
// more than once.
func (b *Books) DoubleBilled() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	twice := []string{}
	for key, t := range b.tallies {
		if t.billed > 1 {
			twice = append(twice, key)
		}
	}
	slices.Sort(twice)
	return twice
}

// MaxInWindow is the most billable requests that arrived within any half-open
// stretch of time as long as d; those that were turned away count too, items
// of a batch don't.
func (b *Books) MaxInWindow(d time.Duration) int {
	b.mu.Lock()
	var at []int64
	for _, piece := range b.records {
		for i := range piece {
			if r := &piece[i]; !r.item && billable(r.endpoint) {
				at = append(at, r.at)
			}
		}
	}
	b.mu.Unlock()
	slices.Sort(at)
	most, from := 0, 0
	for to := range at {
		for at[to]-at[from] >= int64(d) {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

// Totals are the books in short.
type Totals struct {
	Arrivals     int            `json:"arrivals"` // HTTP requests
	Items        int            `json:"items"`    // of batch requests
	ByPath       map[string]int `json:"by_path"`
	ByStatus     map[string]int `json:"by_status"` // HTTP requests; "0" had no answer
	Faults       map[string]int `json:"faults"`
	Executions   int            `json:"executions"`
	Billed       money.USD      `json:"billed"`
	Discounted   int            `json:"discounted"`    // executions at less than the full price
	FullPrice    int            `json:"full_price"`    // executions at the full price
	DoubleBilled []string       `json:"double_billed"` // request ids, see [Books.DoubleBilled]
	DoubleCost   money.USD      `json:"double_cost"`   // all that was charged under those
	LogRows      int            `json:"log_rows"`      // those that don't show yet included
}

// Totals adds the books up.
func (b *Books) Totals() Totals {
	t := Totals{ByPath: map[string]int{}, ByStatus: map[string]int{}, Faults: map[string]int{}, DoubleBilled: b.DoubleBilled()}
	for _, id := range t.DoubleBilled {
		t.DoubleCost += b.BilledFor(id)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, piece := range b.records {
		for i := range piece {
			r := &piece[i]
			if r.fault != 0 {
				t.Faults[b.faults[r.fault]]++
			}
			if r.item {
				t.Items++
				continue
			}
			t.Arrivals++
			t.ByPath[r.endpoint]++
			t.ByStatus[strconv.Itoa(int(r.status))]++
		}
	}
	for _, w := range b.runs {
		t.Billed += w.price
		if w.multiplier < money.One {
			t.Discounted++
		} else {
			t.FullPrice++
		}
	}
	t.Executions, t.LogRows = len(b.runs), len(b.rows)
	return t
}
