package allswap

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// The states of a swap (allswap.io/docs/concepts).
const (
	StatePending    = "PENDING_DEPOSIT" // cancelled by itself when the quote's time is over
	StateKnown      = "KNOWN_DEPOSIT_TX"
	StateProcessing = "PROCESSING"
	StateSuccess    = "SUCCESS"
	StateRefunded   = "REFUNDED"
	StateFailed     = "FAILED"
)

// Swap is one that was made.
type Swap struct {
	ID      string    `json:"id"`
	Quote   string    `json:"quote"`
	Client  string    `json:"client"`
	Subject string    `json:"subject"` // from>to amount recipient
	Address string    `json:"address"` // deposit here, once
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires"`
	State   string    `json:"state"`
}

type swap struct {
	Swap
	deposited time.Time     // zero: not yet
	takes     time.Duration // from the deposit to the end
	ends      string        // how
}

// state is what a swap is at an instant.
func (w *swap) state(now time.Time) string {
	switch {
	case w.deposited.IsZero() && now.Before(w.Expires):
		return StatePending
	case w.deposited.IsZero():
		return StateFailed // nobody paid in time; what this is called is a guess
	case now.Before(w.deposited.Add(w.takes / 4)):
		return StateKnown
	case now.Before(w.deposited.Add(w.takes)):
		return StateProcessing
	}
	return w.ends
}

func quoteIDOf(x *stage.Exchange) string {
	var body struct {
		QuoteID string `json:"quoteId"`
	}
	if json.Unmarshal(x.Body, &body) != nil {
		return ""
	}
	return body.QuoteID
}

// swapOf is what a swap is about: the same as its quote.
func (s *Server) swapOf(x *stage.Exchange) string {
	id := quoteIDOf(x)
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.quotes[id]; q != nil {
		return q.subject
	}
	return id
}

// swap is POST /v1/swap: a quote is swapped once.
func (s *Server) swap(x *stage.Exchange) {
	id := quoteIDOf(x)
	if id == "" {
		x.Fail(http.StatusBadRequest, codeInvalid, `Missing required field "quoteId".`)
		return
	}
	w, code, detail := s.consume(x, id)
	if code != "" {
		x.Fail(codes[code], code, detail)
		return
	}
	x.Bought(stage.Purchase{ID: w.ID, Kind: "swap", Account: w.Client, Subject: w.Subject, At: w.At})
	x.JSON(http.StatusOK, s.answer(x, w))
}

func (s *Server) answer(x *stage.Exchange, w Swap) map[string]any {
	address := "depositAddress"
	if x.Is("deposit_key", "deposit_address") {
		address = "deposit_address"
	}
	return map[string]any{"swapId": w.ID, "quoteId": w.Quote, address: w.Address, "status": w.State, "expiresAt": stamp(w.Expires)}
}

// consume makes a swap of a quote, or says with which code it doesn't.
func (s *Server) consume(x *stage.Exchange, id string) (w Swap, code, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, q := s.keyOf(x), s.quotes[id]
	if q == nil || q.client != k.client || q.env != environment(k.ID) {
		return w, codeInvalid, fmt.Sprintf("Quote %s is unknown.", id)
	}
	if x.Has(KindExpired) && q.swap == "" {
		q.expires = x.Now()
	}
	expired := !x.Now().Before(q.expires)
	if expired && (q.swap == "" || x.Is("dead_quote", "expired")) {
		return w, codeExpired, fmt.Sprintf("Quote %s expired at %s.", id, stamp(q.expires))
	}
	if q.swap != "" {
		return w, codeConsumed, fmt.Sprintf("Quote %s was already used by a prior /v1/swap call.", id)
	}
	made := &swap{takes: s.opt.Latency.Of(simulator.Digest(s.Seed(), q.subject)), ends: StateSuccess}
	if x.Has(KindRefund) {
		made.ends = StateRefunded
	} else if x.Has(KindFailed) {
		made.ends = StateFailed
	}
	number := fmt.Sprint(len(s.order) + 1)
	made.Swap = Swap{
		ID: "sw_" + ulid(s.Seed(), "swap", number), Quote: id, Client: q.client, Subject: q.subject,
		Address: fmt.Sprintf("0x%016x%016x%08x", simulator.Digest(s.Seed(), "a", number), simulator.Digest(s.Seed(), "b", number), uint32(simulator.Digest(s.Seed(), "c", number))),
		At:      x.Now().UTC(), Expires: q.expires.UTC(), State: StatePending,
	}
	q.swap = made.ID
	s.swaps[made.ID] = made
	s.order = append(s.order, made)
	return made.Swap, "", ""
}

// look is GET /v1/swap/{id}, which no public page has.
func (s *Server) look(x *stage.Exchange) {
	now := s.Clock().Now()
	s.mu.Lock()
	w := s.swaps[x.Var("id")]
	var seen Swap
	if w != nil {
		seen = w.Swap
		seen.State = w.state(now)
	}
	s.mu.Unlock()
	if x.Is("status_endpoint", "none") || w == nil || seen.Client != x.Account() {
		x.Fail(http.StatusNotFound, codeInvalid, "Not found.")
		return
	}
	x.JSON(http.StatusOK, s.answer(x, seen))
}

// Swaps are all swaps that were made, in order, as they stand now.
func (s *Server) Swaps() []Swap {
	now := s.Clock().Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Swap{}
	for _, w := range s.order {
		seen := w.Swap
		seen.State = w.state(now)
		out = append(out, seen)
	}
	return out
}

// SwapsOf is how many swaps a quote has made: never more than one.
func (s *Server) SwapsOf(quoteID string) int {
	n := 0
	for _, w := range s.Swaps() {
		if w.Quote == quoteID {
			n++
		}
	}
	return n
}

// Deposit pays to the address of a swap, as its client does on the chain.
func (s *Server) Deposit(address string) error {
	now := s.Clock().Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.order {
		if w.Address != address {
			continue
		}
		if state := w.state(now); state != StatePending {
			return fmt.Errorf("deposit to %s: its swap is %s, not %s", address, state, StatePending)
		}
		w.deposited = now
		return nil
	}
	return fmt.Errorf("deposit to %s: no swap has that address", address)
}

func (s *Server) adminDeposits(set bool, body []byte) (any, error) {
	if set {
		var ask struct {
			Address string `json:"address"`
		}
		if err := json.Unmarshal(body, &ask); err != nil || ask.Address == "" {
			return nil, errors.New(`deposit: send {"address": "0x..."}`)
		}
		if err := s.Deposit(ask.Address); err != nil {
			return nil, err
		}
	}
	return s.Swaps(), nil
}
