package activities_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// lane is all jobs of the night in one lane.
func (w *world) lane(width int) batch.Lane {
	return batch.Lane{
		Batch: w.plan.Batch, To: w.plan.Jobs, Span: w.plan.Start.Span,
		RequestTimeout: w.plan.Policy.RequestTimeout, Width: width,
	}
}

// wantLane wants a lane to have said what the books say.
func (w *world) wantLane(r batch.LaneResult, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	books, err := w.books.Totals(w.Context(), w.plan.Batch)
	if err != nil {
		w.Fatal(err)
	}
	if r.Jobs != books.Jobs || r.Billed != books.Charged || r.DayPrice != books.DayPrice {
		w.Errorf("the lane says %+v, the books %+v", r, books)
	}
}

// through is a provider that shows each paid request before it is served.
func (w *world) through(show func(*http.Request)) {
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == swarms.PathCompletions {
			show(r)
		}
		w.api.ServeHTTP(rw, r)
	}))
	w.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
}

// One lane among every fault: refusals, lost answers, resets, an answer that
// can't be read, a rejection. Each job ends in one state, nothing runs twice,
// both books agree, and never are more under way than the lane is wide.
func TestLaneWithFaults(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) {
		o.Latency = simulator.Latency{Kind: "uniform", Low: time.Second, High: 20 * time.Second}
		o.Switches.LogLag = simulator.Duration(20 * time.Second)
	})
	var most, now atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == swarms.PathCompletions {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
		}
		w.api.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	chance, err := parseChance("0.2")
	if err != nil {
		t.Fatal(err)
	}
	rule := func(kind string, r simulator.Rule) simulator.Rule {
		r.Match, r.Kind, r.Probability, r.Attempts = "*", kind, &chance, simulator.Attempts{From: 1, To: 3}
		return r
	}
	w.faults(
		rule(simulator.KindRate429, simulator.Rule{RetryAfter: "2"}),
		rule(simulator.KindStatus, simulator.Rule{Status: 503}),
		rule(simulator.KindReset, simulator.Rule{AfterWork: true}),
		rule(simulator.KindBadJSON, simulator.Rule{}),
		simulator.Rule{Match: "job-7 ", Kind: simulator.KindStatus, Status: 422},
	).planned(manifest(150, `"policy": {"log_lag": "30s", "fan_out": "lanes"},`))
	r, err := w.hands.SubmitLane(t.Context(), w.lane(16))
	w.wantLane(r, err)
	if r.Jobs.Succeeded+r.Jobs.Rejected != 150 || r.Jobs.Rejected > 1 {
		t.Errorf("%+v", r.Jobs)
	}
	if most.Load() > 16 {
		t.Errorf("%d requests at once from a lane of 16", most.Load())
	}
	if n := w.hands.Sending(); n != 0 {
		t.Errorf("%d requests in flight", n)
	}
	result, err := w.audit()
	if err != nil || !result.Audit.Passed {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

// Two lanes on two workers, a provider that refuses the 31st arrival within a
// minute: no refusal is met, and every job runs once.
func TestLanesKeepTheLimit(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) {
		o.Latency = simulator.Latency{Kind: "uniform", Low: 100 * time.Millisecond, High: 2 * time.Second}
		o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: 30}}}
		o.Switches.Strict = true
	})
	w.planned(manifest(200, ""))
	var both sync.WaitGroup
	for i := range 2 {
		if i > 0 {
			w.newHands(w.server.URL)
		}
		hands, in := w.hands, w.lane(20)
		in.From, in.To = i*100, (i+1)*100
		both.Go(func() {
			if r, err := hands.SubmitLane(context.Background(), in); err != nil || r.Jobs.Succeeded != 100 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	both.Wait()
	for _, p := range w.posts() {
		if p.Status != http.StatusOK {
			t.Errorf("%s met %d", p.Name, p.Status)
		}
	}
	if n := w.api.Books().MaxInWindow(time.Minute); n > 30 {
		t.Errorf("%d requests within a minute, 30 are allowed", n)
	}
	w.honest()
}

// A lane after one that died: what it finds sending is unknown until the log
// has spoken; what ran is settled from there, what didn't run is sent.
func TestLaneAfterACrash(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(6, ""))
	if out, _ := w.send(0); out.State != batch.Succeeded {
		t.Fatal(out)
	}
	for _, seq := range []int{1, 2} {
		ask := ledger.Ask{Batch: w.plan.Batch, Seq: seq, Span: w.plan.Start.Span, Slow: w.plan.Policy.RequestTimeout}
		v, _, err := w.books.Admit(t.Context(), ask, func(s ledger.Standing) ledger.Verdict { return gate.Decide(s, gate.Rules{}) })
		if err != nil || v.Action != ledger.Go {
			t.Fatal(v, err)
		}
	}
	j := w.job(1) // its request left before the worker died
	payload, err := swarms.Payload(j.Request, j.Name, j.RequestID)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.deps.Swarms.Complete(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	w.newHands(w.server.URL)
	r, err := w.hands.SubmitLane(t.Context(), w.lane(4))
	if err != nil || r.Jobs.Succeeded != 5 || r.Jobs.Total != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	if n := len(w.posts()); n != 6 {
		t.Errorf("%d requests for 6 jobs", n)
	}
	if n := strings.Count(w.log.String(), "the outcome is unknown"); n != 2 {
		t.Errorf("%d jobs were named unknown, want 2", n)
	}
	w.honest()
}

// Two attempts of one lane at once, on two workers: the first was given up for
// dead and lives. Both end, and nothing runs twice.
func TestTwoAttemptsOfALane(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Latency = simulator.Latency{Kind: "fixed", Low: time.Second} })
	w.planned(manifest(80, `"policy": {"log_lag": "5s", "request_timeout": "30s"},`))
	var both sync.WaitGroup
	for i := range 2 {
		if i > 0 {
			w.newHands(w.server.URL)
		}
		hands := w.hands
		both.Go(func() {
			if r, err := hands.SubmitLane(context.Background(), w.lane(8)); err != nil || r.Jobs.Succeeded != r.Jobs.Total {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	both.Wait()
	if books, err := w.books.Totals(t.Context(), w.plan.Batch); err != nil || books.Jobs.Succeeded != 80 {
		t.Errorf("%+v, %v", books, err)
	}
	w.honest()
}

// Cancelled, which is also what the SDK does when Temporal takes no more
// heartbeats: what is in flight drains and is settled, nothing else leaves.
func TestLaneCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, nil)
	var arrived sync.WaitGroup
	arrived.Add(3)
	w.through(func(*http.Request) { arrived.Done(); <-ctx.Done() })
	w.planned(manifest(10, ""))
	go func() { arrived.Wait(); cancel() }()
	_, err := w.hands.SubmitLane(ctx, w.lane(3))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it cancelled", err)
	}
	if n := len(w.posts()); n != 3 || w.hands.Sending() != 0 {
		t.Errorf("%d requests, %d in flight", n, w.hands.Sending())
	}
	result, err := w.hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span, Cancelled: true, Stop: "the night was cancelled"})
	if err != nil || result.Jobs.Succeeded != 3 || result.Jobs.Cancelled != 7 {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

// A worker that shuts down in the middle of a lane: what is in flight drains,
// the lane is handed back, and another worker ends it.
func TestLaneRests(t *testing.T) {
	w := newWorld(t, nil)
	resting := make(chan struct{})
	var arrived sync.WaitGroup
	arrived.Add(3)
	var open atomic.Bool
	w.through(func(*http.Request) {
		if !open.Load() {
			arrived.Done()
			<-resting
		}
	})
	w.planned(manifest(10, ""))
	hands := w.hands
	go func() { arrived.Wait(); hands.Rest(); open.Store(true); close(resting) }()
	_, err := hands.SubmitLane(t.Context(), w.lane(3))
	if e := applicationError(t, err); e.Type() != string(batch.Waiting) || e.NonRetryable() || !strings.Contains(err.Error(), "shuts down") {
		t.Errorf("%v", err)
	}
	if n := len(w.posts()); n != 3 || hands.Sending() != 0 {
		t.Errorf("%d requests, %d in flight", n, hands.Sending())
	}
	w.newHands(w.server.URL)
	if r, err := w.hands.SubmitLane(t.Context(), w.lane(3)); err != nil || r.Jobs.Succeeded != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	w.honest()
}

// Near the close a lane sends what still ends in time and parks the rest.
func TestLaneParksAtTheClose(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Latency = simulator.Latency{Kind: "fixed", Low: 5 * time.Minute} })
	w.planned(manifest(30, `"budget": {"batch": 1000},`))
	w.clock.mu.Lock()
	w.clock.at = w.plan.Start.Span.Deadline.Add(-w.plan.Policy.RequestTimeout - 11*time.Minute)
	w.clock.mu.Unlock()
	r, err := w.hands.SubmitLane(t.Context(), w.lane(1))
	w.wantLane(r, err)
	if r.Jobs.Parked == 0 || r.Jobs.Succeeded == 0 || r.Jobs.Parked+r.Jobs.Succeeded != 30 {
		t.Errorf("%+v", r.Jobs)
	}
	for _, p := range w.posts() {
		if p.Ended.After(w.plan.Start.Span.Deadline) {
			t.Errorf("%s ended at %s, after the deadline", p.Name, p.Ended)
		}
	}
	w.honest()
}

