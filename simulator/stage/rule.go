package stage

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"go.yaml.in/yaml/v4"

	"github.com/offpeak/offpeak/simulator"
)

// Rule is one fault on cue: to which requests it happens, and what happens.
type Rule struct {
	Match       string             `json:"match" yaml:"match"`                                 // part of the subject; or /regexp/; or "*"
	Route       string             `json:"route,omitempty" yaml:"route,omitempty"`             // "POST /api/jobs", as the API's routes are written; all that buy something when empty
	Attempts    simulator.Attempts `json:"attempts,omitzero" yaml:"attempts,omitempty"`        // which requests for that subject; those that the limiter refused are none
	Times       int64              `json:"times,omitempty" yaml:"times,omitempty"`             // at most so often in all; 0 for no bound
	Probability *simulator.Chance  `json:"probability,omitempty" yaml:"probability,omitempty"` // of seed, subject and attempt: the same every time; 1 when left out
	Seed        uint64             `json:"seed,omitempty" yaml:"seed,omitempty"`
	Kind        string             `json:"kind" yaml:"kind"`
	AfterWork   bool               `json:"after_work,omitempty" yaml:"after_work,omitempty"` // it was done, and bought, first
	Status      int                `json:"status,omitempty" yaml:"status,omitempty"`         // of kind status
	Code        string             `json:"code,omitempty" yaml:"code,omitempty"`             // of kind status: a code of the API's, whose status it brings along
	Detail      string             `json:"detail,omitempty" yaml:"detail,omitempty"`         // of kind status: instead of the usual text
	RetryAfter  string             `json:"retry_after,omitempty" yaml:"retry_after,omitempty"`
	Delay       simulator.Duration `json:"delay,omitempty" yaml:"delay,omitempty"`
}

// Kind says what a kind of fault takes.
type Kind struct {
	Wire      bool // it happens to the answer; one a request
	AfterWork bool // it may happen after the work
	Delay     bool // it needs a delay
	Status    bool // it takes status, code and detail
}

// The kinds that every API has. truncate and badjson happen to good answers.
const (
	KindStatus   = "status"   // an error answer, by status or code
	KindHTML502  = "html502"  // the front end's error page
	KindHang     = "hang"     // no answer until the client leaves
	KindReset    = "reset"    // TCP reset instead of an answer
	KindTruncate = "truncate" // the body ends in the middle
	KindBadJSON  = "badjson"  // complete, and not JSON
	KindRate429  = "rate429"  // 429 out of the blue, with retry_after
	KindSlow     = "slow"     // the answer takes delay longer
)

var common = map[string]Kind{
	KindStatus: {Wire: true, AfterWork: true, Status: true}, KindHTML502: {Wire: true, AfterWork: true},
	KindHang: {Wire: true, AfterWork: true}, KindReset: {Wire: true, AfterWork: true},
	KindTruncate: {Wire: true}, KindBadJSON: {Wire: true}, KindRate429: {Wire: true}, KindSlow: {Delay: true},
}

func (p *Play) kind(name string) (Kind, bool) {
	if k, ok := p.Kinds[name]; ok {
		return k, true
	}
	k, ok := common[name]
	return k, ok
}

// KindNames lists all kinds of faults that the API knows.
func (p *Play) KindNames() string {
	names := append(slices.Collect(maps.Keys(common)), slices.Collect(maps.Keys(p.Kinds))...)
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// armed is a rule at work.
type armed struct {
	Rule
	index int
	re    *regexp.Regexp
	fired atomic.Int64
}

func (p *Play) arm(rules []Rule) ([]*armed, error) {
	var errs []error
	out := make([]*armed, 0, len(rules))
	for i, r := range rules {
		if r.Kind == KindStatus && r.Status == 0 {
			r.Status = p.Codes[r.Code]
		}
		a := &armed{Rule: r, index: i}
		err := p.check(r)
		re, bad := simulator.Pattern(r.Match)
		a.re, err = re, errors.Join(err, bad)
		if err != nil {
			errs = append(errs, fmt.Errorf("rule %d: %w", i+1, err))
		}
		out = append(out, a)
	}
	return out, errors.Join(errs...)
}

// check says all that is wrong with a rule.
func (p *Play) check(r Rule) error {
	var errs []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	k, known := p.kind(r.Kind)
	add(r.Kind == "", "kind is missing: one of %s", p.KindNames())
	add(!known && r.Kind != "", "kind %q is unknown: one of %s", r.Kind, p.KindNames())
	add(r.Match == "", `match is missing: write part of what the request is about, /a regular expression/ or "*"`)
	i := slices.IndexFunc(p.Routes, func(rt Route) bool { return rt.name() == r.Route })
	add(r.Route != "" && i < 0, "route %q is none of %s", r.Route, p.routeNames())
	if known {
		add(r.AfterWork && !k.AfterWork, "after_work means nothing to kind %s", r.Kind)
		add((r.Status != 0 || r.Code != "" || r.Detail != "") && !k.Status, "status, code and detail mean nothing to kind %s", r.Kind)
		_, coded := p.Codes[r.Code]
		add(k.Status && r.Code != "" && !coded && r.Status == 0, "code %q is none of %s", r.Code, strings.Join(slices.Sorted(maps.Keys(p.Codes)), ", "))
		add(k.Status && r.Code == "" && r.Status == 0, "kind %s needs a status or a code", r.Kind)
		add(k.Status && r.Status != 0 && (r.Status < 400 || r.Status > 599), "status %d is not an error: 400 to 599", r.Status)
		add(r.RetryAfter != "" && r.Kind != KindRate429, "retry_after belongs to kind rate429, not %s", r.Kind)
		add(r.Delay != 0 && !k.Delay, "delay means nothing to kind %s", r.Kind)
		add(r.Delay == 0 && k.Delay, "kind %s needs a delay, such as 30s", r.Kind)
	}
	return errors.Join(errs...)
}

func (p *Play) routeNames() string {
	var names []string
	for i := range p.Routes {
		names = append(names, p.Routes[i].name())
	}
	return strings.Join(names, ", ")
}

// ParseFaults reads a script: a YAML or JSON list of [Rule]. Unknown fields,
// duplicate keys and rules that could never do what they say are errors, all
// of them at once, with the number of the rule or the line.
func (p *Play) ParseFaults(script []byte) ([]Rule, error) {
	var rules []Rule
	if err := yaml.Load(script, &rules, yaml.WithKnownFields(), yaml.WithUniqueKeys()); err != nil {
		return nil, fmt.Errorf("read fault script: %w", err)
	}
	if _, err := p.arm(rules); err != nil {
		return nil, fmt.Errorf("read fault script: %w", err)
	}
	return rules, nil
}

// ReadFaults reads a script file.
func (p *Play) ReadFaults(path string) ([]Rule, error) {
	script, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read fault script: %w", err)
	}
	rules, err := p.ParseFaults(script)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}
