package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/offpeak/offpeak/simulator"
)

const help = `simulator is a metered API on this machine: same paths, bodies, limits and
bills, with faults on cue and books of its own. Nothing leaves the machine and
nobody pays. The API is Swarms, or the one that --dialect names:

  go run ./cmd/simulator --dialect swiftia --help

What follows is about Swarms.

  go run ./cmd/simulator --now 2026-11-22T20:55:00-08:00 --latency 45s --scale 60
  curl -s -H 'x-api-key: sk-simulator' http://127.0.0.1:PORT/v1/account/credits
  curl -s http://127.0.0.1:PORT/__admin/books

A fault script is a YAML or JSON list:

  - {match: "*", kind: status, status: 500, after_work: true, probability: 0.02}
  - {match: EU Market, kind: hang, attempts: first 1}
  - {match: "/Digest$/", kind: ghost}
  - {match: "*", endpoint: /v1/account/credits, kind: slow, delay: 3s}

Kinds: status, html502, hang, reset, reset_unread, truncate, badjson, huge,
rate429; slow, nousage, nobilling, full_price, lie, ghost, late_log, dup_log,
wrong_log, item_error, item_missing, item_duplicate.

While it runs, from this machine and without a key:

  GET  /__admin/books[?full=1]      what happened
  POST /__admin/faults              another script
  POST /__admin/switches            {"billing": "none"}
  POST /__admin/clock               {"set": "2026-11-23T05:59:00-08:00"}, {"advance": "1h"}, {"scale": 60}
  POST /__admin/accounts            {"credit": "5.00", "tier": "free"}
  POST /__admin/reset

Flags:
`

// Exit codes.
const (
	exitDone     = 0
	exitFault    = 1
	exitBadInput = 2
)

// run is the program: it serves until ctx ends. It prints where it listens on
// stdout, and the rest on stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := newFlags(stderr)
	if err := f.set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitBadInput
	}
	if f.set.NArg() > 0 {
		fmt.Fprintf(stderr, "simulator: %q is not a flag; see --help\n", f.set.Arg(0))
		return exitBadInput
	}
	err := loopbackOnly(f.addr, f.open)
	api, err2 := f.openAPI()
	if err := errors.Join(err, err2); err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitBadInput
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.addr)
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitFault
	}
	fmt.Fprintf(stdout, "listening on http://%s\n", l.Addr())
	if !f.quiet {
		fmt.Fprintf(stderr, "%s; stop with Ctrl-C\n", api.begins)
	}
	err = api.serve(ctx, l)
	if !f.quiet {
		api.ends(stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return exitFault
	}
	return exitDone
}

// api is a simulator under the command's hands.
type api struct {
	begins string // what it is, once it listens
	serve  func(context.Context, net.Listener) error
	ends   func(io.Writer) // prints what it saw
}

// openAPI makes what the flags ask for, or says all that is wrong with them.
func (f *flags) openAPI() (api, error) {
	const stamp = "2006-01-02 15:04:05 MST"
	if f.dialect != swarms {
		sim, err := f.openDialect()
		if err != nil {
			return api{}, err
		}
		begins := fmt.Sprintf("%s, clock %s, %d fault rules", f.dialect, sim.Clock().Now().Format(stamp), len(sim.Rules()))
		return api{begins, sim.Serve, func(w io.Writer) { recount(w, sim.Summary()) }}, nil
	}
	opt, err := f.options()
	if err != nil {
		return api{}, err
	}
	sim, err := simulator.Open(opt)
	if err != nil {
		return api{}, err
	}
	begins := fmt.Sprintf("clock %s, discount %s, %d fault rules", sim.Clock().Now().Format(stamp), f.window, len(opt.Faults))
	return api{begins, sim.Serve, func(w io.Writer) { summarise(w, sim.Summary()) }}, nil
}

// loopbackOnly guards against an API that answers the whole network with a
// well-known key, unless that was asked for.
func loopbackOnly(addr string, open bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("read --addr %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); open || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--addr %s is not loopback; add --open to serve other machines, the admin endpoint included", addr)
}

func summarise(w io.Writer, s simulator.Summary) {
	fmt.Fprintf(w, "%d requests, %d runs, %s billed, %d of them discounted\n", s.Arrivals, s.Executions, s.Billed.Dollars(), s.Discounted)
	if n := len(s.DoubleBilled); n > 0 {
		show := s.DoubleBilled[:min(n, 10)]
		fmt.Fprintf(w, "billed more than once: %d, such as %s\n", n, strings.Join(show, ", "))
	}
}
