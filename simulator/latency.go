package simulator

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Latency is how long runs take, by a hash of the task.
type Latency struct {
	Kind   string        // fixed, uniform, lognormal or none; empty: fixed, 20 ms
	Low    time.Duration // fixed: the time; uniform: the least
	High   time.Duration // uniform: the most
	Median time.Duration // lognormal
	Sigma  float64       // lognormal: 0.5 puts one in a hundred at 3.2 medians or more
	Floor  time.Duration // never less
}

// ParseLatency reads "none", "20ms", "20ms-80ms" (uniform) or
// "lognormal:45s,0.5"; each may end in ",floor=10s".
func ParseLatency(s string) (Latency, error) {
	l, err := parseLatency(s)
	if err = errors.Join(err, l.Check()); err != nil {
		return Latency{}, fmt.Errorf("read latency %q: %w; write none, 20ms, 20ms-80ms or lognormal:45s,0.5", s, err)
	}
	return l, nil
}

func parseLatency(s string) (l Latency, err error) {
	if body, floor, ok := strings.Cut(s, ",floor="); ok {
		if l.Floor, err = time.ParseDuration(floor); err != nil {
			return l, err
		}
		s = body
	}
	if s == "none" || s == "0" {
		l.Kind = "none"
		return l, nil
	}
	if rest, ok := strings.CutPrefix(s, "lognormal:"); ok {
		l.Kind = "lognormal"
		median, sigma, _ := strings.Cut(rest, ",")
		if l.Median, err = time.ParseDuration(median); err != nil {
			return l, err
		}
		_, err = fmt.Sscanf(sigma, "%g", &l.Sigma)
		return l, err
	}
	low, high, uniform := strings.Cut(s, "-")
	if l.Low, err = time.ParseDuration(low); err != nil {
		return l, err
	}
	l.Kind = "fixed"
	if uniform {
		l.Kind = "uniform"
		l.High, err = time.ParseDuration(high)
	}
	return l, err
}

// Check says what is wrong with it, or nil.
func (l Latency) Check() error {
	switch {
	case l.Low < 0 || l.Floor < 0 || l.Median < 0:
		return errors.New("latency is negative")
	case l.Kind == "uniform" && l.High < l.Low:
		return fmt.Errorf("latency of at most %s is less than %s at least", l.High, l.Low)
	case l.Kind == "lognormal" && !(l.Sigma >= 0 && l.Sigma <= 5): // NaN is neither
		return fmt.Errorf("latency's sigma %g is not within 0 and 5", l.Sigma)
	case l.Kind != "" && l.Kind != "fixed" && l.Kind != "uniform" && l.Kind != "lognormal" && l.Kind != "none":
		return fmt.Errorf("latency kind %q is none of fixed, uniform, lognormal, none", l.Kind)
	}
	return nil
}

// Of is how long the run with this digest takes.
func (l Latency) Of(h uint64) time.Duration {
	d := 20 * time.Millisecond
	switch l.Kind {
	case "none":
		d = 0
	case "fixed":
		d = l.Low
	case "uniform":
		d = l.Low + time.Duration(next(&h)%uint64(l.High-l.Low+1))
	case "lognormal":
		// Box and Muller; the first number is never 0.
		u := (float64(next(&h)>>11) + 1) / (1 << 53)
		v := float64(next(&h)>>11) / (1 << 53)
		z := math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
		d = time.Duration(min(float64(l.Median)*math.Exp(l.Sigma*z), float64(24*time.Hour)))
	}
	return max(d, l.Floor)
}
