package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/internal/obs"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/worker/host"
	"github.com/offpeak/offpeak/workflows"
)

const (
	apiKey   = "sk-bench"
	inFlight = 500 // of a night, and of the loop
)

// nights measures jobs of 20 ms without a rate limit, from the first request's
// arrival to the last run's end: a loop that keeps nothing, then whole nights.
func (b *bench) nights(ctx context.Context) error {
	raw, err := b.raw(ctx)
	if err != nil {
		return fmt.Errorf("measure the raw loop: %w", err)
	}
	b.rows = append(b.rows, row{what: "raw Go loop, nothing kept", jobs: b.jobs, took: raw, ratio: "1.00"})
	for _, kind := range b.stores() {
		for _, how := range []string{batch.FanOutLanes, batch.FanOutJobs} {
			took, err := b.night(ctx, kind, how)
			if err != nil {
				return fmt.Errorf("measure a night of %s on %s: %w", how, kind, err)
			}
			percent := int64(100 * raw / took)
			b.rows = append(b.rows, row{what: "whole night by " + how + ", " + kind, jobs: b.jobs, took: took, ratio: fmt.Sprintf("%d.%02d", percent/100, percent%100)})
		}
	}
	return nil
}

// world is a simulator behind a socket.
type world struct {
	sim    *simulator.Server
	web    *httptest.Server
	window tariff.Window
}

func newWorld() (*world, error) {
	clock := func(t time.Time) tariff.Clock { return tariff.Clock(t.Hour()*3600 + t.Minute()*60 + t.Second()) }
	now := time.Now().UTC()
	opens, closes := clock(now.Add(-time.Minute)), clock(now.Add(time.Hour))
	w := &world{window: tariff.Window{Zone: "UTC", Open: opens, StartAt: opens, Close: closes, FinishBy: closes}}
	var err error
	w.sim, err = simulator.Open(simulator.Options{
		Window:   w.window,
		Accounts: []simulator.Account{{Name: "bench", Keys: []string{apiKey}, Credit: 1_000_000 * money.Dollar, Limits: &simulator.Limits{}}},
	})
	if err != nil {
		return nil, err
	}
	w.web = httptest.NewServer(w.sim)
	return w, nil
}

func (w *world) close() {
	w.web.CloseClientConnections()
	w.web.Close()
	w.sim.Close()
}

// took is how long the runs took by the simulator's books, of which there must
// be as many as jobs.
func (w *world) took(jobs int) (time.Duration, error) {
	var first, last time.Time
	runs := 0
	for a := range w.sim.Books().Arrivals() {
		if !a.Executed {
			continue
		}
		runs++
		if first.IsZero() || a.At.Before(first) {
			first = a.At
		}
		if a.Ended.After(last) {
			last = a.Ended
		}
	}
	if runs != jobs {
		return 0, fmt.Errorf("%d of %d jobs ran", runs, jobs)
	}
	return last.Sub(first), nil
}

const request = `{"swarm_type": "SequentialWorkflow", "agents": [{"agent_name": "Scanner", "model_name": "gpt-4o-mini", "max_tokens": 256}], "task": "Summarize item %d."}`

// raw is what anybody would write first.
func (b *bench) raw(ctx context.Context) (time.Duration, error) {
	w, err := newWorld()
	if err != nil {
		return 0, err
	}
	defer w.close()
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}, Timeout: time.Minute}
	defer c.CloseIdleConnections()
	next := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for range inFlight {
		wg.Go(func() {
			for i := range next {
				if err := post(ctx, c, w.web.URL, i); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	for i := range b.jobs {
		next <- i
	}
	close(next)
	wg.Wait()
	if len(errs) > 0 {
		return 0, errs[0]
	}
	return w.took(b.jobs)
}

func post(ctx context.Context, c *http.Client, url string, i int) error {
	body, err := swarms.Payload(fmt.Appendf(nil, request, i), fmt.Sprintf("Job %05d", i), uuid.NewString())
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+swarms.PathCompletions, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-Api-Key", apiKey)
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return err
}

// night runs a worker against a Temporal development server in memory; how is
// the night's fan_out.
func (b *bench) night(ctx context.Context, kind, how string) (time.Duration, error) {
	w, err := newWorld()
	if err != nil {
		return 0, err
	}
	defer w.close()
	setting, err := b.fresh(ctx, kind)
	if err != nil {
		return 0, err
	}
	manifest, err := b.manifest(w.window, kind+"-"+how, how)
	if err != nil {
		return 0, err
	}
	settings, err := config.Load(config.Env{
		"SWARMS_API_KEY=" + apiKey, "SWARMS_BASE_URL=" + w.web.URL, "HOME=" + b.dir,
		"OFFPEAK_LEDGER=" + setting, "OFFPEAK_ARCHIVE=file://" + filepath.Join(b.dir, kind+"-"+how+"-archive"),
	})
	if err != nil {
		return 0, err
	}
	server, err := devserver.Start(ctx, devserver.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { _ = server.Kill() }()
	temporal := client.Options{HostPort: server.Address, Namespace: "default", Logger: obs.SDK(zap.NewNop())}
	working, stop := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- host.Run(working, settings, host.Options{Temporal: temporal, Ready: func() { close(ready) }})
	}()
	select {
	case <-ready:
	case err := <-ended:
		stop()
		return 0, err
	}
	err = whole(ctx, temporal, manifest, b.jobs)
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return 0, err
	}
	return w.took(b.jobs)
}

// whole runs a night to its end.
func whole(ctx context.Context, o client.Options, manifest string, jobs int) error {
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "nightly/bench", TaskQueue: workflows.TaskQueue},
		workflows.NightlyBatchName, map[string]string{"manifest": "file://" + manifest})
	if err != nil {
		return err
	}
	var result batch.Result
	if err := run.Get(ctx, &result); err != nil {
		return err
	}
	if result.Jobs.Succeeded != jobs || !result.Audit.Passed {
		return fmt.Errorf("the night ended as %+v", result)
	}
	return nil
}

func (b *bench) manifest(w tariff.Window, name, how string) (string, error) {
	var jobs strings.Builder
	for i := range b.jobs {
		fmt.Fprintf(&jobs, "{\"name\": \"Job %05d\", \"task\": \"Summarize item %d.\"}\n", i, i)
	}
	lines := filepath.Join(b.dir, name+".jsonl")
	if err := os.WriteFile(lines, []byte(jobs.String()), 0o600); err != nil {
		return "", err
	}
	text := fmt.Sprintf(`name: bench
window: {timezone: %s, open: %q, close: %q, start_at: %q, finish_by: %q, buffer: 0s}
policy: {request_timeout: 5s, log_lag: 1s, mode: single, fan_out: %s}
budget: {per_job: 5.00, batch: 1000000.00}
defaults: {swarm_type: SequentialWorkflow, agents: [{agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}]}
jobs_from: %s
`, w.Zone, w.Open, w.Close, w.StartAt, w.FinishBy, how, lines)
	path := filepath.Join(b.dir, name+".yaml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}
