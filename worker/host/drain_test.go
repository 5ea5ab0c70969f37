package host_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/internal/obs"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/worker/host"
	"github.com/offpeak/offpeak/workflows"
)

// held is the simulator behind a door that holds paid requests back until they
// are let through.
type held struct {
	api     *simulator.Server
	web     *httptest.Server
	arrived chan struct{}
	through chan struct{}
	once    sync.Once
}

func hold(t *testing.T) *held {
	t.Helper()
	h := &held{arrived: make(chan struct{}, 100), through: make(chan struct{})}
	h.api = simulator.New(simulator.Options{
		Window: around(time.Now()), Accounts: []simulator.Account{{Name: "host", Keys: []string{apiKey}, Credit: 100_000_000}},
	})
	h.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == swarms.PathCompletions {
			h.arrived <- struct{}{}
			<-h.through
		}
		h.api.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { h.open(); h.api.Close(); h.web.CloseClientConnections(); h.web.Close() })
	return h
}

func (h *held) open() { h.once.Do(func() { close(h.through) }) }

func begin(t *testing.T, address string, jobs int) client.WorkflowRun {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: address, Logger: obs.SDK(zap.NewNop())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "nightly/host", TaskQueue: workflows.TaskQueue},
		workflows.NightlyBatchName, manifest(around(time.Now()), jobs))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// A worker that is asked to stop waits for what is in flight, settles it and
// sends nothing new; another one does the rest. Nothing runs twice.
func TestDrain(t *testing.T) {
	server := devserver.ForTest(t, devserver.Options{})
	h := hold(t)
	c := settings(t, h.web.URL)
	out, stop := start(t, c, server.Address)
	run := begin(t, server.Address, 8)
	<-h.arrived // the pilot is in flight
	said := out.saying("waiting for 1 paid requests")
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case <-said:
	case err := <-stopped:
		t.Fatalf("stopped with a paid request in flight: %v", err)
	}
	h.open()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if totals := h.api.Books().Totals(); totals.Executions != 1 {
		t.Errorf("%d runs of the worker that was stopped, want the one in flight", totals.Executions)
	}
	_, _ = start(t, c, server.Address)
	var result batch.Result
	if err := run.Get(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	totals := h.api.Books().Totals()
	if result.Jobs.Succeeded != 8 || totals.Executions != 8 || len(totals.DoubleBilled) != 0 || totals.Billed != result.Money.Billed {
		t.Errorf("%+v; the provider's books: %+v", result, totals)
	}
}

// A second interrupt doesn't wait, and says what that leaves behind.
func TestCut(t *testing.T) {
	server := devserver.ForTest(t, devserver.Options{})
	h := hold(t)
	out := &output{}
	ctx, cancel := context.WithCancel(t.Context())
	cut, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- host.Run(ctx, settings(t, h.web.URL), host.Options{
			Temporal: client.Options{HostPort: server.Address, Namespace: "default"}, Out: out, Cut: cut, Ready: func() { close(ready) },
		})
	}()
	<-ready
	begin(t, server.Address, 2)
	<-h.arrived
	cancel()
	close(cut)
	if err := <-ended; batch.KindOf(err) != batch.Cancelling || batch.KindOf(err).ExitCode() != batch.ExitInterrupted {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "cut off with 1 paid requests in flight") {
		t.Errorf("printed: %s", out)
	}
}
