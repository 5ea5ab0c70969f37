package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/internal/obs"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

const (
	apiKey   = "sk-bench"
	inFlight = 500 // of a night, and of the loop
)

// nights measures jobs of 20 ms without a rate limit, from the first request's
// arrival to the last run's end: a loop that keeps nothing, then whole nights.
func (b *bench) nights(ctx context.Context) error {
	if !b.wants("lanes") && !b.wants("jobs") && !b.wants("many") {
		return nil
	}
	raw, err := b.raw(ctx)
	if err != nil {
		return fmt.Errorf("measure the raw loop: %w", err)
	}
	b.add("raw Go loop, nothing kept", b.jobs, round{took: raw.took, thousand: 1000})
	for _, kind := range b.stores() {
		for _, how := range []string{batch.FanOutLanes, batch.FanOutJobs} {
			large := how == batch.FanOutLanes && b.wants("many")
			if !b.wants(how) && !large {
				continue
			}
			small, err := b.night(ctx, kind, how, b.jobs, -time.Minute)
			if err != nil {
				return fmt.Errorf("measure a night of %s on %s: %w", how, kind, err)
			}
			b.add("whole night by "+how+", "+kind, b.jobs, round{took: small.took, thousand: int64(1000 * raw.took / small.took), note: small.worker()})
			if !large {
				continue
			}
			if err := b.large(ctx, kind, small); err != nil {
				return fmt.Errorf("measure a night of %d jobs on %s: %w", b.many, kind, err)
			}
		}
	}
	return nil
}

// planning is how many jobs a second are planned at least, for a large night to
// wait for its opening.
const planning = 2000

// large measures a night of many jobs that is planned before its window opens.
// Its ratio is its time a job to that of the small one.
func (b *bench) large(ctx context.Context, kind string, small ran) error {
	opens := 3*time.Second + time.Duration(b.many/planning)*time.Second
	r, err := b.night(ctx, kind, batch.FanOutLanes, b.many, opens)
	if err != nil {
		return err
	}
	ratio := int64(1000 * (r.took / time.Duration(b.many)) / (small.took / time.Duration(b.jobs)))
	b.add("a large one beside it, "+kind, b.many, round{
		took: r.took, thousand: ratio,
		note: fmt.Sprintf("%s, first request %d ms after the opening", r.worker(), r.first.Sub(r.opens).Milliseconds()),
	})
	return nil
}

// ran is what came of a run.
type ran struct {
	took  time.Duration // from the first request's arrival to the last run's end
	first time.Time     // request
	opens time.Time     // when the window said that it may begin
	most  int64         // of the worker's memory, in bytes
	each  time.Duration // of a core, of the worker's, a job: planning and audit included
	bound int           // times that the worker took the provider for strained, and sent fewer at once
}

// worker is what the worker needed.
func (r ran) worker() string {
	text := fmt.Sprintf("worker %d us of a core a job", r.each.Microseconds())
	if r.most > 0 {
		text += fmt.Sprintf(", %d MiB", r.most>>20)
	}
	if r.bound > 0 {
		text += fmt.Sprintf(", fewer at once %d times", r.bound)
	}
	return text
}

// world is a simulator behind a socket.
type world struct {
	sim    *simulator.Server
	web    *httptest.Server
	window tariff.Window
	starts time.Time
}

// newWorld is one in whose window work begins then, seen from now.
func newWorld(in time.Duration) (*world, error) {
	clock := func(t time.Time) tariff.Clock { return tariff.Clock(t.Hour()*3600 + t.Minute()*60 + t.Second()) }
	now := time.Now().UTC()
	starts := now.Add(in).Truncate(time.Second)
	opens, closes := clock(starts), clock(now.Add(time.Hour))
	w := &world{window: tariff.Window{Zone: "UTC", Open: opens, StartAt: opens, Close: closes, FinishBy: closes}, starts: starts}
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

// ran is what the simulator's books say of the runs, of which there must be as
// many as jobs.
func (w *world) ran(jobs int) (ran, error) {
	var last time.Time
	out := ran{opens: w.starts}
	runs := 0
	for a := range w.sim.Books().Arrivals() {
		if !a.Executed {
			continue
		}
		runs++
		if out.first.IsZero() || a.At.Before(out.first) {
			out.first = a.At
		}
		if a.Ended.After(last) {
			last = a.Ended
		}
	}
	if runs != jobs {
		return out, fmt.Errorf("%d of %d jobs ran", runs, jobs)
	}
	out.took = last.Sub(out.first)
	return out, nil
}

// raw is the loop.
func (b *bench) raw(ctx context.Context) (ran, error) {
	w, err := newWorld(-time.Minute)
	if err != nil {
		return ran{}, err
	}
	defer w.close()
	self, err := os.Executable()
	if err != nil {
		return ran{}, err
	}
	cmd := exec.CommandContext(ctx, self, "as-loop", w.web.URL, strconv.Itoa(b.jobs))
	if said, err := cmd.CombinedOutput(); err != nil {
		return ran{}, fmt.Errorf("%w: %s", err, said)
	}
	return w.ran(b.jobs)
}

// night runs a worker against a Temporal development server in memory; how is
// the night's fan_out, in how soon it may begin.
func (b *bench) night(ctx context.Context, kind, how string, jobs int, in time.Duration) (out ran, err error) {
	w, err := newWorld(in)
	if err != nil {
		return out, err
	}
	defer w.close()
	setting, err := b.fresh(ctx, kind)
	if err != nil {
		return out, err
	}
	dir, err := os.MkdirTemp(b.dir, kind+"-"+how)
	if err != nil {
		return out, err
	}
	manifest, err := write(dir, w.window, how, jobs)
	if err != nil {
		return out, err
	}
	server, err := devserver.Start(ctx, devserver.Options{})
	if err != nil {
		return out, err
	}
	defer func() { _ = server.Kill() }()
	worker, err := hire(ctx, []string{
		"SWARMS_API_KEY=" + apiKey, "SWARMS_BASE_URL=" + w.web.URL, "HOME=" + dir, "TEMPORAL_ADDRESS=" + server.Address,
		"OFFPEAK_LEDGER=" + setting, "OFFPEAK_ARCHIVE=file://" + filepath.Join(dir, "archive"),
	}, filepath.Join(dir, "worker.log"))
	if err != nil {
		return out, err
	}
	temporal := client.Options{HostPort: server.Address, Namespace: "default", Logger: obs.SDK(zap.NewNop())}
	err = whole(ctx, temporal, manifest, jobs)
	most := worker.most()
	if err = errors.Join(err, worker.stop()); err != nil {
		return out, err
	}
	out, err = w.ran(jobs)
	if err != nil {
		return out, err
	}
	log, err := os.ReadFile(worker.log.Name())
	out.most, out.each, out.bound = most, worker.worked()/time.Duration(jobs), strings.Count(string(log), "requests at once are bounded")
	return out, err
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

// write writes a night's manifest and its jobs.
func write(dir string, w tariff.Window, how string, n int) (string, error) {
	var jobs strings.Builder
	for i := range n {
		fmt.Fprintf(&jobs, "{\"name\": \"Job %05d\", \"task\": \"Summarize item %d.\"}\n", i, i)
	}
	lines := filepath.Join(dir, "jobs.jsonl")
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
	path := filepath.Join(dir, "night.yaml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}
