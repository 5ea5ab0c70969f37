package simulator_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// 1,000 clients at once, singles and batches, some answers lost: the books
// agree with what the clients saw, with the log and with the credits.
func TestBooksUnderLoad(t *testing.T) {
	w := start(t, simulator.Options{
		Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00")),
		Accounts: []simulator.Account{{Keys: []string{simulator.DefaultKey}, Credit: 1000 * money.Dollar, Free: 20 * money.Dollar, Limits: &simulator.Limits{}}},
		Faults: []simulator.Rule{
			{Match: "lost", Kind: simulator.KindStatus, Status: 500, AfterWork: true},
			{Match: "never", Kind: simulator.KindStatus, Status: 503},
			{Match: "ghost", Kind: simulator.KindGhost},
		},
	})
	kinds := []string{"plain", "lost", "never", "ghost", "batch"}
	var mu sync.Mutex
	seen := map[int]int{}
	paid := money.USD(0)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range 1000 {
		wg.Go(func() {
			<-gate
			name := tag(kinds[i%5], i)
			var a answer
			path := "usage.billing_info.total_cost"
			if i%5 == 4 {
				a, path = w.batch(job(name)), "0."+path
			} else {
				a = w.post(job(name))
			}
			mu.Lock()
			defer mu.Unlock()
			seen[a.status]++
			if a.status == http.StatusOK {
				v, err := money.Round(fmt.Sprint(dig(t, a.body, path)))
				if err != nil {
					t.Error(err)
				}
				paid += v
			}
		})
	}
	close(gate)
	wg.Wait()

	each := usd(t, "0.09725")
	if seen[200] != 600 || seen[500] != 200 || seen[503] != 200 || paid != each.Times(600) {
		t.Errorf("answers %v, %s in them", seen, paid)
	}
	sum := w.sim.Summary()
	if sum.Executions != 800 || sum.Billed != each.Times(800) || sum.Discounted != 800 || sum.FullPrice != 0 {
		t.Errorf("books: %d runs, %s billed, %d discounted", sum.Executions, sum.Billed, sum.Discounted)
	}
	if sum.Arrivals != 1000 || sum.Items != 200 || sum.ByStatus["500"] != 200 || sum.Faults["status 503"] != 200 || sum.LogRows != 600 {
		t.Errorf("%+v", sum.Totals)
	}
	if acct := sum.Accounts[0]; acct.Used != sum.Billed || acct.Credits != 1020*money.Dollar-sum.Billed {
		t.Errorf("%+v", acct)
	}
	if w.rows() != 600 || sum.MaxInWindow["2s"] != 1000 || len(sum.DoubleBilled) != 0 {
		t.Errorf("%d rows, %d in 2 s, %v twice", w.rows(), sum.MaxInWindow["2s"], sum.DoubleBilled)
	}
	executed, billed := 0, money.USD(0)
	for a := range w.sim.Books().Arrivals() {
		if a.Executed {
			executed++
			billed += a.Billed
			if a.Attempt != 1 || w.sim.Books().Executions(a.RequestID) != 1 {
				t.Errorf("%+v", a)
			}
		}
	}
	if executed != 800 || billed != sum.Billed {
		t.Errorf("arrivals: %d executed, %s billed", executed, billed)
	}
}

func TestArrivals(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 12:00:00"))
	w := start(t, simulator.Options{Tokens: guide, Clock: clock, Accounts: limited(simulator.Quota{Name: "minute", Span: time.Minute, Limit: 2})})
	w.want(w.post(job(tag("a", 1))), 200)
	clock.Set(at(t, "2026-11-22 20:00:00"))
	w.want(w.post(job(tag("a", 1))), 200)
	w.want(w.post(job(tag("a", 1))), 200)
	w.want(w.post(job(tag("a", 1))), 429)
	w.want(w.get("/nowhere"), 404)
	want := []simulator.Arrival{
		{Attempt: 1, Status: 200, Executed: true, Billed: usd(t, "0.1445")},
		{Attempt: 2, Status: 200, Executed: true, Billed: usd(t, "0.09725"), Discounted: true},
		{Attempt: 3, Status: 200, Executed: true, Billed: usd(t, "0.09725"), Discounted: true},
		{Status: 429}, // turned away: no attempt
		{Status: 404},
	}
	i := 0
	for a := range w.sim.Books().Arrivals() {
		if i == 4 {
			if a.Path != "(unknown path)" || a.Status != 404 {
				t.Errorf("%+v", a)
			}
			i++
			continue
		}
		if a.Name != tag("a", 1) || a.RequestID != id(1) || a.Path != swarm {
			t.Errorf("%+v", a)
		}
		got := simulator.Arrival{Attempt: a.Attempt, Status: a.Status, Executed: a.Executed, Billed: a.Billed, Discounted: a.Discounted}
		if got != want[i] {
			t.Errorf("arrival %d: %+v, want %+v", i, got, want[i])
		}
		i++
	}
	b := w.sim.Books()
	if i != len(want) || b.Executions(id(1)) != 3 || b.BilledFor(id(1)) != usd(t, "0.339") || len(b.DoubleBilled()) != 1 {
		t.Errorf("%d arrivals, %d runs, %s, %v", i, b.Executions(id(1)), b.BilledFor(id(1)), b.DoubleBilled())
	}
	if n := b.MaxInWindow(time.Minute); n != 3 {
		t.Errorf("most in a minute: %d", n)
	}
}

func TestMaxInWindowIsHalfOpen(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 12:00:00"))
	w := start(t, simulator.Options{Clock: clock})
	for _, gap := range []time.Duration{0, 1500 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} {
		clock.Advance(gap)
		w.want(w.post(job("a")), 200)
		w.want(w.get("/v1/account/credits"), 200) // costs nothing, isn't counted
	}
	for d, want := range map[time.Duration]int{500 * time.Millisecond: 1, 501 * time.Millisecond: 2, 2 * time.Second: 2, 2*time.Second + 1: 3, time.Minute: 4} {
		if got := w.sim.Books().MaxInWindow(d); got != want {
			t.Errorf("most in %s: %d, want %d", d, got, want)
		}
	}
}

func TestRequestID(t *testing.T) {
	for name, want := range map[string]string{
		tag("EU Market Digest", 7):             id(7),
		"[" + id(7) + "]":                      "",
		"x [" + id(7) + "] ":                   "",
		"x [" + id(7)[:35] + "G]":              "",
		"":                                     "",
		"x [00000000-0000-4000-8000-00000000]": "",
	} {
		if got := simulator.RequestID(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
