// Package fastnight plays a night against a rate limit in fast motion: the
// hands as they are, a ledger on SQLite and the simulator behind a socket, all
// by one clock that goes faster than the machine's. Only Temporal is left out:
// jobs are handed to the hands as it would, again after each delay. It is for
// tests and benchmarks.
package fastnight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// Keys of the one account: ours, and that of the stranger who shares its limits.
const (
	ourKey      = "sk-fastnight-ours"
	strangerKey = "sk-fastnight-stranger"
)

// Opening is when a night begins: 21:00 PST of 22 November 2026.
var Opening = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// Options describe a night.
type Options struct {
	Dir      string  // for the books and the archive
	Jobs     int     // of the batch
	Width    int     // jobs under way at once; 500 when 0
	Speed    float64 // how fast the clock goes; 1 when 0
	Limits   []simulator.Quota
	Switches simulator.Switches
	Latency  simulator.Latency
	Log      *zap.Logger
	Window   tariff.Window // the provider's; the built-in one when it has no zone
	Timeout  time.Duration // policy.request_timeout; the default when 0

	// Stranger is how far apart another user of the account sends requests, from
	// Before on: how long before the night he began. 0: there is none.
	Stranger time.Duration
	Before   time.Duration

	// Events happen so long after the opening.
	Events []Event
}

// Event is something that happens to the provider.
type Event struct {
	At time.Duration
	Do func(*simulator.Server) error
}

// Played is what a night came to.
type Played struct {
	Ours     []simulator.Arrival // the paid requests of this night, as the provider booked them
	Theirs   []simulator.Arrival // the stranger's
	Stranger int                 // those of the stranger's that the provider took, from the opening to our last
	Asked    int                 // times that the limits were read
	States   map[batch.State]int
	First    time.Time // our first request
	Last     time.Time // the end of our last run
}

// Took is from the opening's first request to the last run's end.
func (p Played) Took() time.Duration { return p.Last.Sub(p.First) }

// Within counts the requests of ours, and of the stranger's, that the provider
// took from the opening on.
func (p Played) Within(d time.Duration) (ours, theirs int) {
	count := func(all []simulator.Arrival) (n int) {
		for _, a := range all {
			if a.Executed && !a.At.Before(Opening) && a.At.Before(Opening.Add(d)) {
				n++
			}
		}
		return n
	}
	return count(p.Ours), count(p.Theirs)
}

// Status counts our requests that were answered so.
func (p Played) Status(code int) int {
	n := 0
	for _, a := range p.Ours {
		if a.Status == code {
			n++
		}
	}
	return n
}

// night is one that is being played.
type night struct {
	Options
	clock *simulator.Tunable
	api   *simulator.Server
	web   *httptest.Server
	books *ledger.Ledger
	hands *activities.Hands
	plan  batch.Plan
	rules gate.Rules // what isn't the gate's default

	taken atomic.Int64 // of the stranger's
}

