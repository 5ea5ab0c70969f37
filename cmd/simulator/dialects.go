package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/allswap"
	"github.com/offpeak/offpeak/simulator/glyphmill"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/simulator/swiftia"
)

// swarms is the API that is simulated when no other is asked for.
const swarms = "swarms"

// dialect is a simulated API other than Swarms.
type dialect struct {
	about    string
	key      string // of its one account, when none is given
	describe func() *stage.Play
	open     func(accounts []account, l simulator.Latency, o stage.Options) (*stage.Server, error)
}

// account is what --account says.
type account struct {
	name string
	keys []string
}

var dialects = map[string]dialect{
	"allswap": {
		about: "swaps of tokens: a quote that is good for 30 s, then its swap", key: allswap.DefaultKey.ID + ":" + allswap.DefaultKey.Secret, describe: allswap.Describe,
		open: func(accounts []account, l simulator.Latency, o stage.Options) (*stage.Server, error) {
			opt := allswap.Options{Options: o, Latency: l}
			for _, a := range accounts {
				client := allswap.Client{Name: a.name}
				for i, k := range a.keys {
					id, secret, ok := strings.Cut(k, ":")
					if !ok {
						return nil, fmt.Errorf("read key %d of %s: write ID:SECRET, such as ak_sandbox_1:sk_sandbox_1", i+1, a.name)
					}
					client.Keys = append(client.Keys, allswap.Key{ID: id, Secret: secret})
				}
				opt.Clients = append(opt.Clients, client)
			}
			s, err := allswap.Open(opt)
			if err != nil {
				return nil, err
			}
			return s.Server, nil
		},
	},
	"glyphmill": {
		about: "an API that doesn't exist, for dialects of one's own: scanned pages are read, and billed in cents", key: glyphmill.DefaultKey, describe: glyphmill.Describe,
		open: func(accounts []account, l simulator.Latency, o stage.Options) (*stage.Server, error) {
			opt := glyphmill.Options{Options: o, Latency: l}
			for _, a := range accounts {
				opt.Accounts = append(opt.Accounts, glyphmill.Account{Name: a.name, Keys: a.keys})
			}
			s, err := glyphmill.Open(opt)
			if err != nil {
				return nil, err
			}
			return s.Server, nil
		},
	},
	"swiftia": {
		about: "shorts of videos: jobs that are asked for until they are done", key: swiftia.DefaultKey, describe: swiftia.Describe,
		open: func(accounts []account, l simulator.Latency, o stage.Options) (*stage.Server, error) {
			opt := swiftia.Options{Options: o, Latency: l}
			for _, a := range accounts {
				opt.Organisations = append(opt.Organisations, swiftia.Organisation{Name: a.name, Keys: a.keys})
			}
			s, err := swiftia.Open(opt)
			if err != nil {
				return nil, err
			}
			return s.Server, nil
		},
	},
}

func dialectNames() string {
	return strings.Join(append([]string{swarms}, slices.Sorted(maps.Keys(dialects))...), ", ")
}

// onlySwarms are the flags that mean nothing to another dialect.
var onlySwarms = []string{"credit", "free-credit", "tier", "limits", "strict", "window", "tokens", "log-lag"}

// openDialect makes the simulator that the flags ask for, or says all that is
// wrong with them.
func (f *flags) openDialect() (*stage.Server, error) {
	d, ok := dialects[f.dialect]
	if !ok {
		return nil, fmt.Errorf("--dialect %q is none of %s", f.dialect, dialectNames())
	}
	var errs []error
	f.set.Visit(func(given *flag.Flag) {
		if slices.Contains(onlySwarms, given.Name) {
			errs = append(errs, fmt.Errorf("--%s belongs to --dialect %s, not %s; see --dialect %s --help for its switches", given.Name, swarms, f.dialect, f.dialect))
		}
	})
	o := stage.Options{Seed: f.seed, OpenAdmin: f.open, Switches: f.positions}
	var err error
	o.Clock, err = f.clock()
	errs = append(errs, err)
	latency, err := simulator.ParseLatency(f.latency)
	errs = append(errs, err)
	if f.faults != "" {
		o.Faults, err = d.describe().ReadFaults(f.faults)
		errs = append(errs, err)
	}
	accounts := f.accounts
	if key := f.key; len(accounts) == 0 || key != "" {
		if key == "" {
			key = d.key
		}
		accounts = append([]account{{"default", []string{key}}}, accounts...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d.open(accounts, latency, o)
}

// parseAccount reads "acme=key1,key2".
func (f *flags) parseAccount(v string) error {
	name, keys, ok := strings.Cut(v, "=")
	if !ok || name == "" || keys == "" {
		return errors.New("write name=key,key, such as acme=key-1,key-2")
	}
	f.accounts = append(f.accounts, account{name, strings.Split(keys, ",")})
	return nil
}

// explain prints what a dialect offers.
func explain(w io.Writer, name string) {
	p := dialects[name].describe()
	fmt.Fprintf(w, "%s: %s\n\nRoutes:\n", name, dialects[name].about)
	for _, r := range p.Routes {
		paid := ""
		if r.Paid {
			paid = "  (buys: what a fault without a route means)"
		}
		fmt.Fprintf(w, "  %-5s %s%s\n", r.Method, r.Path, paid)
	}
	fmt.Fprintf(w, "\nSwitches, the default first:\n")
	for _, s := range p.Switches {
		fmt.Fprintf(w, "  %-16s %s\n  %16s %s\n", s.Name, strings.Join(s.Words, ", "), "", s.Means)
	}
	fmt.Fprintf(w, "\nFaults: %s\n", p.KindNames())
	fmt.Fprintf(w, "Codes, for kind status: %s\n", strings.Join(slices.Sorted(maps.Keys(p.Codes)), ", "))
	own := append([]string{"books[?full=1]", "faults", "switches", "clock", "reset"}, slices.Sorted(maps.Keys(p.Admin))...)
	fmt.Fprintf(w, "While it runs, under /__admin/: %s\n\nFlags:\n", strings.Join(own, ", "))
}

// recount prints what a dialect's simulator saw.
func recount(w io.Writer, r stage.Report) {
	var bought []string
	for _, kind := range slices.Sorted(maps.Keys(r.Purchases)) {
		s := "s"
		if r.Purchases[kind] == 1 {
			s = ""
		}
		bought = append(bought, fmt.Sprintf("%d %s%s", r.Purchases[kind], kind, s))
	}
	if len(bought) == 0 {
		bought = []string{"nothing"}
	}
	fmt.Fprintf(w, "%d requests, bought %s", r.Arrivals, strings.Join(bought, ", "))
	if r.Cost > 0 {
		fmt.Fprintf(w, " for %s", r.Cost.Dollars())
	}
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(r.Accounts)) {
		a := r.Accounts[name]
		fmt.Fprintf(w, "%s: %d requests, %d refused by its limits", name, a.Arrivals, a.Refused)
		if a.Closest != "" {
			fmt.Fprintf(w, ", two of them %s apart at the closest", a.Closest)
		}
		fmt.Fprintln(w)
	}
	sample(w, "bought and not answered whole", r.Lost)
	sample(w, "bought more than once", r.Twice)
}

func sample(w io.Writer, what string, of []string) {
	if len(of) > 0 {
		fmt.Fprintf(w, "%s: %d, such as %s\n", what, len(of), strings.Join(of[:min(len(of), 10)], ", "))
	}
}