// A refusal holds the whole lane until its Retry-After is over, and each of the
// jobs that were refused goes again.
func TestLaneKeepsTheFloor(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Latency = simulator.Latency{Kind: "none"} })
	w.faults(simulator.Rule{Match: "job-0 ", Kind: simulator.KindRate429, RetryAfter: "45", Attempts: simulator.Attempts{From: 1, To: 1}})
	w.planned(manifest(20, ""))
	r, err := w.hands.SubmitLane(t.Context(), w.lane(1))
	w.wantLane(r, err)
	var refused time.Time
	for _, p := range w.posts() {
		switch {
		case p.Status == http.StatusTooManyRequests:
			refused = p.At
		case !refused.IsZero() && p.At.Sub(refused) < 45*time.Second:
			t.Errorf("%s arrived %s after the refusal", p.Name, p.At.Sub(refused))
		}
	}
	if r.Jobs.Succeeded != 20 || refused.IsZero() {
		t.Errorf("%+v, refused at %s", r.Jobs, refused)
	}
	w.honest()
}

// impatient is a clock on which somebody loses patience at the first long wait.
type impatient struct {
	*leaping
	lose func()
}

func (c impatient) Wait(ctx context.Context, d time.Duration) error {
	if d > 50*time.Second {
		c.lose()
	}
	return c.leaping.Wait(ctx, d)
}

