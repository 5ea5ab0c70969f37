package activities_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// The delays between requests, as the provider sees them, are full jitter:
// uniform(0, 1.5 s x 2^attempt). Draws below a second are waited for in
// process, longer ones by Temporal.
func TestBackoffIsFullJitter(t *testing.T) {
	for _, c := range []struct {
		name  string
		share time.Duration // parts per thousand of the most
		temps int           // delays that Temporal keeps
	}{{"half", 500, 3}, {"all", 999, 4}, {"a hundredth", 10, 0}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func(o *simulator.Options) { o.Latency = simulator.Latency{Kind: "none"} })
			w.jitter = func(most time.Duration) time.Duration { return most * c.share / 1000 }
			w.faults(simulator.Rule{Match: "*", Kind: simulator.KindStatus, Status: 503}).planned(manifest(1, `"policy": {"log_lag": "0s"},`))
			out, delays := w.send(0)
			if out.State != batch.Rejected || !strings.Contains(out.Why, "HTTP 503") {
				t.Fatalf("%+v", out)
			}
			if len(delays) != c.temps {
				t.Errorf("Temporal kept %v, want %d delays", delays, c.temps)
			}
			posts := w.posts()
			if len(posts) != 5 {
				t.Fatalf("%d requests, want 5", len(posts))
			}
			for i := 1; i < len(posts); i++ {
				most := 1500 * time.Millisecond << (i - 1)
				if got, want := posts[i].At.Sub(posts[i-1].At), most*c.share/1000; got != want {
					t.Errorf("retry %d after %s, want %s", i, got, want)
				}
				if w.draws[i-1] != most {
					t.Errorf("retry %d was drawn below %s, want %s", i, w.draws[i-1], most)
				}
			}
			w.honest()
		})
	}
}

// Nobody listens: not a byte left, so it is tried again, four times, and then
// put off until the provider can be reached.
func TestUnreachable(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(1, ""))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.newHands("http://" + l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	out, delays := w.send(0)
	if out.State != batch.Parked || !strings.Contains(out.Why, "5 tries") {
		t.Errorf("%+v", out)
	}
	if want := []time.Duration{1500 * time.Millisecond, 3 * time.Second, 6 * time.Second}; !equal(delays, want) {
		t.Errorf("delays %v, want %v after one of 0.75 s in process", delays, want)
	}
	if j := w.job(0); j.Attempts != 5 || j.Tries != 5 {
		t.Errorf("%d attempts, %d tries", j.Attempts, j.Tries)
	}
	// The next night finds it, with the identity it had.
	id := w.job(0).RequestID
	w.newHands(w.server.URL)
	w.planned(w.input)
	if out, _ = w.send(0); out.State != batch.Succeeded || w.job(0).RequestID != id {
		t.Errorf("%+v, want %s to succeed", out, id)
	}
	w.honest()
}

// Waiting for a limit never uses up the tries.
func TestManyRefusals(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(simulator.Rule{Match: "*", Kind: simulator.KindRate429, RetryAfter: "3", Times: 12}).planned(manifest(1, ""))
	out, delays := w.send(0)
	if out.State != batch.Succeeded || len(w.posts()) != 13 {
		t.Fatalf("%+v after %d requests", out, len(w.posts()))
	}
	for _, d := range delays {
		if d != 3*time.Second {
			t.Errorf("waited %s, want 3 s to the letter", d)
		}
	}
	if j := w.job(0); j.Tries != 0 || j.Attempts != 13 {
		t.Errorf("%d tries of %d attempts; a 429 is no try", j.Tries, j.Attempts)
	}
	w.honest()
}

// The hour has no header, and Retry-After may speak of the minute alone: after
// the second refusal the limits are asked for, and nothing is sent until the
// hour has room.
func TestTheHourIsFull(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) {
		o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: 100}, {Name: "hour", Span: time.Hour, Limit: 2}}}
		o.Switches.RetryAfter = "minute"
	})
	// The worker learns of the limits only by what it meets: another one of the
	// same key had used them up.
	limits := 0 // one request at a time: no lock
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/rate/limits" {
			if limits++; limits == 1 {
				http.Error(rw, "{}", http.StatusInternalServerError)
				return
			}
		}
		w.api.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	w.planned(manifest(3, ""))
	var sent []time.Time
	for seq := range 3 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Fatalf("%+v", out)
		}
	}
	refused := 0
	for _, p := range w.posts() {
		if p.Status == http.StatusOK {
			sent = append(sent, p.Ended)
		} else {
			refused++
		}
	}
	if len(sent) != 3 || sent[2].Sub(sent[0]) < time.Hour {
		t.Errorf("ended at %v: the third came before the hour had room", sent)
	}
	// The limits can't be asked for while one is used up: the refusal itself
	// names the hour, and it is tried every five minutes.
	if refused > 2+12 || limits < 2 {
		t.Errorf("%d refusals and %d questions, want at most 14 in the hour", refused, limits)
	}
	w.honest()
}

// One refused key, one request: everything is parked, what met the refusal
// included, and with a key that works it runs.
func TestKeyRefused(t *testing.T) {
	w := newWorld(t, nil)
	var refuse atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if refuse.Load() && r.Method == http.MethodPost {
			w.faults(simulator.Rule{Match: "*", Kind: simulator.KindStatus, Status: 401})
		}
		w.api.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	w.planned(manifest(3, ""))
	refuse.Store(true)
	for seq := range 3 {
		if out, _ := w.send(seq); out.State != batch.Parked || !strings.Contains(out.Why, "HTTP 401") {
			t.Errorf("%+v", out)
		}
	}
	if n := len(w.posts()); n != 1 {
		t.Errorf("%d requests with a refused key, want 1", n)
	}
	refuse.Store(false)
	w.faults()
	w.planned(w.input)
	if w.plan.Pending != 3 {
		t.Errorf("%d pending on the re-run, want 3", w.plan.Pending)
	}
	w.creditsOK(t)
	for seq := range 3 {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Errorf("%+v", out)
		}
	}
	w.honest()
}

func (w *world) creditsOK(t *testing.T) {
	t.Helper()
	if _, err := w.hands.CheckCredits(t.Context(), batch.CreditsRequest{Batch: w.plan.Batch, Estimate: w.plan.Estimate, When: "at the opening"}); err != nil {
		t.Fatal(err)
	}
}

// 402 holds the key; nothing is sent until there are credits, and no try is
// used up.
func TestCreditsRunOut(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Accounts[0].Credit = money.Dollar + 50_000 })
	w.planned(manifest(2, ""))
	if out, _ := w.send(0); out.State != batch.Succeeded {
		t.Fatalf("%+v", out)
	}
	// 0.98 dollars are left: the API wants more than one.
	held := 0
	for range 5 {
		_, err := w.hands.SubmitSwarm(t.Context(), w.submit(1))
		if kindOf(t, err) != batch.Waiting {
			t.Fatalf("%v, want it to wait", err)
		}
		held++
		_ = w.clock.Wait(t.Context(), applicationError(t, err).NextRetryDelay())
	}
	if n := len(w.posts()); n != 2 {
		t.Errorf("%d requests while credits are out, want the one that met the 402 and the one before", n)
	}
	credit := 20 * money.Dollar
	if err := w.api.SetAccount("test", "", &credit, nil); err != nil {
		t.Fatal(err)
	}
	out, _ := w.send(1)
	if j := w.job(1); out.State != batch.Succeeded || j.Tries != 0 || held != 5 {
		t.Errorf("%+v with %d tries", out, j.Tries)
	}
	w.honest()
}