// Play plays a night to its end.
func Play(ctx context.Context, o Options) (p Played, err error) {
	if o.Width == 0 {
		o.Width = 500
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	n := &night{Options: o, clock: simulator.FrozenClock(Opening)}
	closeAll, err := n.open(ctx)
	defer func() { err = errors.Join(err, closeAll()) }()
	if err != nil {
		return p, err
	}
	if err := n.prepare(ctx, "{}"); err != nil {
		return p, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var aside sync.WaitGroup
	var broken error
	n.clock.Set(Opening.Add(-o.Before))
	n.clock.Scale(o.Speed)
	if o.Stranger > 0 {
		aside.Go(func() { n.stranger(ctx) })
	}
	if err := n.clock.Wait(ctx, Opening.Sub(n.clock.Now())); err != nil {
		return p, err
	}
	before := n.taken.Load()
	aside.Go(func() { broken = n.events(ctx) })
	p.States, err = n.send(ctx)
	p.Stranger = int(n.taken.Load() - before)
	cancel()
	aside.Wait()
	if err = errors.Join(err, broken); err != nil {
		return p, err
	}
	n.count(&p)
	return p, nil
}

func (n *night) open(ctx context.Context) (func() error, error) {
	var closers []func() error
	closeAll := func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	var err error
	n.api, err = simulator.Open(simulator.Options{
		Clock: n.clock, Latency: n.Latency, Switches: n.Switches, Tokens: simulator.Tokens{In: 6000, Out: 3000}, Window: n.Window,
		Accounts: []simulator.Account{{
			Name: "shared", Keys: []string{ourKey, strangerKey}, Credit: 1_000_000 * money.Dollar, Limits: &simulator.Limits{Quotas: n.Limits},
		}},
	})
	if err != nil {
		return closeAll, err
	}
	n.web = httptest.NewServer(n.api)
	closers = append(closers, func() error { n.api.Close(); n.web.CloseClientConnections(); n.web.Close(); return nil })
	n.books, err = sqlite.Open(ctx, filepath.Join(n.Dir, "offpeak.db"), ledger.Options{Now: n.clock.Now})
	if err != nil {
		return closeAll, err
	}
	closers = append(closers, n.books.Close)
	store, err := archive.Open(ctx, "file://"+filepath.Join(n.Dir, "archive"))
	if err != nil {
		return closeAll, err
	}
	closers = append(closers, store.Close)
	client, err := swarms.New(swarms.Options{BaseURL: n.web.URL, Key: ourKey, Now: n.clock.Now})
	if err != nil {
		return closeAll, err
	}
	closers = append(closers, func() error { client.CloseIdle(); return nil })
	n.hands = activities.New(activities.Deps{Ledger: n.books, Archive: store, Swarms: client, Clock: n.clock, Log: n.Log, Rules: n.rules})
	return closeAll, nil
}

// prepare plans the batch, with that window as JSON, while the clock stands.
func (n *night) prepare(ctx context.Context, window string) error {
	var jobs strings.Builder
	for i := range n.Jobs {
		fmt.Fprintf(&jobs, "{\"name\": \"job-%d\", \"task\": \"Summarize item %d.\"}\n", i, i)
	}
	lines := filepath.Join(n.Dir, "jobs.jsonl")
	if err := os.WriteFile(lines, []byte(jobs.String()), 0o600); err != nil {
		return err
	}
	policy := "{}"
	if n.Timeout > 0 {
		policy = fmt.Sprintf(`{"request_timeout": %q}`, n.Timeout)
	}
	input := fmt.Sprintf(`{"name": "fast", "window": %s, "policy": %s, "budget": {"batch": "1000000.00"}, "defaults": {"swarm_type": "SequentialWorkflow",
		"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 1024}],
		"expect": {"input_tokens": 6000, "output_tokens": 3000}}, "jobs_from": %q}`, window, policy, lines)
	var err error
	n.plan, err = n.hands.PlanNight(ctx, batch.PlanRequest{
		Input: json.RawMessage(input), WorkflowID: "nightly/fast", RunID: "run-1", Asked: n.clock.Now(),
	})
	return err
}

// send runs every job to its rest, so many at once.
func (n *night) send(ctx context.Context) (map[batch.State]int, error) {
	states := map[batch.State]int{}
	var (
		mu   sync.Mutex
		errs []error
		wg   sync.WaitGroup
	)
	next := make(chan int)
	for range n.Width {
		wg.Go(func() {
			for seq := range next {
				out, err := n.one(ctx, seq)
				mu.Lock()
				states[out.State]++
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	for seq := range n.Jobs {
		next <- seq
	}
	close(next)
	wg.Wait()
	return states, errors.Join(errs...)
}

func (n *night) one(ctx context.Context, seq int) (batch.Outcome, error) {
	in := batch.Submit{Batch: n.plan.Batch, Seq: seq, Span: n.plan.Start.Span, RequestTimeout: n.plan.Policy.RequestTimeout}
	for {
		out, err := n.hands.SubmitSwarm(ctx, in)
		if err == nil {
			return out, nil
		}
		var e *temporal.ApplicationError
		if !errors.As(err, &e) || e.NonRetryable() || e.NextRetryDelay() <= 0 {
			return out, err
		}
		if err := n.clock.Wait(ctx, e.NextRetryDelay()); err != nil {
			return out, err
		}
	}
}

// stranger sends a request every so often, whatever comes of the one before.
func (n *night) stranger(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer c.CloseIdleConnections()
	begin := n.clock.Now()
	for i := 0; ; i++ {
		if n.clock.Wait(ctx, begin.Add(time.Duration(i)*n.Stranger).Sub(n.clock.Now())) != nil || ctx.Err() != nil {
			return
		}
		wg.Go(func() {
			body := fmt.Sprintf(`{"name": "stranger %d", "swarm_type": "SequentialWorkflow", "task": "Other work %d.",
				"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 64}]}`, i, i)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.web.URL+swarms.PathCompletions, strings.NewReader(body))
			if err != nil {
				return
			}
			r.Header.Set("X-Api-Key", strangerKey)
			if resp, err := c.Do(r); err == nil {
				if resp.StatusCode == http.StatusOK {
					n.taken.Add(1)
				}
				_ = resp.Body.Close()
			}
		})
	}
}

func (n *night) events(ctx context.Context) error {
	for _, e := range n.Events {
		if n.clock.Wait(ctx, Opening.Add(e.At).Sub(n.clock.Now())) != nil {
			return nil //nolint:nilerr // the night was over before
		}
		if err := e.Do(n.api); err != nil {
			return err
		}
	}
	return nil
}

func (n *night) count(p *Played) {
	for a := range n.api.Books().Arrivals() {
		switch {
		case a.Path == swarms.PathRateLimits:
			p.Asked++
		case a.Path != swarms.PathCompletions:
		case strings.HasPrefix(a.Name, "stranger "):
			p.Theirs = append(p.Theirs, a)
		default:
			p.Ours = append(p.Ours, a)
			if p.First.IsZero() || a.At.Before(p.First) {
				p.First = a.At
			}
			if a.Ended.After(p.Last) {
				p.Last = a.Ended
			}
		}
	}
}
