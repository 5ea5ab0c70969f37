package stage

import (
	"slices"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/money"
)

// Arrivals are all requests in the order in which they came.
func (b *Books) Arrivals() []Arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Arrival, len(b.arrivals))
	for i, r := range b.arrivals {
		out[i] = r.Arrival
		out[i].Bought = slices.Clone(r.Bought)
	}
	return out
}

// Purchases are all that was bought, in that order.
func (b *Books) Purchases() []Purchase {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Purchase, len(b.purchases))
	for i, p := range b.purchases {
		out[i] = *p
	}
	return out
}

// Bought is how often something was bought for a subject.
func (b *Books) Bought(subject string) int {
	n := 0
	for _, p := range b.Purchases() {
		if p.Subject == subject {
			n++
		}
	}
	return n
}

// Twice lists the subjects that something of one kind was bought for more than once.
func (b *Books) Twice() []string {
	n, twice := map[string]int{}, []string{}
	for _, p := range b.Purchases() {
		key := p.Kind + " " + p.Subject
		if n[key]++; n[key] == 2 {
			twice = append(twice, p.Subject)
		}
	}
	slices.Sort(twice)
	return slices.Compact(twice)
}

// limitedAt are the instants of an account's requests that a limit concerned,
// in order, the refused ones among them; all accounts' when it is empty.
func (b *Books) limitedAt(account string) (at []time.Time, refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.arrivals {
		if !r.Limited || account != "" && r.Account != account {
			continue
		}
		at = append(at, r.At)
		if r.Refused {
			refused++
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at, refused
}

// Refused is how many of an account's requests its limits had no room for.
func (b *Books) Refused(account string) int {
	_, n := b.limitedAt(account)
	return n
}

// Closest is the shortest time between two requests of an account that a limit
// concerned, the refused ones included; false when there weren't two.
func (b *Books) Closest(account string) (time.Duration, bool) {
	at, _ := b.limitedAt(account)
	closest, ok := time.Duration(0), false
	for i := 1; i < len(at); i++ {
		if d := at[i].Sub(at[i-1]); !ok || d < closest {
			closest, ok = d, true
		}
	}
	return closest, ok
}

// MaxInWindow is the most limited requests of an account that came within any
// half-open stretch of time as long as d, the refused ones included.
func (b *Books) MaxInWindow(account string, d time.Duration) int {
	at, _ := b.limitedAt(account)
	most, from := 0, 0
	for to := range at {
		for at[to].Sub(at[from]) >= d {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

// Totals are the books in short.
type Totals struct {
	Arrivals  int                     `json:"arrivals"`
	ByRoute   map[string]int          `json:"by_route"`
	ByStatus  map[string]int          `json:"by_status"` // "0" had no answer
	ByCode    map[string]int          `json:"by_code"`   // the API's own codes of errors
	Faults    map[string]int          `json:"faults"`
	Purchases map[string]int          `json:"purchases"` // by kind
	Cost      money.USD               `json:"cost"`
	Lost      []string                `json:"lost"`         // ids of what was bought and not answered whole
	Twice     []string                `json:"bought_twice"` // see [Books.Twice]
	Accounts  map[string]AccountTotal `json:"accounts"`
}

// AccountTotal is one account's part.
type AccountTotal struct {
	Arrivals  int       `json:"arrivals"`
	Refused   int       `json:"refused"`           // by a rate limit
	Closest   string    `json:"closest,omitempty"` // the shortest time between two limited requests
	Purchases int       `json:"purchases"`
	Cost      money.USD `json:"cost"`
}

// Totals adds the books up.
func (b *Books) Totals() Totals {
	t := Totals{
		ByRoute: map[string]int{}, ByStatus: map[string]int{}, ByCode: map[string]int{}, Faults: map[string]int{},
		Purchases: map[string]int{}, Lost: []string{}, Twice: b.Twice(), Accounts: map[string]AccountTotal{},
	}
	for _, a := range b.Arrivals() {
		t.Arrivals++
		t.ByRoute[a.Route]++
		t.ByStatus[strconv.Itoa(a.Status)]++
		if a.Code != "" {
			t.ByCode[a.Code]++
		}
		if a.Fault != "" {
			t.Faults[a.Fault]++
		}
		if a.Account != "" {
			acc := t.Accounts[a.Account]
			acc.Arrivals++
			t.Accounts[a.Account] = acc
		}
	}
	for _, p := range b.Purchases() {
		t.Purchases[p.Kind]++
		t.Cost += p.Cost
		if p.Lost {
			t.Lost = append(t.Lost, p.ID)
		}
		acc := t.Accounts[p.Account]
		acc.Purchases++
		acc.Cost += p.Cost
		t.Accounts[p.Account] = acc
	}
	for name, acc := range t.Accounts {
		acc.Refused = b.Refused(name)
		if d, ok := b.Closest(name); ok {
			acc.Closest = d.String()
		}
		t.Accounts[name] = acc
	}
	return t
}
