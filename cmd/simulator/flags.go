package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/stage"
)

// flags is the command line.
type flags struct {
	set *flag.FlagSet

	dialect                               string
	accounts                              []account
	positions                             stage.Positions // switches of a dialect
	addr, key, credit, free, tier, limits string
	window, faults, latency, tokens, now  string
	logLag                                time.Duration
	scale                                 float64
	seed                                  uint64
	strict, quiet, open                   bool
	switches                              map[string]json.RawMessage
}

func newFlags(stderr io.Writer) *flags {
	f := &flags{set: flag.NewFlagSet("simulator", flag.ContinueOnError), switches: map[string]json.RawMessage{}, positions: stage.Positions{}}
	s := f.set
	s.SetOutput(stderr)
	s.Usage = func() {
		if _, ok := dialects[f.dialect]; ok {
			explain(stderr, f.dialect)
		} else {
			fmt.Fprint(stderr, help)
		}
		s.PrintDefaults()
	}
	s.StringVar(&f.dialect, "dialect", swarms, "which `API`: "+dialectNames()+"; --dialect NAME --help says what it offers")
	s.StringVar(&f.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 picks a free one")
	s.BoolVar(&f.open, "open", false, "allow an address that isn't loopback, and the admin endpoint from anywhere")
	s.StringVar(&f.key, "key", "", "the account's API `key`; else "+simulator.DefaultKey+", or the dialect's")
	s.Func("account", "an account as `name=key,key`, for dialects other than "+swarms+"; may be repeated", f.parseAccount)
	s.StringVar(&f.credit, "credit", "1000", "the account's credits in `dollars`")
	s.StringVar(&f.free, "free-credit", "0", "its free credits in `dollars`, used first")
	s.StringVar(&f.tier, "tier", simulator.TierPremium, "free or premium")
	s.StringVar(&f.limits, "limits", "", "rate limits instead of the tier's, such as `2000/1m,10000/1h`, or none")
	s.BoolVar(&f.strict, "strict", false, "count requests on arrival and refuse the first that is too many, instead of counting finished runs")
	s.StringVar(&f.window, "window", "20:00-06:00@America/Los_Angeles", "`hours` of the discount and their zone: 20:00-06:00@ZONE, several with commas between them, always@ZONE, or a window as JSON")
	s.StringVar(&f.faults, "faults", "", "fault script, a YAML or JSON `file`")
	s.StringVar(&f.latency, "latency", "20ms", "how long a run takes: none, 20ms, 20ms-80ms, lognormal:45s,0.5; ,floor=10s may follow")
	s.StringVar(&f.tokens, "tokens", "", "input and output tokens of every run, such as `6000/3000`; else by a hash of the task")
	s.DurationVar(&f.logLag, "log-lag", 0, "how long after its end a run shows in the log")
	s.StringVar(&f.now, "now", "", "`instant` at which the clock starts, such as 2026-11-22T20:55:00-08:00")
	s.Float64Var(&f.scale, "scale", 1, "how fast the clock goes: 60 is a minute a second, 0 stands still")
	s.Uint64Var(&f.seed, "seed", 0, "another seed, other tokens, durations and job ids")
	s.BoolVar(&f.quiet, "quiet", false, "print nothing but the address and errors")
	s.Func("switch", "`name=value` of a switch, see docs/simulator.md; may be repeated", func(v string) error {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return errors.New("write name=value, such as batch_shape=C")
		}
		f.positions[name] = value
		raw := json.RawMessage(value)
		// The switches that are numbers or booleans are written bare; a chance
		// such as log_drop is text.
		if _, err := strconv.ParseBool(value); (err != nil || len(value) == 1) && !whole(name) {
			raw, _ = json.Marshal(value)
		}
		f.switches[name] = raw
		return nil
	})
	return f
}

// whole says whether a switch is an integer.
func whole(name string) bool {
	return name == "batch_cap" || name == "invalid_key" || name == "missing_key"
}

// options are what the flags ask for, or all that is wrong with them.
func (f *flags) options() (simulator.Options, error) {
	credit, err := money.Parse(f.credit)
	free, err2 := money.Parse(f.free)
	key := f.key
	if key == "" {
		key = simulator.DefaultKey
	}
	account := simulator.Account{Name: "default", Keys: []string{key}, Tier: f.tier, Credit: credit, Free: free}
	var err3 error
	if f.limits != "" {
		limits := simulator.TierLimits(f.tier)
		limits.Quotas, err3 = simulator.ParseQuotas(f.limits)
		account.Limits = &limits
	}
	opt := simulator.Options{Accounts: []simulator.Account{account}, Seed: f.seed, OpenAdmin: f.open}
	var errs [6]error
	opt.Window, errs[0] = simulator.ParseWindow(f.window)
	opt.Latency, errs[1] = simulator.ParseLatency(f.latency)
	opt.Tokens, errs[2] = parseTokens(f.tokens)
	opt.Clock, errs[3] = f.clock()
	opt.Switches, errs[4] = f.parseSwitches()
	if f.faults != "" {
		opt.Faults, errs[5] = simulator.ReadFaults(f.faults)
	}
	if len(f.accounts) > 0 {
		err = errors.Join(err, fmt.Errorf("--account belongs to dialects other than %s, which has one account: use --key", swarms))
	}
	return opt, errors.Join(append(errs[:], err, err2, err3)...)
}

func (f *flags) parseSwitches() (simulator.Switches, error) {
	object, err := json.Marshal(f.switches)
	if err != nil {
		return simulator.Switches{}, fmt.Errorf("read --switch: %w", err)
	}
	sw, err := simulator.ParseSwitches(object)
	sw.Strict = sw.Strict || f.strict
	if f.logLag < 0 {
		err = errors.Join(err, fmt.Errorf("read --log-lag %s: it is negative", f.logLag))
	}
	if f.logLag > 0 {
		sw.LogLag = simulator.Duration(f.logLag)
	}
	return sw, err
}

func (f *flags) clock() (simulator.Clock, error) {
	c := simulator.NewClock()
	if !(f.scale >= 0 && f.scale <= simulator.MaxScale) { // NaN is neither
		return nil, fmt.Errorf("read --scale %g: write 0 to %g; time doesn't run back", f.scale, simulator.MaxScale)
	}
	c.Scale(f.scale)
	if f.now != "" {
		t, err := time.Parse(time.RFC3339, f.now)
		if err != nil {
			return nil, fmt.Errorf("read --now %q: write 2026-11-22T20:55:00-08:00", f.now)
		}
		c.Set(t)
	}
	return c, nil
}

func parseTokens(s string) (simulator.Tokens, error) {
	if s == "" {
		return simulator.Tokens{}, nil
	}
	in, out, ok := strings.Cut(s, "/")
	i, err := strconv.ParseInt(in, 10, 64)
	o, err2 := strconv.ParseInt(out, 10, 64)
	if !ok || err != nil || err2 != nil || i < 1 || o < 1 {
		return simulator.Tokens{}, fmt.Errorf("read --tokens %q: write IN/OUT, such as 6000/3000", s)
	}
	return simulator.Tokens{In: i, Out: o}, nil
}
