package host_test

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

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/internal/obs"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/worker/host"
	"github.com/offpeak/offpeak/workflows"
)

const apiKey = "sk-host-0123456789-never-printed"

// output is what a worker prints and logs.
type output struct {
	mu    sync.Mutex
	text  strings.Builder
	await map[string]chan struct{} // closed when the text is there
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(b)
	for want, seen := range o.await {
		if strings.Contains(o.text.String(), want) {
			close(seen)
			delete(o.await, want)
		}
	}
	return n, err
}

// saying is closed when the text is said from now on.
func (o *output) saying(text string) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.await == nil {
		o.await = map[string]chan struct{}{}
	}
	seen := make(chan struct{})
	o.await[text] = seen
	return seen
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// around is a price window that is open now and for half an hour.
func around(now time.Time) tariff.Window {
	clock := func(t time.Time) tariff.Clock { return tariff.Clock(t.Hour()*3600 + t.Minute()*60 + t.Second()) }
	now = now.UTC()
	w := tariff.Window{Zone: "UTC", Open: clock(now.Add(-10 * time.Minute)), Close: clock(now.Add(30 * time.Minute))}
	w.StartAt, w.FinishBy = w.Open, w.Close
	return w
}

func manifest(w tariff.Window, jobs int) json.RawMessage {
	var list []string
	for i := range jobs {
		list = append(list, fmt.Sprintf(`{"name": "job-%d", "task": "item %d"}`, i, i))
	}
	return json.RawMessage(fmt.Sprintf(`{"name": "host", "window": {"timezone": "UTC", "open": %q, "close": %q, "start_at": %q, "finish_by": %q, "buffer": "0s"},
		"policy": {"request_timeout": "20s", "log_lag": "1s"},
		"defaults": {"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 256}]}, "jobs": [%s]}`,
		w.Open, w.Close, w.Open, w.Close, strings.Join(list, ",")))
}

// start runs a worker in this process and returns when it polls.
func start(t *testing.T, c config.Config, address string) (out *output, stop func() error) {
	t.Helper()
	out = &output{}
	log, err := obs.New(obs.Options{Out: out, Format: "json", Level: "debug"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- host.Run(ctx, c, host.Options{
			Temporal: client.Options{HostPort: address, Namespace: "default"}, Log: log, Out: out, Ready: func() { close(ready) },
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("the worker didn't start: %v\n%s", err, out)
	}
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	return out, stop
}

func settings(t *testing.T, url string) config.Config {
	t.Helper()
	dir := t.TempDir()
	c, err := config.Load(config.Env{
		"SWARMS_API_KEY=" + apiKey, "SWARMS_BASE_URL=" + url, "HOME=" + dir,
		"OFFPEAK_LEDGER=sqlite:" + filepath.Join(dir, "books.db"), "OFFPEAK_ARCHIVE=file://" + filepath.Join(dir, "archive"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A night through the real server, from the story's first line to its report.
func TestANight(t *testing.T) {
	server := devserver.ForTest(t, devserver.Options{})
	now := time.Now()
	api := simulator.New(simulator.Options{
		Window:   around(now),
		Accounts: []simulator.Account{{Name: "host", Keys: []string{apiKey}, Credit: 100_000_000}},
		Faults: []simulator.Rule{
			{Match: "job-3", Kind: simulator.KindStatus, Status: 503, Attempts: simulator.Attempts{From: 1, To: 1}},
			{Match: "job-4", Kind: simulator.KindReset, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}},
		},
	})
	web := httptest.NewServer(api)
	t.Cleanup(func() { api.Close(); web.CloseClientConnections(); web.Close() })
	out, stop := start(t, settings(t, web.URL), server.Address)

	c, err := client.Dial(client.Options{HostPort: server.Address, Logger: obs.SDK(zap.NewNop())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "nightly/host", TaskQueue: workflows.TaskQueue},
		workflows.NightlyBatchName, manifest(around(now), 20))
	if err != nil {
		t.Fatal(err)
	}
	var result batch.Result
	if err := run.Get(t.Context(), &result); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if result.Jobs.Succeeded != 20 || !result.Audit.Passed || result.Discount.Landed != 20 {
		t.Errorf("%+v", result)
	}
	totals := api.Books().Totals()
	if totals.Billed != result.Money.Billed || totals.Executions != 20 || len(totals.DoubleBilled) != 0 {
		t.Errorf("the provider's books: %+v; ours: %+v", totals, result.Money)
	}

	// The same input again, at the same night: nothing is sent.
	run, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "again", TaskQueue: workflows.TaskQueue},
		workflows.NightlyBatchName, manifest(around(now), 20))
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Get(t.Context(), &result); err != nil || result.Jobs.Succeeded != 20 {
		t.Errorf("%+v, %v", result, err)
	}
	if n := api.Books().Totals().Executions; n != 20 {
		t.Errorf("%d runs after the second start", n)
	}

	// A bad manifest fails with its kind and is told in full.
	run, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "bad", TaskQueue: workflows.TaskQueue},
		workflows.NightlyBatchName, json.RawMessage(`{"name": "Bad Name", "jbos": []}`))
	if err != nil {
		t.Fatal(err)
	}
	err = run.Get(t.Context(), nil)
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != string(batch.BadInput) || !strings.Contains(err.Error(), "jbos") || !strings.Contains(err.Error(), "Bad Name") {
		t.Errorf("bad input: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("drain: %v", err)
	}
	printed := out.String()
	for _, want := range []string{"worker ready: queue offpeak, namespace default, provider " + web.URL + ", ledger sqlite:", "worker stopped"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q wasn't printed", want)
		}
	}
	if strings.Contains(printed, apiKey) {
		t.Error("the key was printed")
	}
}
