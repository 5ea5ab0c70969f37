package activities_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

var firstTry = simulator.Attempts{From: 1, To: 1}

// lostAnswer: the work is done and billed, and then a 503.
func lostAnswer(job string) simulator.Rule {
	return simulator.Rule{Match: job, Kind: simulator.KindStatus, Status: 503, AfterWork: true, Attempts: firstTry}
}

// sent are the times of a job's paid requests.
func (w *world) sent(job string) []time.Time {
	var at []time.Time
	for _, p := range w.posts() {
		if strings.HasPrefix(p.Name, job+" ") {
			at = append(at, p.At)
		}
	}
	return at
}

// A log that lags shows a lost run late: until the lag has passed, its absence
// proves nothing, and the run is found instead of bought again.
func TestLogLag(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.LogLag = simulator.Duration(90 * time.Second) })
	w.faults(lostAnswer("job-0")).planned(manifest(1, `"policy": {"log_lag": "2m"},`))
	out, _ := w.send(0)
	if out.State != batch.Succeeded || len(w.posts()) != 1 || out.Billed != 67_250 {
		t.Errorf("%+v after %d requests", out, len(w.posts()))
	}
	w.honest()
}

// What didn't run is sent again when the lag has passed, and not a moment
// before.
func TestAbsenceWaitsForTheLag(t *testing.T) {
	for name, c := range map[string]struct {
		rule  simulator.Rule
		least time.Duration // from the first request to the second
	}{
		"answered":   {simulator.Rule{Kind: simulator.KindStatus, Status: 503}, 2 * time.Minute},
		"unanswered": {simulator.Rule{Kind: simulator.KindReset}, 12 * time.Minute}, // 600 s for the run, 2 min for the log
		"gateway":    {simulator.Rule{Kind: simulator.KindStatus, Status: 504}, 12 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			c.rule.Match, c.rule.Attempts = "*", firstTry
			w := newWorld(t, func(o *simulator.Options) { o.Latency = simulator.Latency{Kind: "none"} })
			w.faults(c.rule).planned(manifest(1, ""))
			out, _ := w.send(0)
			at := w.sent("job-0")
			if out.State != batch.Succeeded || len(at) != 2 {
				t.Fatalf("%+v, sent at %v", out, at)
			}
			if gap := at[1].Sub(at[0]); gap < c.least || gap > c.least+time.Minute {
				t.Errorf("sent again after %s, want %s", gap, c.least)
			}
			w.honest()
		})
	}
}

// Rows need not come in the order in which runs ended: that the log shows a
// run of ours that ended later says nothing about one that is late.
func TestALogOutOfOrder(t *testing.T) {
	w := newWorld(t, nil)
	w.faults(lostAnswer("job-0"), simulator.Rule{Match: "job-0", Kind: simulator.KindLateLog, Delay: simulator.Duration(110 * time.Second)}).unread(manifest(2, ""))
	_, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)) // ran, and a 503; the draw of 0.75 s is waited for in process; not in the log
	if kindOf(t, err) != batch.OutcomeUnknown {
		t.Fatal(err)
	}
	if out, _ := w.send(1); out.State != batch.Succeeded { // 20 s later, and in the log at once
		t.Fatalf("%+v", out)
	}
	if out, _ := w.send(0); out.State != batch.Succeeded || len(w.posts()) != 2 {
		t.Errorf("%+v after %d requests: job-0 ran and was in the log 110 s late", out, len(w.posts()))
	}
	w.honest()
}

// A log that doesn't show what was answered long ago is later than it is
// granted, and proves no absence, however long it stays so: the job stays
// unknown and is named. When the log has caught up, the next look finds it.
func TestALogThatIsBehind(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.LogLag = simulator.Duration(24 * time.Hour) })
	w.faults(lostAnswer("job-0")).planned(manifest(2, ""))
	if out, _ := w.send(1); out.State != batch.Succeeded {
		t.Fatalf("%+v", out)
	}
	w.newHands(w.server.URL) // a worker that has seen no answer knows it from the books
	if out, _ := w.send(0); out.State != batch.Unknown || len(w.posts()) != 2 || !strings.Contains(out.Why, "behind") {
		t.Errorf("%+v after %d requests", out, len(w.posts()))
	}
	if !w.clock.Now().After(w.plan.Start.Span.Deadline) {
		t.Errorf("given up at %s, before the night was over", w.clock.Now())
	}
	_ = w.clock.Wait(t.Context(), 24*time.Hour)
	if out, _ := w.send(0); out.State != batch.Succeeded || len(w.posts()) != 2 {
		t.Errorf("when the log shows it: %+v after %d requests", out, len(w.posts()))
	}
	w.honest()
}

// A witness that ended before the doubt says nothing about it.
func TestAnEarlierWitnessSaysNothing(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.LogLag = 0 })
	w.faults(simulator.Rule{Match: "job-1", Kind: simulator.KindLateLog, Delay: simulator.Duration(time.Minute)}, lostAnswer("job-1")).planned(manifest(2, ""))
	if out, _ := w.send(0); out.State != batch.Succeeded {
		t.Fatalf("%+v", out)
	}
	if out, _ := w.send(1); out.State != batch.Succeeded || len(w.posts()) != 2 {
		t.Errorf("%+v after %d requests: job-1 was in the log a minute late", out, len(w.posts()))
	}
	w.honest()
}

