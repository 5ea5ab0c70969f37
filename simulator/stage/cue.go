package stage

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/simulator"
)

// cues is what happens to one request.
type cues struct {
	wire  *armed            // what happens to the answer, or nil
	extra map[string]*armed // what else, by kind; nil for nothing
}

func (a *armed) fires(route *Route, subject string, attempt int) bool {
	if a.Route != "" && a.Route != route.name() || a.Route == "" && !route.Paid {
		return false
	}
	hit := a.Match == "*" || a.re != nil && a.re.MatchString(subject) || a.re == nil && strings.Contains(subject, a.Match)
	if !hit || !a.Attempts.Include(attempt) {
		return false
	}
	if a.Probability != nil && !a.Probability.Falls(a.Seed+uint64(a.index), subject, attempt) {
		return false
	}
	return a.fired.Add(1) <= a.Times || a.Times == 0
}

// cue finds what happens to a request; the first rule of each sort counts.
func (p *Play) cue(rules []*armed, route *Route, subject string, attempt int) (c cues) {
	for _, a := range rules {
		k, _ := p.kind(a.Kind)
		if k.Wire && c.wire != nil || c.extra[a.Kind] != nil || !a.fires(route, subject, attempt) {
			continue
		}
		if k.Wire {
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

// names is the fault as the books record it: "status 503 after work+slow".
func (c cues) names() string {
	var names []string
	if c.wire != nil {
		names = append(names, c.wire.name())
	}
	return strings.Join(append(names, slices.Sorted(maps.Keys(c.extra))...), "+")
}

func (a *armed) name() string {
	s := a.Kind
	if a.Status != 0 {
		s = strings.TrimSpace(fmt.Sprintf("%s %d %s", s, a.Status, a.Code))
	}
	if a.AfterWork {
		s += " after work"
	}
	return s
}

// Has says whether a fault of the API's own happens to this request.
func (x *Exchange) Has(kind string) bool { return x.cues.extra[kind] != nil }

// Delay is the delay of such a fault; 0 when it doesn't happen.
func (x *Exchange) Delay(kind string) simulator.Duration {
	if a := x.cues.extra[kind]; a != nil {
		return a.Delay
	}
	return 0
}
