package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Duration is a time.Duration that is written "2m30s" in JSON and YAML.
type Duration time.Duration

// MarshalText writes "2m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "2m30s"; a negative one is an error.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration: write 90s or 2m30s", b)
	}
	*d = Duration(v)
	return nil
}

// Chance is a probability in parts per million, written "0.02" or "1".
type Chance uint32

// Certain is the chance of what always happens.
const Certain Chance = 1_000_000

// MarshalText writes a decimal.
func (c Chance) MarshalText() ([]byte, error) {
	whole, frac := uint32(c/Certain), uint32(c%Certain)
	return fmt.Appendf(nil, "%d.%06d", whole, frac), nil
}

var chanceRE = regexp.MustCompile(`^(0|1|[01]?\.[0-9]{1,6})$`)

// UnmarshalText reads a decimal from 0 to 1 with at most six places.
func (c *Chance) UnmarshalText(b []byte) error {
	s := string(b)
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseUint(whole+(frac + "000000")[:max(6, len(frac))], 10, 32)
	if !chanceRE.MatchString(s) || err != nil || n > uint64(Certain) {
		return fmt.Errorf("%q is not a probability: write 0 to 1 with at most 6 decimal places", s)
	}
	*c = Chance(n)
	return nil
}

// UnmarshalJSON takes a number as well as a string.
func (c *Chance) UnmarshalJSON(b []byte) error { return c.UnmarshalText(bytes.Trim(b, `"`)) }

// Attempts says which tries of a request a rule is for: "all", "first 2",
// "3", "2-4". The zero value is all.
type Attempts struct{ From, To int }

// MarshalText writes what UnmarshalText reads.
func (a Attempts) MarshalText() ([]byte, error) {
	switch {
	case a == Attempts{}:
		return []byte("all"), nil
	case a.From == a.To:
		return strconv.AppendInt(nil, int64(a.From), 10), nil
	case a.From == 1:
		return fmt.Appendf(nil, "first %d", a.To), nil
	}
	return fmt.Appendf(nil, "%d-%d", a.From, a.To), nil
}

// UnmarshalText reads "all", "first 2", "3" or "2-4".
func (a *Attempts) UnmarshalText(b []byte) error {
	s := strings.TrimSpace(string(b))
	if s == "all" || s == "" {
		*a = Attempts{}
		return nil
	}
	from, to, isRange := strings.Cut(s, "-")
	if n, ok := strings.CutPrefix(s, "first "); ok {
		from, to, isRange = "1", n, true
	}
	if !isRange {
		to = from
	}
	f, err := strconv.Atoi(strings.TrimSpace(from))
	t, err2 := strconv.Atoi(strings.TrimSpace(to))
	if err != nil || err2 != nil || f < 1 || t < f {
		return fmt.Errorf("%q doesn't say which attempts: write all, first 2, 3 or 2-4", s)
	}
	*a = Attempts{From: f, To: t}
	return nil
}

// Include says whether the nth try is meant, from 1.
func (a Attempts) Include(n int) bool {
	return a == Attempts{} || (n >= a.From && n <= a.To)
}

// ParseFaults reads a script: a YAML or JSON list of [Rule]. Unknown fields,
// duplicate keys and rules that could never do what they say are errors, all
// of them at once, with the number of the rule or the line.
func ParseFaults(script []byte) ([]Rule, error) {
	var rules []Rule
	if err := yaml.Load(script, &rules, yaml.WithKnownFields(), yaml.WithUniqueKeys()); err != nil {
		return nil, fmt.Errorf("read fault script: %w", err)
	}
	if _, err := arm(rules); err != nil {
		return nil, fmt.Errorf("read fault script: %w", err)
	}
	return rules, nil
}

// ReadFaults reads a script file.
func ReadFaults(path string) ([]Rule, error) {
	script, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read fault script: %w", err)
	}
	rules, err := ParseFaults(script)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}

// check says all that is wrong with a rule.
func (r Rule) check() error {
	var errs []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	k, known := kinds[r.Kind]
	add(r.Kind == "", "kind is missing: one of %s", kindNames())
	add(!known && r.Kind != "", "kind %q is unknown: one of %s", r.Kind, kindNames())
	add(r.Match == "", `match is missing: write part of a name, /a regular expression/ or "*"`)
	add(r.Endpoint != "" && !strings.HasPrefix(r.Endpoint, "/"), "endpoint %q is not a path: write /v1/swarm/logs", r.Endpoint)
	if known {
		add(r.AfterWork && !k.afterWork && (!k.status || r.Status == 0), "after_work means nothing to kind %s", r.Kind)
		add(r.Status != 0 && !k.status, "status belongs to kinds status, truncate, badjson and huge, not %s", r.Kind)
		add((r.Kind == KindStatus || r.Status != 0) && (r.Status < 300 || r.Status > 599) && (r.Kind != KindStatus || r.Status != 200),
			"status %d is not an error: 300 to 599, or 200 with an error body", r.Status)
		add(r.Detail != "" && !k.detail, "detail means nothing to kind %s", r.Kind)
		add(r.RetryAfter != "" && r.Kind != KindRate429, "retry_after belongs to kind rate429, not %s", r.Kind)
		add(r.Delay != 0 && !k.delay, "delay means nothing to kind %s", r.Kind)
		add(r.Delay == 0 && k.delay, "kind %s needs a delay, such as 30s", r.Kind)
		add(r.Kind == KindResetUnread && r.Match != "*", `kind %s can't match %q: the name is in the body that it doesn't read; use "*"`, r.Kind, r.Match)
		add(r.Endpoint != "" && !billable(r.Endpoint) && !k.wire && !k.delay, "kind %s only concerns completions, not %s", r.Kind, r.Endpoint)
	}
	return errors.Join(errs...)
}
