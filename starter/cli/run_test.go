package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/starter/cli"
	"github.com/offpeak/offpeak/worker/host"
)

// stage is a real Temporal server, a real worker and the simulator.
type stage struct {
	address string
	books   *simulator.Books
	ledger  string // the worker's, as a setting
	open    string // --window that is open now
	release func() // ends the worker
}

func newStage(t *testing.T, faults ...simulator.Rule) *stage {
	t.Helper()
	now := time.Now().UTC()
	s := &stage{open: now.Add(-2*time.Hour).Format("15:04") + "-" + now.Add(8*time.Hour).Format("15:04") + "@UTC"}
	w, err := simulator.ParseWindow(s.open)
	if err != nil {
		t.Fatal(err)
	}
	sim := simulator.New(simulator.Options{Window: w, Faults: faults})
	s.books = sim.Books()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var parts sync.WaitGroup
	serving, stopServing := context.WithCancel(context.Background())
	parts.Go(func() {
		if err := sim.Serve(serving, l); err != nil {
			t.Error(err)
		}
	})
	s.address = devserver.ForTest(t, devserver.Options{}).Address
	dir := t.TempDir()
	s.ledger = "sqlite:" + filepath.Join(dir, "offpeak.db")
	working, stopWorking := context.WithCancel(context.Background())
	ready := make(chan struct{})
	worker := make(chan error, 1)
	go func() {
		worker <- host.Run(working, config.Config{
			Key: config.NewSecret(simulator.DefaultKey), BaseURL: "http://" + l.Addr().String(),
			Ledger: s.ledger, Archive: "file://" + filepath.Join(dir, "archive"),
		}, host.Options{
			Temporal: client.Options{HostPort: s.address, Namespace: client.DefaultNamespace},
			Ready:    func() { close(ready) },
		})
	}()
	s.release = sync.OnceFunc(func() {
		stopWorking()
		if err := <-worker; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { s.release(); stopServing(); parts.Wait() })
	select {
	case <-ready:
	case err := <-worker:
		worker <- nil
		t.Fatal(err)
	}
	return s
}

// run runs a command against the stage, at the real time.
func (s *stage) run(ctx context.Context, t *testing.T, width int, args ...string) said {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(ctx, append(args, "--address", s.address), cli.World{
		In: strings.NewReader(""), Out: &out, Err: &errs, Env: config.Env{"HOME=" + t.TempDir(), "OFFPEAK_LEDGER=" + s.ledger},
		Now: time.Now, Local: time.UTC, Width: width,
	})
	return said{out.String(), errs.String(), code}
}

func decode(t *testing.T, s said) batch.Result {
	t.Helper()
	var r batch.Result
	if err := json.Unmarshal([]byte(s.out), &r); err != nil {
		t.Fatalf("%v in %+v", err, s)
	}
	return r
}

// TestRun is a night from the command line, with everything real but the
// provider, which is billed by its own books.
func TestRun(t *testing.T) {
	s := newStage(t)
	got := s.run(t.Context(), t, 0, "run", "testdata/good.yaml", "--window", s.open, "--json")
	r := decode(t, got)
	if got.code != batch.ExitDone || !r.Audit.Passed || r.Jobs.Succeeded != 1 || r.Money.Billed != s.books.Totals().Billed {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got.err, "--window") || !strings.Contains(got.err, "started") {
		t.Errorf("standard error doesn't tell the story: %s", got.err)
	}
	id := string(r.Batch)
	for _, name := range []string{id, "good"} {
		// A name alone is looked for in visibility, which may be a moment behind.
		if got := s.eventually(t, "status", name); got.code != 0 || !strings.Contains(got.out, id+": PASSED, paid ") {
			t.Errorf("status %s: %+v", name, got)
		}
		if got := s.run(t.Context(), t, 0, "report", name); got.code != 0 || !strings.Contains(got.out, id) || !strings.Contains(got.out, "MONEY") {
			t.Errorf("report %s: %+v", name, got)
		}
		if r := decode(t, s.run(t.Context(), t, 0, "report", name, "--json")); r.Batch != batch.ID(id) || r.Jobs.Succeeded != 1 {
			t.Errorf("report %s: %+v", name, r)
		}
	}
	// The books of the worker, which still runs.
	billed := r.Money.Billed.Dollars()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"jobs", "good"}, "succeeded  1         " + billed},
		{[]string{"jobs", id, "--job", "a digest"}, billed + " (answer, by day "},
		{[]string{"ledger", "verify"}, "1 of " + billed + " in all, in an unbroken chain"},
	} {
		if got := s.run(t.Context(), t, 0, c.args...); got.code != 0 || !strings.Contains(got.out, c.want) {
			t.Errorf("%v: %q isn't said: %+v", c.args, c.want, got)
		}
	}
	// Once more, on a terminal: what succeeded isn't sent again, and the result is the same night's.
	got = s.run(t.Context(), t, 100, "run", "testdata/good.yaml", "--window", s.open)
	if got.code != 0 || !strings.Contains(got.out, "PASSED") || s.books.Totals().Executions != 1 {
		t.Errorf("%d executions after %+v", s.books.Totals().Executions, got)
	}
	if got := s.run(t.Context(), t, 0, "status", "nobody/2026-11-22"); got.code != batch.ExitBadInput || !strings.Contains(got.err, "not found") {
		t.Errorf("a night that never was: %+v", got)
	}
}