// The books are gone in the middle of a lane: it begins nothing without them,
// and asks for them less and less often, as a whole and not for each job.
func TestLaneWithoutBooks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, nil)
	w.through(func(*http.Request) { _ = w.books.Close() })
	w.deps.Clock = impatient{w.clock, cancel}
	w.planned(manifest(10, ""))
	w.hands = activities.New(w.deps)
	if _, err := w.hands.SubmitLane(ctx, w.lane(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := len(w.posts()); n != 1 {
		t.Errorf("%d requests left, of which only the first had its attempt in the books", n)
	}
	if n := strings.Count(w.log.String(), "a lane waits for what is out of reach"); n < 3 || n > 10 {
		t.Errorf("the lane waited %d times", n)
	}
}

// What a lane of an earlier attempt counted goes on, and its heartbeat says how
// far it is.
func TestLaneCountsOn(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(5, ""))
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(w.hands.SubmitLane)
	var before batch.LaneResult
	before.Add(batch.Outcome{State: batch.Succeeded, Billed: money.Cent, DayPrice: 2 * money.Cent})
	env.SetHeartbeatDetails(batch.LaneBeat{Lane: before})
	value, err := env.ExecuteActivity(w.hands.SubmitLane, w.lane(2))
	if err != nil {
		t.Fatal(err)
	}
	var r batch.LaneResult
	if err := value.Get(&r); err != nil || r.Jobs.Succeeded != 6 || r.Jobs.Total != 6 {
		t.Errorf("%+v, %v", r, err)
	}
	books, err := w.books.Totals(t.Context(), w.plan.Batch)
	if err != nil || r.Billed != books.Charged+money.Cent || r.DayPrice != books.DayPrice+2*money.Cent {
		t.Errorf("%+v; books %+v, %v", r, books, err)
	}
}

// How a plan chooses between an activity for each job and lanes, and how it
// cuts up a night of lanes.
func TestFanOut(t *testing.T) {
	for name, c := range map[string]struct {
		policy          string
		jobs            int
		shard, at, lane int
		log             ledger.BatchLog
		warns           string
	}{
		"few":                {jobs: 1000, shard: 500, at: 4},
		"many":               {jobs: 1001, shard: 251, at: 4, lane: 125},
		"very many":          {jobs: 30_000, shard: 5000, at: 6, lane: 83},
		"jobs by order":      {policy: `"fan_out": "jobs"`, jobs: 1001, shard: 500, at: 4},
		"lanes by order":     {policy: `"fan_out": "lanes"`, jobs: 3, shard: 1, at: 3, lane: 166},
		"batches come first": {policy: `"mode": "batch", "fan_out": "lanes"`, jobs: 30, log: ledger.BatchLogYes, shard: 500, at: 4, warns: "policy.fan_out lanes means nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			if c.log != "" {
				w.logsBatches(c.log)
			}
			lines := &strings.Builder{}
			for i := range c.jobs {
				fmt.Fprintf(lines, "{\"name\": \"job-%d\", \"task\": \"x\"}\n", i)
			}
			path := filepath.Join(w.dir, "jobs.jsonl")
			if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			policy := c.policy
			if !strings.Contains(policy, "mode") {
				policy = strings.TrimSuffix(`"mode": "single", `+policy, ", ")
			}
			w.planned(fmt.Sprintf(`{"name": "digest", "policy": {%s}, "budget": {"batch": 1000000}, "jobs_from": %q,
				"defaults": {"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 256}]}}`, policy, path))
			if p := w.plan; p.ShardSize != c.shard || p.Shards != c.at || p.Lane != c.lane {
				t.Errorf("stretches of %d jobs, %d at once, lanes of %d; want %d, %d, %d", p.ShardSize, p.Shards, p.Lane, c.shard, c.at, c.lane)
			}
			if all := strings.Join(w.plan.Warnings, "\n"); !strings.Contains(all, c.warns) || c.warns == "" && strings.Contains(all, "fan_out") {
				t.Errorf("want %q in the warnings:\n%s", c.warns, all)
			}
		})
	}
}