// logProxy is the simulator behind a switch that breaks the log.
func (w *world) logProxy(broken *atomic.Bool) {
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if broken.Load() && r.URL.Path == swarms.PathLogs {
			http.Error(rw, `{"detail": "down"}`, http.StatusServiceUnavailable)
			return
		}
		w.api.ServeHTTP(rw, r)
	}))
	w.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
}

// While the log can't be read nothing in doubt is sent, however long it takes;
// when the night is over, the job stays unknown and the audit names it.
func TestTheLogIsDown(t *testing.T) {
	w := newWorld(t, nil).faults(lostAnswer("job-0"))
	var broken atomic.Bool
	broken.Store(true)
	w.logProxy(&broken)
	w.planned(manifest(1, ""))
	out, delays := w.send(0)
	if out.State != batch.Unknown || len(w.posts()) != 1 {
		t.Fatalf("%+v after %d requests", out, len(w.posts()))
	}
	if !w.clock.Now().After(w.plan.Start.Span.Deadline) {
		t.Errorf("given up at %s, before the night was over", w.clock.Now())
	}
	for _, d := range delays {
		if d > time.Minute {
			t.Errorf("looked again only after %s", d)
		}
	}
	_, err := w.audit()
	if kindOf(t, err) != batch.OutcomesUnknown || !strings.Contains(err.Error(), "job-0") {
		t.Errorf("audit: %v", err)
	}
	// When the log is back, a second audit finds the run.
	broken.Store(false)
	result, err := w.audit()
	if err != nil || result.Jobs.Succeeded != 1 || !strings.HasSuffix(result.Report, "report-2") {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

// Found sending on entry: the worker before died. What had run is found.
func TestCrash(t *testing.T) {
	for name, ran := range map[string]bool{"after the request": true, "before the request": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil).planned(manifest(1, ""))
			j := w.job(0)
			ask := ledger.Ask{Batch: w.plan.Batch, Seq: 0, Span: w.plan.Start.Span, Slow: w.plan.Policy.RequestTimeout}
			v, _, err := w.books.Admit(t.Context(), ask, func(s ledger.Standing) ledger.Verdict { return gate.Decide(s, gate.Rules{}) })
			if err != nil || v.Action != ledger.Go {
				t.Fatalf("%+v, %v", v, err)
			}
			if ran {
				payload, err := swarms.Payload(j.Request, j.Name, j.RequestID)
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := w.deps.Swarms.Complete(t.Context(), payload); err != nil {
					t.Fatal(err)
				}
			}
			began := w.clock.Now()
			w.newHands(w.server.URL) // the next worker
			out, _ := w.send(0)
			runs := w.api.Books().Executions(j.RequestID)
			if out.State != batch.Succeeded || runs != 1 {
				t.Errorf("%+v, ran %d times", out, runs)
			}
			if waited := w.clock.Now().Sub(began); !ran && waited < 12*time.Minute {
				t.Errorf("sent again after %s: the lost request may still have been running", waited)
			}
			if j := w.job(0); j.Tries == 0 {
				t.Error("the crash didn't count as a try")
			}
			w.honest()
		})
	}
}

// Two attempts of one job in one process: the second one waits and takes
// nothing for a crash.
func TestNoCrashWhileItLives(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	w := newWorld(t, nil)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == swarms.PathCompletions {
			close(arrived)
			<-release
		}
		w.api.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	w.planned(manifest(1, ""))
	var wg sync.WaitGroup
	wg.Go(func() {
		if out, err := w.hands.SubmitSwarm(context.Background(), w.submit(0)); err != nil || out.State != batch.Succeeded {
			t.Errorf("%+v, %v", out, err)
		}
	})
	<-arrived
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.Waiting {
		t.Errorf("%v, want it to wait", err)
	}
	if s := w.job(0).State; s != batch.Sending {
		t.Errorf("the job is %s", s)
	}
	close(release)
	wg.Wait()
	w.honest()
}

// One look serves all who are in doubt.
func TestOneLookServesAll(t *testing.T) {
	const n = 40
	w := newWorld(t, nil).faults(lostAnswer("job-"))
	var looks atomic.Int64
	hold := make(chan struct{})
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == swarms.PathLogs {
			if looks.Add(1) == 1 {
				<-hold // until all are waiting
			}
		}
		w.api.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	w.planned(manifest(n, ""))
	for seq := range n { // each leaves its doubt behind: 503, and 1.4 s to wait
		w.jitter = func(most time.Duration) time.Duration { return most - time.Millisecond }
		if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(seq)); kindOf(t, err) != batch.OutcomeUnknown {
			t.Fatal(err)
		}
	}
	_ = w.clock.Wait(t.Context(), time.Minute)
	var wg sync.WaitGroup
	var began atomic.Int64
	for seq := range n {
		wg.Go(func() {
			if began.Add(1) == n {
				close(hold)
			}
			if out, err := w.hands.SubmitSwarm(context.Background(), w.submit(seq)); err != nil || out.State != batch.Succeeded {
				t.Errorf("%+v, %v", out, err)
			}
		})
	}
	wg.Wait()
	if l := looks.Load(); l > 5 {
		t.Errorf("%d looks for %d jobs in doubt at once", l, n)
	}
	w.honest()
}
