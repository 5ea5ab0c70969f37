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

// armed is a rule at work.
type armed struct {
	Rule
	index int
	re    *regexp.Regexp
	fired atomic.Int64
}

// Pattern is the expression in a match of the form /expression/; nil for any
// other match.
func Pattern(match string) (*regexp.Regexp, error) {
	if len(match) <= 2 || match[0] != '/' || match[len(match)-1] != '/' {
		return nil, nil //nolint:nilnil // no expression is no error
	}
	return regexp.Compile(match[1 : len(match)-1])
}

// arm checks and compiles rules.
func arm(rules []Rule) ([]*armed, error) {
	var errs []error
	out := make([]*armed, 0, len(rules))
	for i, r := range rules {
		a := &armed{Rule: r, index: i}
		err := r.check()
		re, bad := Pattern(r.Match)
		a.re, err = re, errors.Join(err, bad)
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
	if !a.matches(name) || !a.Attempts.Include(attempt) {
		return false
	}
	if a.Probability != nil && !a.Probability.Falls(a.Seed+uint64(a.index), name, attempt) {
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
	if a.Status != 0 {
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