// eventually repeats a command until it doesn't answer NotFound any more.
func (s *stage) eventually(t *testing.T, args ...string) said {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		got := s.run(t.Context(), t, 0, args...)
		if !strings.Contains(got.err, "not found") || t.Context().Err() != nil {
			return got
		}
		<-tick.C
	}
}

// TestRunEndings checks the exit codes of nights that don't end well.
func TestRunEndings(t *testing.T) {
	one := func(name string, more string) string {
		path := filepath.Join(t.TempDir(), name+".yaml")
		text := fmt.Sprintf("name: %s\npolicy: {log_lag: 0s}\n%s\njobs: [{name: %s job, task: t, agents: [{agent_name: a, model_name: gpt-4o, max_tokens: 10}]}]\n", name, more, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := newStage(t,
		simulator.Rule{Match: "rejected job", Kind: simulator.KindStatus, Status: 422},
		simulator.Rule{Match: "dear job", Kind: simulator.KindFullPrice},
	)
	for _, c := range []struct {
		name, more string
		code       int
		want       string // on standard output, or standard error where there is no result
	}{
		{"fine", "", batch.ExitDone, "PASSED"},
		{"rejected", "", batch.ExitAudit, "NothingToJudge"},
		{"dear", "", batch.ExitAudit, "DiscountMissed"},
		{"poor", "budget: {per_job: 0.000001, batch: 1}", batch.ExitMoney, "over budget"},
	} {
		got := s.run(t.Context(), t, 0, "run", one(c.name, c.more), "--window", s.open)
		if got.code != c.code || !strings.Contains(got.out+got.err, c.want) {
			t.Errorf("%s: want exit code %d and %q, got %+v", c.name, c.code, c.want, got)
		}
		if c.code == batch.ExitMoney {
			object := s.run(t.Context(), t, 0, "run", one(c.name, c.more), "--window", s.open, "--json")
			if object.code != c.code || !strings.Contains(object.out, `"kind": "OverBudget"`) {
				t.Errorf("%s: %+v", c.name, object)
			}
			if got := s.run(t.Context(), t, 0, "status", string(s.id(t, c.name))); got.code != 0 || !strings.Contains(got.out, "refused") {
				t.Errorf("status of a refused night: %+v", got)
			}
		}
	}
}

// TestRunChanged hands over a night again with other jobs: refused, naming them,
// and nothing more is bought.
func TestRunChanged(t *testing.T) {
	s := newStage(t)
	path := filepath.Join(t.TempDir(), "night.yaml")
	run := func(eu, more string, flags ...string) said {
		text := fmt.Sprintf(`name: changing
policy: {log_lag: 0s}
defaults: {agents: [{agent_name: a, model_name: gpt-4o, max_tokens: 10}]}
jobs:
  - {name: EU, task: %s}
%s`, eu, more)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return s.run(t.Context(), t, 0, append([]string{"run", path, "--window", s.open}, flags...)...)
	}
	const us = "  - {name: US, task: TOP-SECRET}\n"
	if got := run("one", us); got.code != batch.ExitDone {
		t.Fatalf("%+v", got)
	}
	got := run("two", "  - {name: APAC, task: x}\n")
	for _, want := range []string{"the night was planned from another manifest", `1 job changed: "EU" (task); 1 job added: "APAC"; 1 job missing: "US"`, "hint: hand over the manifest as it was"} {
		if got.code != batch.ExitBadInput || !strings.Contains(got.err, want) || strings.Contains(got.err, "TOP-SECRET") {
			t.Errorf("want exit code %d and %q, got %+v", batch.ExitBadInput, want, got)
		}
	}
	if got := run("two", us, "--json"); got.code != batch.ExitBadInput || !strings.Contains(got.out, `"kind": "ManifestDiffers"`) || !strings.Contains(got.out, `1 job changed: \"EU\" (task)`) {
		t.Errorf("%+v", got)
	}
	if n := s.books.Totals().Executions; n != 2 {
		t.Errorf("%d executions of 2 jobs", n)
	}
	// As it was, it is still the night that is over.
	if got := run("one", us); got.code != batch.ExitDone || s.books.Totals().Executions != 2 {
		t.Errorf("%d executions after %+v", s.books.Totals().Executions, got)
	}
}

func (s *stage) id(t *testing.T, name string) batch.ID {
	t.Helper()
	opens := time.Now().UTC().Add(-2 * time.Hour)
	return batch.ID(name + "/" + opens.Format(time.DateOnly))
}

// TestInterrupt leaves a night alone when who watches it goes away, and comes
// back to it.
func TestInterrupt(t *testing.T) {
	s := newStage(t)
	later := time.Now().UTC().Add(3 * time.Hour)
	window := later.Format("15:04") + "-" + later.Add(4*time.Hour).Format("15:04") + "@UTC"

	got := s.run(t.Context(), t, 0, "start", "testdata/good.yaml", "--window", window, "--json")
	var started struct {
		Batch   batch.ID  `json:"batch"`
		ID      string    `json:"workflow_id"`
		Running bool      `json:"already_running"`
		Begins  time.Time `json:"begins"`
	}
	if err := json.Unmarshal([]byte(got.out), &started); err != nil || got.code != 0 {
		t.Fatalf("%v: %+v", err, got)
	}
	if started.Running || started.ID != "nightly/"+string(started.Batch) || !started.Begins.Equal(later.Truncate(time.Minute)) {
		t.Errorf("%+v", started)
	}
	for _, width := range []int{0, 90} {
		ctx, interrupt := context.WithCancel(t.Context())
		seen := &watcher{until: "waiting for the night", then: interrupt}
		var out bytes.Buffer
		code := cli.Run(ctx, []string{"run", "testdata/good.yaml", "--window", window, "--address", s.address, "--json"}, cli.World{
			In: strings.NewReader(""), Out: &out, Err: seen, Env: config.Env{"HOME=" + t.TempDir()},
			Now: time.Now, Local: time.UTC, Width: width,
		})
		interrupt()
		if d := json.NewDecoder(&out); !strings.Contains(out.String(), `"kind": "Cancelling"`) || d.Decode(new(map[string]any)) != nil || d.More() {
			t.Errorf("an interrupted command answers a program in %q", out.String())
		}
		for _, want := range []string{"already running", "the night goes on", "starter watch " + string(started.Batch)} {
			if code != batch.ExitInterrupted || !strings.Contains(seen.String(), want) {
				t.Errorf("exit code %d, %q missing in %s", code, want, seen)
			}
		}
	}
	if got := s.run(t.Context(), t, 0, "report", string(started.Batch)); got.code != batch.ExitBadInput || !strings.Contains(got.err, "waiting for the night") {
		t.Errorf("report of a night that isn't over: %+v", got)
	}
	if r := decode(t, s.run(t.Context(), t, 0, "status", string(started.Batch), "--json")); r.State != "waiting" || r.Jobs.Total != 1 || r.Audit.Findings == nil {
		t.Errorf("status: %+v", r)
	}
	if got := s.run(t.Context(), t, 0, "status", string(started.Batch)); !strings.Contains(got.out, "in 2 h 5") {
		t.Errorf("status has no countdown: %+v", got)
	}
}

// watcher is a standard error that acts when something is written.
type watcher struct {
	mu    sync.Mutex
	text  bytes.Buffer
	until string
	then  func()
}

func (w *watcher) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(b)
	if strings.Contains(w.text.String(), w.until) {
		w.then()
	}
	return n, err
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
