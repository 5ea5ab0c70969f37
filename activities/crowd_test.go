package activities_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// crowd sends all jobs at once, each as Temporal would, from several workers.
func (w *world) crowd(workers int) []batch.Outcome {
	w.Helper()
	out := make([]batch.Outcome, w.plan.Jobs)
	var wg sync.WaitGroup
	for i := range workers {
		if i > 0 {
			w.newHands(w.server.URL)
		}
		hands := w.hands
		for seq := i; seq < w.plan.Jobs; seq += workers {
			wg.Go(func() {
				for range 5000 {
					o, err := hands.SubmitSwarm(context.Background(), w.submit(seq))
					if err == nil {
						out[seq] = o
						return
					}
					e := applicationError(w.T, err)
					if e.NonRetryable() {
						w.Errorf("job %d: %v", seq, err)
						return
					}
					_ = w.clock.Wait(context.Background(), e.NextRetryDelay())
				}
				w.Errorf("job %d didn't end", seq)
			})
		}
	}
	wg.Wait()
	return out
}

// Two workers, two hundred jobs, a provider that refuses the 31st arrival
// within a minute: not one refusal is met, and every job runs once.
func TestCrowdKeepsTheLimit(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) {
		o.Latency = simulator.Latency{Kind: "uniform", Low: 100 * time.Millisecond, High: 2 * time.Second}
		o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: "minute", Span: time.Minute, Limit: 30}}}
		o.Switches.Strict = true
	})
	w.planned(manifest(200, ""))
	for seq, o := range w.crowd(2) {
		if o.State != batch.Succeeded {
			t.Errorf("job %d: %+v", seq, o)
		}
	}
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

// Everything at once: refusals, lost answers, resets and rejections among two
// hundred jobs and three workers. Each job ends in one state, nothing runs
// twice, and both books agree to the micro-dollar.
func TestCrowdWithFaults(t *testing.T) {
	half, err := parseChance("0.2")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *simulator.Options) {
		o.Latency = simulator.Latency{Kind: "uniform", Low: time.Second, High: 20 * time.Second}
		o.Switches.LogLag = simulator.Duration(20 * time.Second)
	})
	rule := func(kind string, r simulator.Rule) simulator.Rule {
		r.Match, r.Kind, r.Probability, r.Attempts = "*", kind, &half, simulator.Attempts{From: 1, To: 3}
		return r
	}
	w.faults(
		rule(simulator.KindRate429, simulator.Rule{RetryAfter: "2"}),
		rule(simulator.KindStatus, simulator.Rule{Status: 503}),
		rule(simulator.KindReset, simulator.Rule{AfterWork: true}),
		rule(simulator.KindBadJSON, simulator.Rule{}),
		simulator.Rule{Match: "job-7 ", Kind: simulator.KindStatus, Status: 422},
	).planned(manifest(200, `"policy": {"log_lag": "30s"},`))
	for seq, o := range w.crowd(3) {
		want := batch.Succeeded
		if seq == 7 {
			want = batch.Rejected
		}
		if o.State != want && (seq != 7 || o.State != batch.Succeeded) {
			t.Errorf("job %d: %+v", seq, o)
		}
	}
	result, err := w.audit()
	if err != nil || !result.Audit.Passed {
		t.Errorf("%+v, %v", result, err)
	}
	if text, err := w.store.Get(t.Context(), strings.TrimPrefix(result.Report, w.store.URL(""))+".txt"); err != nil || !strings.Contains(string(text), "PASSED") {
		t.Errorf("%s: %s, %v", result.Report, text, err)
	}
	w.honest()
}

func parseChance(s string) (c simulator.Chance, err error) {
	if err = c.UnmarshalText([]byte(s)); err != nil {
		err = fmt.Errorf("read chance: %w", err)
	}
	return c, err
}
