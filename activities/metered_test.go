package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/dialect"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/simulator/allswap"
	"github.com/offpeak/offpeak/simulator/stage"
	"github.com/offpeak/offpeak/simulator/swiftia"
)

// clock is what the hands, the books and the simulator of a factory share.
type clock interface {
	Now() time.Time
	Wait(ctx context.Context, d time.Duration) error
}

// jumping is a clock for which waiting takes no time: whoever waits takes it to
// the instant that is waited for, and who waits for an earlier one needn't.
type jumping struct{ leaping }

func (c *jumping) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	until := c.at.Add(max(d, 0))
	c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if until.After(c.at) {
		c.at = until
	}
	return nil
}

// factory is workers with one ledger before one simulated API.
type factory struct {
	*testing.T
	dir   string
	clock clock
	books *ledger.Ledger
	store *archive.Archive
	log   *logbook
	plan  batch.Plan
}

func newFactory(t *testing.T, c clock) *factory {
	t.Helper()
	f := &factory{T: t, dir: t.TempDir(), clock: c, log: &logbook{}}
	var err error
	if f.books, err = sqlite.Open(t.Context(), filepath.Join(f.dir, "offpeak.db"), ledger.Options{Now: c.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.books.Close() })
	if f.store, err = archive.Open(t.Context(), "file://"+filepath.Join(f.dir, "archive")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	return f
}

// worker is a worker of one provider, with the settings that it would find in
// its environment.
func (f *factory) worker(provider string, env map[string]string) *activities.Hands {
	f.Helper()
	for _, d := range dialect.Builtin() {
		if d.Name == provider {
			return f.workerOf(d, env)
		}
	}
	f.Fatalf("no dialect %s", provider)
	return nil
}

func (f *factory) workerOf(d *dialect.Dialect, env map[string]string) *activities.Hands {
	f.Helper()
	api, err := dialect.New(d, dialect.Options{Now: f.clock.Now, Value: func(name string) string { return env[name] }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(api.CloseIdle)
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(f.log), zapcore.DebugLevel)
	h := activities.New(activities.Deps{
		Ledger: f.books, Archive: f.store, APIs: []*dialect.Client{api}, Log: zap.New(core), Clock: f.clock,
		Jitter: func(most time.Duration) time.Duration { return most / 2 },
	})
	if err := h.KeepAPILimits(f.Context()); err != nil {
		f.Fatal(err)
	}
	return h
}

// planned plans a batch with a worker, and makes the preflight.
func (f *factory) planned(h *activities.Hands, manifest string) batch.Plan {
	f.Helper()
	plan, err := h.PlanNight(f.Context(), batch.PlanRequest{Input: json.RawMessage(manifest), WorkflowID: "nightly/x", RunID: "run-1", Asked: f.clock.Now()})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := h.CheckCredits(f.Context(), batch.CreditsRequest{Batch: plan.Batch, Estimate: plan.Estimate, When: "when asked"}); err != nil {
		f.Fatal(err)
	}
	f.plan = plan
	return plan
}

// finish runs SubmitRequest as the story and Temporal would, until the job is
// over.
func (f *factory) finish(plan batch.Plan, seq int, hands ...*activities.Hands) batch.Outcome {
	f.Helper()
	in := batch.Submit{Batch: plan.Batch, Seq: seq, Span: plan.Start.Span, RequestTimeout: plan.Policy.RequestTimeout}
	for n := range 2000 {
		out, err := hands[n%len(hands)].SubmitRequest(f.Context(), in)
		var wait time.Duration
		var app *temporal.ApplicationError
		switch {
		case err == nil && out.Again.IsZero():
			return out
		case err == nil:
			wait = out.Again.Sub(f.clock.Now())
		case errors.As(err, &app) && !app.NonRetryable() && app.NextRetryDelay() > 0:
			wait = app.NextRetryDelay()
		default:
			f.Errorf("job %d: %v", seq, err)
			return batch.Outcome{}
		}
		if err := f.clock.Wait(f.Context(), wait); err != nil {
			f.Error(err)
			return batch.Outcome{}
		}
	}
	f.Errorf("job %d didn't end in 2000 attempts", seq)
	return batch.Outcome{}
}

// judged ends a night as the story does.
func (f *factory) judged(h *activities.Hands, plan batch.Plan) (batch.Result, error) {
	f.Helper()
	books, err := h.Reconcile(f.Context(), batch.ReconcileRequest{Batch: plan.Batch, Span: plan.Start.Span, WorkflowID: "nightly/x", RunID: "run-1"})
	if err != nil {
		f.Fatal(err)
	}
	return h.AuditDiscount(f.Context(), batch.AuditRequest{Batch: plan.Batch, Span: plan.Start.Span, Books: &books})
}

// honest checks what holds after any night.
func (f *factory) honest(b *stage.Books, secrets ...string) {
	f.Helper()
	if twice := b.Twice(); len(twice) > 0 {
		f.Errorf("bought twice: %v", twice)
	}
	if _, err := f.books.Verify(f.Context()); err != nil {
		f.Errorf("the ledger doesn't hold: %v", err)
	}
	for _, s := range secrets {
		if strings.Contains(f.log.String(), s) {
			f.Errorf("a secret was logged")
		}
	}
}

// api opens a simulator behind a socket.
func serve(t *testing.T, s interface {
	Close()
}, h *httptest.Server,
) string {
	t.Helper()
	t.Cleanup(func() { s.Close(); h.CloseClientConnections(); h.Close() })
	return h.URL
}

func videos(name string, n int) string {
	jobs := make([]string, n)
	for i := range jobs {
		jobs[i] = fmt.Sprintf(`{"name": "video-%d", "request": {"youtubeVideoId": "%s-%d"}}`, i, name, i)
	}
	return fmt.Sprintf(`{"name": "%s", "provider": "swiftia", "budget": {"batch": 500.00}, "defaults": {"ceiling": 5.00, "request": {"functionName": "VideoShorts"}}, "jobs": [%s]}`, name, strings.Join(jobs, ","))
}

// TestSwiftiaThreeWorkers: sixty videos through three workers, each with a key
// of its own of one organisation. Not two of their requests are closer than the
// window is long, none is refused, each video is bought once; and another
// organisation on the same books isn't slowed down.
func TestSwiftiaThreeWorkers(t *testing.T) {
	t.Parallel()
	const jobs = 60
	c := &jumping{leaping{at: nine}}
	api := swiftia.New(swiftia.Options{
		Options: stage.Options{Clock: c}, Latency: simulator.Latency{Kind: "fixed", Low: 40 * time.Second},
		Organisations: []swiftia.Organisation{{Name: "acme", Keys: []string{"acme-key-1", "acme-key-2", "acme-key-3"}}, {Name: "zeta", Keys: []string{"zeta-key-1"}}},
	})
	base := serve(t, api, httptest.NewServer(api)) + "/api"
	f := newFactory(t, c)
	env := func(organisation, key string) map[string]string {
		return map[string]string{"SWIFTIA_API_KEY": key, "SWIFTIA_ORGANISATION": organisation, "SWIFTIA_BASE_URL": base}
	}
	workers := make([]*activities.Hands, 3)
	for i := range workers {
		workers[i] = f.worker("swiftia", env("acme", fmt.Sprintf("acme-key-%d", i+1)))
	}
	// Others' waits may take the clock minutes ahead while a request is under way
	// here; a real one is cut off by its timeout before that.
	patient := strings.Replace(videos("acme", jobs), `"budget"`, `"policy": {"request_timeout": "30m"}, "budget"`, 1)
	acme := f.planned(workers[0], patient)
	if acme.Metered != "swiftia" || acme.InFlight != 64 || acme.Shards != 1 || !acme.Window.Always {
		t.Errorf("the plan: %+v", acme)
	}
	others := f.worker("swiftia", env("zeta", "zeta-key-1"))
	zeta := f.planned(others, videos("zeta", 1))

	var wg sync.WaitGroup
	outs := make([]batch.Outcome, jobs)
	for seq := range jobs {
		wg.Go(func() { outs[seq] = f.finish(acme, seq, workers[seq%3]) })
	}
	wg.Wait()
	books := api.Books()
	for seq, out := range outs {
		if out.State != batch.Succeeded || out.Billed == 0 {
			t.Errorf("job %d: %+v", seq, out)
		}
	}
	closest, _ := books.Closest("acme")
	if refused := books.Refused("acme"); refused != 0 || closest < 2*time.Second {
		t.Errorf("%d requests were refused, the closest two came %s apart", refused, closest)
	}
	if n := len(books.Purchases()); n != jobs {
		t.Errorf("%d videos were bought for %d jobs", n, jobs)
	}
	before := c.Now()
	if out := f.finish(zeta, 0, others); out.State != batch.Succeeded {
		t.Errorf("the other organisation: %+v", out)
	}
	for _, a := range books.Arrivals() {
		if a.Account == "zeta" {
			if wait := a.At.Sub(before); wait > time.Second {
				t.Errorf("its first request waited for %s", wait)
			}
			break
		}
	}
	result, err := f.judged(workers[0], acme)
	if err != nil || !result.Audit.Passed || !result.Discount.None || result.Jobs.Succeeded != jobs || result.Money.Billed != books.Totals().Cost-f.billed(zeta) {
		t.Errorf("%+v, %v", result, err)
	}
	f.honest(books, "acme-key", "zeta-key")
}

func (f *factory) billed(p batch.Plan) (sum money.USD) {
	f.Helper()
	t, err := f.books.Totals(f.Context(), p.Batch)
	if err != nil {
		f.Fatal(err)
	}
	return t.Charged
}

// TestSwiftiaCrash: a worker dies after the provider took a video on; the next
// one asks for it and buys nothing.
func TestSwiftiaCrash(t *testing.T) {
	t.Parallel()
	c := &jumping{leaping{at: nine}}
	api := swiftia.New(swiftia.Options{Options: stage.Options{Clock: c}, Latency: simulator.Latency{Kind: "fixed", Low: time.Hour}})
	base := serve(t, api, httptest.NewServer(api)) + "/api"
	f := newFactory(t, c)
	env := map[string]string{"SWIFTIA_API_KEY": swiftia.DefaultKey, "SWIFTIA_BASE_URL": base}
	h := f.worker("swiftia", env)
	plan := f.planned(h, videos("a", 2))
	in := batch.Submit{Batch: plan.Batch, Seq: 0, Span: plan.Start.Span, RequestTimeout: time.Minute}
	out, err := h.SubmitRequest(t.Context(), in)
	if err != nil || out.State != batch.Sending || !out.Again.After(c.Now()) {
		t.Fatalf("%+v, %v", out, err)
	}
	h = f.worker("swiftia", env) // whatever the one before had in memory is gone
	if out = f.finish(plan, 0, h); out.State != batch.Succeeded {
		t.Errorf("%+v", out)
	}
	if n := len(api.Books().Purchases()); n != 1 {
		t.Errorf("%d were bought", n)
	}
	if looks := len(api.Books().Arrivals()); looks > 40 {
		t.Errorf("it was asked for %d times in an hour", looks)
	}
	// A lost answer to the purchase itself: nobody can say, and nobody buys again.
	if err := api.SetFaults(stage.Rule{Match: "a-1", Kind: stage.KindReset, AfterWork: true}); err != nil {
		t.Fatal(err)
	}
	if out = f.finish(plan, 1, h); out.State != batch.Unknown {
		t.Errorf("%+v", out)
	}
	result, err := f.judged(h, plan)
	if kindOf(t, err) != batch.OutcomesUnknown {
		t.Errorf("%+v, %v", result, err)
	}
	f.honest(api.Books(), swiftia.DefaultKey)
}

// TestSwiftiaFailed: work that fails is rejected when it costs nothing, and
// booked when it is billed all the same; work that never ends, or that the
// provider knows nothing of any more, is named and never bought again.
func TestSwiftiaFailed(t *testing.T) {
	t.Parallel()
	c := &jumping{leaping{at: nine}}
	api := swiftia.New(swiftia.Options{
		Options: stage.Options{Clock: c, Switches: stage.Positions{"failed_cost": "free"}, Faults: []stage.Rule{
			{Match: "a-0", Kind: swiftia.KindJobFailed},
			{Match: "a-1", Kind: swiftia.KindLate, Delay: simulator.Duration(100 * time.Hour)},
			{Match: "a-2", Route: "GET /api/jobs/{id}", Kind: stage.KindStatus, Code: "NOT_FOUND"},
			{Match: "a-3", Route: "GET /api/jobs/{id}", Kind: stage.KindStatus, Code: "INTERNAL_SERVER_ERROR", Times: 7},
			{Match: "a-4", Route: "GET /api/jobs/{id}", Kind: stage.KindRate429, RetryAfter: "3", Times: 2},
		}},
	})
	base := serve(t, api, httptest.NewServer(api)) + "/api"
	f := newFactory(t, c)
	h := f.worker("swiftia", map[string]string{"SWIFTIA_API_KEY": swiftia.DefaultKey, "SWIFTIA_BASE_URL": base})
	plan := f.planned(h, videos("a", 5))
	for _, want := range []struct {
		seq   int
		state batch.State
		why   string
	}{
		{0, batch.Rejected, "the work failed"},
		{2, batch.Unknown, "can't be asked about it: HTTP 404"},
		{3, batch.Succeeded, ""},
		{4, batch.Succeeded, ""},
		{1, batch.Unknown, "didn't end it within 24h0m0s"}, // the last: a day passes
	} {
		if out := f.finish(plan, want.seq, h); out.State != want.state || !strings.Contains(out.Why, want.why) {
			t.Errorf("job %d: %+v", want.seq, out)
		}
	}
	if n := len(api.Books().Purchases()); n != 5 {
		t.Errorf("%d were bought", n)
	}
	f.honest(api.Books(), swiftia.DefaultKey)

	billed := swiftia.New(swiftia.Options{Options: stage.Options{Clock: c, Switches: stage.Positions{"failed_cost": "charged"}, Faults: []stage.Rule{{Match: "*", Kind: swiftia.KindJobFailed}}}})
	base = serve(t, billed, httptest.NewServer(billed)) + "/api"
	h = f.worker("swiftia", map[string]string{"SWIFTIA_API_KEY": swiftia.DefaultKey, "SWIFTIA_BASE_URL": base})
	if out := f.finish(f.planned(h, videos("b", 1)), 0, h); out.State != batch.Succeeded || out.Billed != billed.Books().Totals().Cost {
		t.Errorf("failed and billed: %+v, the provider says %s", out, billed.Books().Totals().Cost)
	}
}

func swaps(n int, more string) string {
	jobs := make([]string, n)
	for i := range jobs {
		jobs[i] = fmt.Sprintf(`{"name": "swap-%d", "request": {"amount": "%d000000", "recipient": "0xrecipient%04d"}}`, i, i+10, i)
	}
	return fmt.Sprintf(`{"name": "swaps", "provider": "allswap", %s "defaults": {"ceiling": 1.00, "request": {"from": "%s", "to": "%s", "sender": "0xsender"}}, "jobs": [%s]}`,
		more, allswap.USDC, allswap.ETH, strings.Join(jobs, ","))
}

var allswapKey = allswap.DefaultKey

func newAllswap(t *testing.T, rules ...stage.Rule) (*factory, *allswap.Server, *activities.Hands) {
	t.Helper()
	c := &jumping{leaping{at: nine}}
	api := allswap.New(allswap.Options{Options: stage.Options{Clock: c, Faults: rules}})
	base := serve(t, api, httptest.NewServer(api))
	f := newFactory(t, c)
	return f, api, f.worker("allswap", map[string]string{
		"ALLSWAP_KEY_ID": allswapKey.ID, "ALLSWAP_SECRET": allswapKey.Secret, "ALLSWAP_BASE_URL": base, "ALLSWAP_QUOTES_MONTH": "1000",
	})
}

// chance is a probability of a rule.
func chance(t *testing.T, p string) *simulator.Chance {
	t.Helper()
	var c simulator.Chance
	if err := json.Unmarshal([]byte(p), &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

// TestAllswapCodes has every code of the table answer the first requests of a
// job, and counts what is sent for it.
func TestAllswapCodes(t *testing.T) {
	const quote, swap = "POST /v1/quote", "POST /v1/swap"
	first := simulator.Attempts{From: 1, To: 1}
	for _, c := range []struct {
		code   string
		route  string
		always bool // not the first request alone
		state  batch.State
		quotes int
		swaps  int
		says   string
	}{
		{"unauthorized", quote, false, batch.Parked, 1, 0, "unauthorized"},
		{"key_mismatch", quote, false, batch.Parked, 1, 0, "key_mismatch"},
		{"forbidden", swap, false, batch.Parked, 1, 1, "forbidden"},
		{"invalid_request", quote, false, batch.Rejected, 1, 0, "invalid_request"},
		{"unsupported_pair", quote, false, batch.Rejected, 1, 0, "unsupported_pair"},
		{"amount_too_low", quote, false, batch.Rejected, 1, 0, "amount_too_low"},
		{"amount_too_high", quote, false, batch.Rejected, 1, 0, "amount_too_high"},
		{"quote_expired", swap, false, batch.Succeeded, 2, 2, ""},
		{"quote_expired", swap, true, batch.Rejected, 9, 9, "9 in a row, the last: HTTP 409: quote_expired"},
		{"quote_consumed", swap, false, batch.Rejected, 1, 1, "quote_consumed"},
		{"rate_limited", quote, false, batch.Succeeded, 2, 1, ""},
		{"rate_limited", swap, false, batch.Succeeded, 1, 2, ""},
		{"upstream_timeout", quote, false, batch.Succeeded, 2, 1, ""},
		{"upstream_timeout", quote, true, batch.Rejected, 5, 0, "5 tries, the last: HTTP 504: upstream_timeout"},
		{"internal_error", quote, true, batch.Rejected, 5, 0, "internal_error"},
		{"internal_error", swap, false, batch.Succeeded, 1, 2, ""},
		{"internal_error", swap, true, batch.Unknown, 1, 5, "internal_error"},
		{"upstream_timeout", swap, false, batch.Succeeded, 1, 2, ""},
	} {
		t.Run(c.code+" "+strings.Fields(c.route)[1]+fmt.Sprint(c.always), func(t *testing.T) {
			t.Parallel()
			rule := stage.Rule{Match: "*", Route: c.route, Kind: stage.KindStatus, Code: c.code}
			if c.code == "rate_limited" {
				rule = stage.Rule{Match: "*", Route: c.route, Kind: stage.KindRate429, RetryAfter: "2"}
			}
			if !c.always {
				rule.Attempts = first
			}
			f, api, h := newAllswap(t, rule)
			plan := f.planned(h, swaps(1, ""))
			out := f.finish(plan, 0, h)
			seen := map[string]int{}
			for _, a := range api.Books().Arrivals() {
				seen[a.Route]++
			}
			if out.State != c.state || !strings.Contains(out.Why, c.says) || seen[quote] != c.quotes || seen[swap] != c.swaps {
				t.Errorf("%+v after %v, want %s after %d and %d", out, seen, c.state, c.quotes, c.swaps)
			}
			attempts, err := f.books.Attempts(t.Context(), plan.Batch, 0)
			if err != nil || len(attempts) != c.quotes+c.swaps {
				t.Errorf("%d attempts in the books, %v", len(attempts), err)
			}
			ticket := false
			for _, a := range attempts {
				ticket = ticket || strings.Contains(string(a.Receipt), `"request_id":"req_`) && strings.Contains(string(a.Receipt), `"code":"`+c.code)
			}
			if !ticket {
				t.Errorf("no receipt has the code and the ticket: %s", attempts[0].Receipt)
			}
			if k, err := f.books.Key(t.Context(), attempts[0].Key); err != nil || k.InFlight != 0 {
				t.Errorf("the key: %+v, %v", k, err)
			} else {
				for _, w := range k.Windows {
					if w.Name == "month" && w.Used != int64(c.quotes) {
						t.Errorf("%d quotes this month are counted, not %d", w.Used, c.quotes)
					}
				}
			}
			f.honest(api.Books(), allswapKey.Secret)
		})
	}
}

// TestAllswapExpired: three swaps of ten find their quote expired. All are done,
// each is swapped once.
func TestAllswapExpired(t *testing.T) {
	t.Parallel()
	const jobs = 60
	f, api, h := newAllswap(t, stage.Rule{Match: "*", Kind: allswap.KindExpired, Probability: chance(t, "0.3")})
	plan := f.planned(h, swaps(jobs, `"budget": {"batch": 100.00},`))
	var wg sync.WaitGroup
	for seq := range jobs {
		wg.Go(func() {
			if out := f.finish(plan, seq, h); out.State != batch.Succeeded {
				t.Errorf("swap %d: %+v", seq, out)
			}
		})
	}
	wg.Wait()
	expired := 0
	for _, a := range api.Books().Arrivals() {
		if a.Code == "quote_expired" {
			expired++
		}
	}
	if n := len(api.Books().Purchases()); n != jobs || expired < jobs/6 {
		t.Errorf("%d swaps for %d jobs, %d quotes were expired", n, jobs, expired)
	}
	if result, err := f.judged(h, plan); err != nil || !result.Audit.Passed || result.Jobs.Succeeded != jobs {
		t.Errorf("%+v, %v", result, err)
	}
	f.honest(api.Books(), allswapKey.Secret)
}

// TestAllswapLost: answers to swaps that were made get lost. None is made twice;
// the ones of which nobody can say whether they were made are named.
func TestAllswapLost(t *testing.T) {
	t.Parallel()
	const jobs = 40
	for _, kind := range []stage.Rule{
		{Kind: stage.KindReset, AfterWork: true},
		{Kind: stage.KindReset},
		{Kind: stage.KindStatus, Code: "internal_error", AfterWork: true},
		{Kind: stage.KindStatus, Code: "upstream_timeout", AfterWork: true},
		{Kind: stage.KindHTML502, AfterWork: true},
	} {
		t.Run(fmt.Sprintf("%s %s %v", kind.Kind, kind.Code, kind.AfterWork), func(t *testing.T) {
			t.Parallel()
			kind.Match, kind.Probability, kind.Attempts = "*", chance(t, "0.4"), simulator.Attempts{From: 1, To: 1}
			f, api, h := newAllswap(t, kind)
			plan := f.planned(h, swaps(jobs, `"budget": {"batch": 100.00},`))
			unknown := 0
			for seq := range jobs {
				switch out := f.finish(plan, seq, h); out.State {
				case batch.Succeeded:
				case batch.Unknown:
					unknown++
					if !strings.Contains(out.Why, "went through") || !strings.Contains(out.Why, "quote_consumed") {
						t.Errorf("job %d: %s", seq, out.Why)
					}
				default:
					t.Errorf("job %d: %+v", seq, out)
				}
			}
			lost := len(api.Books().Totals().Lost)
			if unknown != lost || kind.AfterWork == (unknown == 0) {
				t.Errorf("%d are unknown, of %d the answer was lost", unknown, lost)
			}
			if n := len(api.Books().Purchases()); n != jobs {
				t.Errorf("%d swaps for %d jobs", n, jobs)
			}
			result, err := f.judged(h, plan)
			if unknown > 0 && (kindOf(t, err) != batch.OutcomesUnknown) || unknown == 0 && err != nil {
				t.Errorf("%+v, %v", result, err)
			}
			f.honest(api.Books(), allswapKey.Secret)
		})
	}
}

// TestAllswapCrash: a worker that dies between a swap and its answer leaves it
// unknown: the next one has no quote to repeat, and buys no other.
func TestAllswapCrash(t *testing.T) {
	t.Parallel()
	f, api, h := newAllswap(t)
	plan := f.planned(h, swaps(1, ""))
	in := ledger.Ask{Batch: plan.Batch, Seq: 0, Span: plan.Start.Span, Slow: time.Minute, Step: "swap"}
	if _, _, err := f.books.Admit(t.Context(), in, func(ledger.Standing) ledger.Verdict { return ledger.Verdict{Action: ledger.Go} }); err != nil {
		t.Fatal(err)
	}
	if out := f.finish(plan, 0, h); out.State != batch.Unknown || len(api.Books().Arrivals()) != 0 {
		t.Errorf("%+v", out)
	}
	f.honest(api.Books())
}

// TestMeteredPlan: what can't be is refused at planning, with what to do.
func TestMeteredPlan(t *testing.T) {
	t.Parallel()
	f, _, h := newAllswap(t)
	for text, says := range map[string]string{
		`{"name": "x", "provider": "swiftia", "jobs": [{"name": "a", "request": {}}]}`:                      "no secrets for provider swiftia: this one has allswap",
		`{"name": "x", "provider": "custom", "dialect": "mine", "jobs": [{"name": "a", "request": {}}]}`:    "knows no dialect mine",
		`{"name": "x", "jobs": [{"name": "a", "task": "t", "agents": [{"agent_name": "A"}]}]}`:              "no secrets for provider swarms",
		`{"name": "x", "provider": "allswap", "jobs": [{"name": "a", "request": {"from": "x", "fee": 1}}]}`: `request.amount is missing, request.recipient is missing, request.sender is missing, request.to is missing, request.fee is no field of allswap`,
		`{"name": "x", "provider": "allswap", "jobs": [{"name": "a", "request": {"amount": 1}}]}`:           `request.amount isn't a whole number as text`,
	} {
		_, err := h.PlanNight(t.Context(), batch.PlanRequest{Input: json.RawMessage(text), WorkflowID: "w", RunID: "r", Asked: f.clock.Now()})
		if kindOf(t, err) != batch.BadInput || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
