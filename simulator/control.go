package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/offpeak/offpeak/money"
)

// strict reads one JSON object without unknown fields or anything after it.
func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read body: something follows the JSON object; send one")
	}
	return nil
}

// Rules are the faults under way.
func (s *Server) Rules() []Rule {
	rules := []Rule{}
	for _, a := range *s.rules.Load() {
		rules = append(rules, a.Rule)
	}
	return rules
}

// Switches are the switches as they stand.
func (s *Server) Switches() Switches { return *s.switches.Load() }

func (s *Server) adminFaults(set bool, body []byte) (any, error) {
	if set {
		rules, err := ParseFaults(body)
		if err == nil {
			err = s.SetFaults(rules...)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.Rules(), nil
}

func (s *Server) adminSwitches(set bool, body []byte) (any, error) {
	if set {
		sw, err := s.Switches().merge(body)
		if err != nil {
			return nil, err
		}
		s.switches.Store(&sw)
	}
	return s.Switches(), nil
}

// SteerClock is the admin endpoint's clock: what it shows, after the JSON
// object in body has set, moved or scaled it if set is true.
func SteerClock(of Clock, set bool, body []byte) (any, error) {
	clock, ok := of.(*Tunable)
	if !ok {
		return nil, errors.New("set clock: this simulator was given a clock that can't be set")
	}
	if !set {
		return clock.Read(), nil
	}
	var ask struct {
		Set     *time.Time `json:"set"`
		Offset  *string    `json:"offset"`
		Advance *string    `json:"advance"`
		Scale   *float64   `json:"scale"`
	}
	if err := strict(body, &ask); err != nil {
		return nil, err
	}
	to := clock.Now()
	if ask.Set != nil {
		to = *ask.Set
	}
	offset, err := durationOf(ask.Offset)
	if ask.Offset != nil {
		to = time.Now().Add(offset)
	}
	advance, err2 := durationOf(ask.Advance)
	to = to.Add(advance)
	switch {
	case err != nil || err2 != nil:
		return nil, fmt.Errorf("set clock: %w", errors.Join(err, err2))
	case ask.Scale != nil && !(*ask.Scale >= 0 && *ask.Scale <= MaxScale):
		return nil, fmt.Errorf("set clock: scale %g is not within 0 and %g", *ask.Scale, MaxScale)
	case to.UTC().Year() < 1970 || to.UTC().Year() > 2200:
		return nil, fmt.Errorf("set clock: it would show the year %d; 1970 to 2200 can be counted in nanoseconds and written", to.UTC().Year())
	}
	if ask.Scale != nil {
		clock.Scale(*ask.Scale)
	}
	if ask.Set != nil {
		clock.Set(*ask.Set)
	}
	if ask.Offset != nil {
		clock.Offset(offset)
	}
	if ask.Advance != nil {
		clock.Advance(advance)
	}
	return clock.Read(), nil
}

// durationOf is 0 for what wasn't given.
func durationOf(s *string) (time.Duration, error) {
	if s == nil {
		return 0, nil
	}
	return time.ParseDuration(*s)
}

func (s *Server) adminAccounts(set bool, body []byte) (any, error) {
	if set {
		var ask struct {
			Account string     `json:"account"` // the first when empty
			Credit  *money.USD `json:"credit"`
			Free    *money.USD `json:"free"`
			Tier    string     `json:"tier"`
		}
		if err := strict(body, &ask); err != nil {
			return nil, err
		}
		if err := s.SetAccount(ask.Account, ask.Tier, ask.Credit, ask.Free); err != nil {
			return nil, err
		}
	}
	return s.Summary().Accounts, nil
}

// SetAccount changes an account, the first when name is empty, to a tier
// unless that is empty, and to credits unless they are nil. A new tier brings
// its limits; what is counted stays counted.
func (s *Server) SetAccount(name, tier string, credit, free *money.USD) error {
	if tier != "" && tier != TierFree && tier != TierPremium {
		return fmt.Errorf("set account %q: tier %q is neither %s nor %s", name, tier, TierFree, TierPremium)
	}
	for _, a := range *s.accounts.Load() {
		if name != "" && a.name != name {
			continue
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if credit != nil {
			a.purse.credit = *credit
		}
		if free != nil {
			a.purse.free = *free
		}
		if tier != "" && tier != a.tier {
			a.tier, a.limits = tier, TierLimits(tier)
			a.limiter.Become(a.limits.Quotas)
		}
		return nil
	}
	return fmt.Errorf("set account %q: there is none of that name", name)
}

// Reset puts books, accounts, switches and faults back to the options'. What
// is under way is booked nowhere that can still be seen.
func (s *Server) Reset() error {
	accounts, err := s.openAccounts()
	if err != nil {
		return err
	}
	sw := s.opt.Switches
	s.accounts.Store(&accounts)
	s.switches.Store(&sw)
	s.books.reset()
	return s.SetFaults(s.opt.Faults...)
}
