package simulator

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// Rule is one fault on cue: to which requests it happens, and what happens.
type Rule struct {
	Match       string   `json:"match" yaml:"match"`                                 // part of the name, with its tag; or /regexp/, tried with and without the tag; or "*"
	Endpoint    string   `json:"endpoint,omitempty" yaml:"endpoint,omitempty"`       // a path; both completion endpoints when empty
	Attempts    Attempts `json:"attempts,omitzero" yaml:"attempts,omitempty"`        // which tries of the request; 429 and 402 are no tries
	Times       int64    `json:"times,omitempty" yaml:"times,omitempty"`             // at most so often in all; 0 for no bound
	Probability *Chance  `json:"probability,omitempty" yaml:"probability,omitempty"` // of seed, name and attempt: the same every time; 1 when left out
	Seed        uint64   `json:"seed,omitempty" yaml:"seed,omitempty"`
	Kind        string   `json:"kind" yaml:"kind"`
	AfterWork   bool     `json:"after_work,omitempty" yaml:"after_work,omitempty"` // the work was done and billed first
	Status      int      `json:"status,omitempty" yaml:"status,omitempty"`         // of kind status
	Detail      string   `json:"detail,omitempty" yaml:"detail,omitempty"`         // instead of the documented text
	RetryAfter  string   `json:"retry_after,omitempty" yaml:"retry_after,omitempty"`
	Delay       Duration `json:"delay,omitempty" yaml:"delay,omitempty"` // of slow and late_log
}

// The kinds. Those of the first group happen to the answer, one per request;
// those of the second to the run, its bill or its log row, and add up.
const (
	KindStatus      = "status"       // an error status with its documented body
	KindHTML502     = "html502"      // the front end's error page
	KindHang        = "hang"         // no answer until the client leaves
	KindReset       = "reset"        // TCP reset instead of an answer
	KindResetUnread = "reset_unread" // TCP reset before the body is read
	KindTruncate    = "truncate"     // the body ends in the middle
	KindBadJSON     = "badjson"      // status 200, complete, and not JSON
	KindHuge        = "huge"         // 10 MB of output
	KindRate429     = "rate429"      // 429 out of the blue, with retry_after

	KindSlow          = "slow"           // takes delay longer
	KindNoUsage       = "nousage"        // answer without usage
	KindNoBilling     = "nobilling"      // usage without billing_info
	KindFullPrice     = "full_price"     // no discount for this run, and no flag
	KindLie           = "lie"            // flags of a discount, arithmetic of the day
	KindGhost         = "ghost"          // never in the log
	KindLateLog       = "late_log"       // in the log delay later
	KindDupLog        = "dup_log"        // in the log twice
	KindWrongLog      = "wrong_log"      // in the log with a micro-dollar more
	KindItemError     = "item_error"     // an error item in a batch answer
	KindItemMissing   = "item_missing"   // no item in a batch answer
	KindItemDuplicate = "item_duplicate" // the item twice in a batch answer
)

type kind struct{ wire, afterWork, detail, delay bool }

var kinds = map[string]kind{
	KindStatus:      {wire: true, afterWork: true, detail: true},
	KindHTML502:     {wire: true, afterWork: true},
	KindHang:        {wire: true, afterWork: true},
	KindReset:       {wire: true, afterWork: true},
	KindResetUnread: {wire: true},
	KindTruncate:    {wire: true},
	KindBadJSON:     {wire: true},
	KindHuge:        {wire: true},
	KindRate429:     {wire: true, detail: true},

	KindSlow: {delay: true}, KindNoUsage: {}, KindNoBilling: {}, KindFullPrice: {}, KindLie: {},
	KindGhost: {}, KindLateLog: {delay: true}, KindDupLog: {}, KindWrongLog: {},
	KindItemError:     {afterWork: true, detail: true},
	KindItemMissing:   {afterWork: true},
	KindItemDuplicate: {},
}

func kindNames() string { return strings.Join(slices.Sorted(maps.Keys(kinds)), ", ") }

// armed is a rule at work.
type armed struct {
	Rule
	index int
	re    *regexp.Regexp
	fired atomic.Int64
}

// arm checks and compiles rules.
func arm(rules []Rule) ([]*armed, error) {
	var errs []error
	out := make([]*armed, 0, len(rules))
	for i, r := range rules {
		a := &armed{Rule: r, index: i}
		err := r.check()
		if len(r.Match) > 2 && r.Match[0] == '/' && r.Match[len(r.Match)-1] == '/' {
			var bad error
			a.re, bad = regexp.Compile(r.Match[1 : len(r.Match)-1])
			err = errors.Join(err, bad)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("rule %d: %w", i+1, err))
		}
		out = append(out, a)
	}
	return out, errors.Join(errs...)
}

func (a *armed) matches(name string) bool {
	switch {
	case a.Match == "*":
		return true
	case a.re != nil:
		return a.re.MatchString(name) || a.re.MatchString(untagged(name))
	}
	return strings.Contains(name, a.Match)
}

// fires decides, and counts, whether the rule happens to this try.
func (a *armed) fires(endpoint, name string, attempt int) bool {
	if a.Endpoint != "" && a.Endpoint != endpoint || a.Endpoint == "" && !billable(endpoint) {
		return false
	}
	if !a.matches(name) || !a.Attempts.include(attempt) {
		return false
	}
	if a.Probability != nil && !chance(*a.Probability, a.Seed+uint64(a.index), name, attempt) {
		return false
	}
	return a.fired.Add(1) <= a.Times || a.Times == 0
}

// cues is what happens to one try.
type cues struct {
	wire  *armed            // what happens to the answer, or nil
	extra map[string]*armed // what else, by kind; nil for nothing
}

func (c cues) has(kind string) bool { return c.extra[kind] != nil }

func (c cues) delay(kind string) Duration {
	if a := c.extra[kind]; a != nil {
		return a.Delay
	}
	return 0
}

// names is the fault as the books record it: "status 503 after work+ghost".
func (c cues) names() string {
	if c.wire == nil && c.extra == nil {
		return ""
	}
	var names []string
	for _, kind := range slices.Sorted(maps.Keys(c.extra)) {
		names = append(names, c.extra[kind].name())
	}
	if c.wire != nil {
		names = slices.Insert(names, 0, c.wire.name())
	}
	return strings.Join(names, "+")
}

func (a *armed) name() string {
	s := a.Kind
	if a.Kind == KindStatus {
		s = fmt.Sprintf("%s %d", s, a.Status)
	}
	if a.AfterWork {
		s += " after work"
	}
	return s
}

// cue finds what happens to a try; the first rule of each kind counts.
func cue(rules []*armed, endpoint, name string, attempt int) (c cues) {
	for _, a := range rules {
		wire := kinds[a.Kind].wire
		if a.Kind == KindResetUnread || wire && c.wire != nil || c.extra[a.Kind] != nil || !a.fires(endpoint, name, attempt) {
			continue
		}
		if wire {
			c.wire = a
			continue
		}
		if c.extra == nil {
			c.extra = map[string]*armed{}
		}
		c.extra[a.Kind] = a
	}
	return c
}

// unread says whether the connection is reset before the body is read; nth
// counts the arrivals at the endpoint, and is asked only when it matters.
func unread(rules []*armed, endpoint string, nth func() int) *armed {
	n := 0
	for _, a := range rules {
		if a.Kind != KindResetUnread {
			continue
		}
		if n == 0 {
			n = nth()
		}
		if a.fires(endpoint, "", n) {
			return a
		}
	}
	return nil
}
