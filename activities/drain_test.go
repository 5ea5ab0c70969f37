package activities_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// Cancelled in mid-request: it is paid for, so it drains, is settled, and its
// outcome is the answer.
func TestCancelledInFlight(t *testing.T) {
	arrived := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, nil)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == swarms.PathCompletions {
			close(arrived)
			<-ctx.Done()
		}
		w.api.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	w.planned(manifest(2, ""))
	go func() { <-arrived; cancel() }()
	out, err := w.hands.SubmitSwarm(ctx, w.submit(0))
	if err != nil || out.State != batch.Succeeded {
		t.Errorf("%+v, %v", out, err)
	}
	if n := w.hands.Sending(); n != 0 {
		t.Errorf("%d requests in flight", n)
	}
	// The next one isn't sent any more.
	if _, err := w.hands.SubmitSwarm(ctx, w.submit(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it cancelled", err)
	}
	result, err := w.hands.AuditDiscount(t.Context(), batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span, Cancelled: true, Stop: "the night was cancelled"})
	if err != nil || result.Jobs.Succeeded != 1 || result.Jobs.Cancelled != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

// Cancelled while in doubt: one last look.
func TestCancelledInDoubt(t *testing.T) {
	w := newWorld(t, nil).faults(lostAnswer("job-0")).planned(manifest(1, ""))
	w.jitter = func(most time.Duration) time.Duration { return most - time.Millisecond }
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out, err := w.hands.SubmitSwarm(ctx, w.submit(0)); err != nil || out.State != batch.Succeeded {
		t.Errorf("%+v, %v", out, err)
	}
	w.honest()
}

// A worker that shuts down begins nothing new and hands the job back; it beats
// while it works, and its errors are Temporal's.
func TestInsideTemporal(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(w.hands.SubmitSwarm)
	value, err := env.ExecuteActivity(w.hands.SubmitSwarm, w.submit(0))
	if err != nil {
		t.Fatal(err)
	}
	var out batch.Outcome
	if err := value.Get(&out); err != nil || out.State != batch.Succeeded {
		t.Errorf("%+v, %v", out, err)
	}
	stop := make(chan struct{})
	close(stop)
	env.SetWorkerStopChannel(stop)
	_, err = env.ExecuteActivity(w.hands.SubmitSwarm, w.submit(1))
	if kindOf(t, err) != batch.Waiting || !strings.Contains(err.Error(), "shuts down") {
		t.Errorf("%v", err)
	}
	if s := w.job(1).State; s != batch.Planned || len(w.posts()) != 1 {
		t.Errorf("job 1 is %s after %d requests", s, len(w.posts()))
	}
	w.honest()
}

// The archive can't be written: the money is settled all the same, and loudly
// said.
func TestArchiveDown(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(1, ""))
	block := filepath.Join(w.dir, "archive", "digest")
	if err := os.WriteFile(block, []byte("a file where a folder should be"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := w.send(0)
	if out.State != batch.Succeeded || out.Billed == 0 || w.job(0).Output != "" {
		t.Errorf("%+v, kept at %q", out, w.job(0).Output)
	}
	if !strings.Contains(w.log.String(), "couldn't be archived") {
		t.Error("nobody said so")
	}
	// The report can't be written either: the audit waits for the archive.
	if _, err := w.audit(); kindOf(t, err) != batch.OutOfReach || applicationError(t, err).NonRetryable() {
		t.Errorf("audit: %v", err)
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	if _, err := w.audit(); err != nil {
		t.Error(err)
	}
	w.honest()
}

// Billed, and neither the answer nor the log says how much: never sent again,
// booked at the ceiling, and the audit fails the night.
func TestNoPriceAnywhere(t *testing.T) {
	for _, kind := range []string{simulator.KindNoBilling, simulator.KindNoUsage} {
		w := newWorld(t, nil).faults(simulator.Rule{Match: "job-0", Kind: kind}).planned(manifest(1, ""))
		out, _ := w.send(0)
		if j := w.job(0); out.State != batch.Succeeded || out.Billed != j.Ceiling || len(w.posts()) != 1 || j.Output == "" {
			t.Errorf("%s: %+v after %d requests, kept at %q; want the ceiling of %s", kind, out, len(w.posts()), j.Output, j.Ceiling)
		}
		var source ledger.Source
		err := w.books.Charges(t.Context(), w.plan.Batch, func(c ledger.Charge) error { source = c.Source; return nil })
		if err != nil || source != ledger.FromCeiling {
			t.Errorf("%s: source %q, %v", kind, source, err)
		}
		if _, err := w.audit(); kindOf(t, err) != batch.BillingMissing {
			t.Errorf("%s: audit: %v", kind, err)
		}
		w.discreet()
	}
}

// The ledger is gone when the answer comes: it is asked again for a while, and
// in the end the attempt is taken for a crash, and the run found.
func TestLedgerDownAfterTheAnswer(t *testing.T) {
	w := newWorld(t, nil)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.api.ServeHTTP(rw, r)
		if r.URL.Path == swarms.PathCompletions {
			_ = w.books.Close()
		}
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	w.planned(manifest(1, ""))
	began := w.clock.Now()
	_, err := w.hands.SubmitSwarm(t.Context(), w.submit(0))
	if kindOf(t, err) != batch.OutOfReach || applicationError(t, err).NonRetryable() {
		t.Fatalf("%v", err)
	}
	if waited := w.clock.Now().Sub(began); waited < 30*time.Second {
		t.Errorf("gave up after %s", waited-20*time.Second)
	}
	w.openBooks()
	w.newHands(w.server.URL)
	if out, _ := w.send(0); out.State != batch.Succeeded || len(w.posts()) != 1 {
		t.Errorf("%+v after %d requests", out, len(w.posts()))
	}
	w.honest()
}
