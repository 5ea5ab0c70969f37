package simulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

func limited(quotas ...simulator.Quota) []simulator.Account {
	return []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: 1000 * money.Dollar, Limits: &simulator.Limits{Quotas: quotas}}}
}

func (w *world) header(a answer, name, want string) {
	w.t.Helper()
	if got := a.header.Get(name); got != want {
		w.t.Errorf("%s = %q, want %q", name, got, want)
	}
}

func TestRateHeaders(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	w := start(t, simulator.Options{Clock: clock, Accounts: limited(
		simulator.Quota{Name: "minute", Span: time.Minute, Limit: 2},
		simulator.Quota{Name: "hour", Span: time.Hour, Limit: 3},
		simulator.Quota{Name: "day", Span: 24 * time.Hour, Limit: 100},
	)})
	a := w.want(w.post(job("a")), 200)
	w.header(a, "X-RateLimit-Limit-Minute", "2")
	w.header(a, "X-RateLimit-Remaining-Minute", "2") // counts at its end
	w.header(a, "X-RateLimit-Remaining-Day", "100")
	w.header(a, "X-RateLimit-Tier", "premium")
	w.header(a, "X-RateLimit-Remaining-Hour", "")
	w.header(a, "Retry-After", "")
	clock.Advance(18 * time.Second)
	w.want(w.post(job("b")), 200)
	a = w.want(w.post(job("c")), 429)
	w.header(a, "Retry-After", "42")
	w.header(a, "X-RateLimit-Remaining-Minute", "0")
	w.header(a, "X-RateLimit-Reset", fmt.Sprint(at(t, "2026-11-22 21:01:00").Unix()))
	w.header(a, "Date", at(t, "2026-11-22 21:00:18").UTC().Format(http.TimeFormat))
	w.expect(a, "detail", "Rate limit exceeded for minute window(s).")
	w.want(w.get("/v1/account/credits"), 429) // enforced on everything, counted on nothing

	clock.Advance(42 * time.Second)
	w.want(w.get("/v1/account/credits"), 200)
	w.want(w.post(job("c")), 200) // the third of this hour
	a = w.want(w.post(job("d")), 429)
	w.header(a, "Retry-After", "3540")
	w.expect(a, "detail", "Rate limit exceeded for minute, hour window(s).")
	for mode, want := range map[string]string{
		"minute": "18", "absent": "", "fraction": "3540.000",
		"http_date": at(t, "2026-11-22 22:00:00").UTC().Format(http.TimeFormat), "truthful": "3540",
	} {
		w.admin("switches", `{"retry_after":"`+mode+`"}`)
		w.header(w.want(w.post(job("d")), 429), "Retry-After", want)
	}
	w.admin("switches", `{"rate_headers":"none"}`)
	w.header(w.want(w.post(job("d")), 429), "X-RateLimit-Reset", "")
}

func TestFreeTierText(t *testing.T) {
	acct := limited(simulator.Quota{Name: "minute", Span: time.Minute, Limit: 1})
	acct[0].Tier = simulator.TierFree
	w := start(t, simulator.Options{Accounts: acct})
	w.want(w.post(job("a")), 200)
	a := w.want(w.post(job("a")), 429)
	if !strings.HasSuffix(fmt.Sprint(dig(t, a.body, "detail")), "for just $99/month.") {
		t.Errorf("%s", a.body)
	}
}

// What is under way counts at its end, so that all of it gets in together.
func TestCountsOnCompletion(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	opt := simulator.Options{Clock: clock, Latency: simulator.Latency{Kind: "fixed", Low: time.Second}, Accounts: limited(simulator.Quota{Name: "minute", Span: time.Minute, Limit: 1})}
	flood := func(w *world) (ok, refused int) {
		answers := make(chan answer)
		for i := range 5 {
			go func() { answers <- w.post(job(fmt.Sprint(i))) }()
		}
		expect := 5
		if w.sim.Switches().CountOn == "request" {
			expect = 1
			for refused < 4 {
				w.want(<-answers, 429)
				refused++
			}
		}
		if err := clock.AwaitWaiting(t.Context(), expect); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Second)
		for range expect {
			w.want(<-answers, 200)
			ok++
		}
		return ok, refused
	}
	w := start(t, opt)
	if ok, refused := flood(w); ok != 5 || refused != 0 {
		t.Errorf("on completion: %d in, %d refused", ok, refused)
	}
	w.want(w.post(job("late")), 429)
	w.expect(w.get("/v1/swarm/completions"), "detail", "Method Not Allowed")

	w = start(t, opt)
	w.admin("switches", `{"strict":true,"count_on":"request"}`)
	if ok, refused := flood(w); ok != 1 || refused != 4 {
		t.Errorf("strict: %d in, %d refused", ok, refused)
	}
}

func TestStrictCountsArrivals(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	w := start(t, simulator.Options{Clock: clock, Accounts: limited(simulator.Quota{Name: "2s", Span: 2 * time.Second, Limit: 1}), Switches: simulator.Switches{Strict: true}})
	w.want(w.post(`{}`), 400) // it arrived, and counts
	clock.Advance(2*time.Second - 1)
	w.want(w.post(job("a")), 429) // a refusal doesn't
	w.want(w.get("/v1/rate/limits"), 429)
	clock.Advance(1)
	w.want(w.post(job("a")), 200)
	clock.Advance(2 * time.Second)
	w.want(w.batch(job("b"), job("c")), 200) // a batch is one arrival
	if n := w.sim.Books().MaxInWindow(2 * time.Second); n != 2 {
		t.Errorf("most arrivals in 2 s: %d, want 2", n)
	}
}

func TestStrictIsExactUnderLoad(t *testing.T) {
	const limit = 2000
	w := start(t, simulator.Options{Accounts: limited(simulator.Quota{Name: "minute", Span: time.Minute, Limit: limit}), Switches: simulator.Switches{Strict: true}})
	var mu sync.Mutex
	count := map[int]int{}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 50 {
				a := w.post(job("load"))
				mu.Lock()
				count[a.status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if count[200] != limit || count[429] != 500 {
		t.Errorf("answers by status: %v, want %d of 200 and 500 of 429", count, limit)
	}
}

func TestBatchCountsEachRun(t *testing.T) {
	w := start(t, simulator.Options{})
	w.want(w.batch(job("a"), job("b"), job("c")), 200)
	w.expect(w.get("/v1/rate/limits"), "rate_limits.minute.count", "3")
	w.admin("switches", `{"count_on":"request"}`)
	w.want(w.batch(job("a"), job("b"), job("c")), 200)
	w.expect(w.get("/v1/rate/limits"), "rate_limits.minute.count", "4")
}
