// Package e2e runs offpeak as people run it: the built programs as processes,
// a real Temporal server, the simulator over real sockets, a real browser.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/codec"
	"github.com/offpeak/offpeak/internal/devserver"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// key is what these tests pay with. It is long and odd so that it can be
// searched for where it must not be.
const key = "sk-e2e-4f1d9c7be2a84d0f9f0a-never-to-be-seen"

var bin string // folder of the built programs

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // a test's main
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "offpeak-e2e")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	bin = dir
	for name, pkg := range map[string]string{"worker": "../worker", "starter": "../starter", "simulator": "../cmd/simulator"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg).CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	code := runWithPostgres(m)
	printScale()
	return code, nil
}

// house is one offpeak with everything around it, alone on its ports and
// files.
type house struct {
	t        *testing.T
	dir      string
	temporal *devserver.Server
	sim      *simulator.Server
	api      *httptest.Server
	window   tariff.Window
	client   client.Client
	store    string // the worker's OFFPEAK_LEDGER
	codec    string // file of the codec's keys; "" for none
}

type want struct {
	sim    func(*simulator.Options) // switches and faults
	opens  time.Duration            // from now until the window opens; negative for long open
	length time.Duration            // of the window; an hour when 0
	ui     bool
	file   bool   // Temporal keeps its state on a file
	store  string // the worker's OFFPEAK_LEDGER; a SQLite file in the house when empty

	codec  string   // lines of keys for every program of the house
	server []string // further flags of Temporal's development server
}

func open(t *testing.T, w want) *house {
	t.Helper()
	if w.length == 0 {
		w.length = time.Hour
	}
	h := &house{t: t, dir: t.TempDir(), window: windowFrom(time.Now(), w.opens, w.length), store: w.store}
	if h.store == "" {
		h.store = "sqlite:" + filepath.Join(h.dir, "offpeak.db")
	}
	o := devserver.Options{UI: w.ui, Args: w.server}
	if w.file {
		o.DBFile = filepath.Join(h.dir, "temporal.db")
	}
	h.temporal = devserver.ForTest(t, o)
	so := simulator.Options{
		Accounts: []simulator.Account{{Name: "e2e", Keys: []string{key}, Credit: 1_000_000_000}},
		Window:   h.window,
	}
	if w.sim != nil {
		w.sim(&so)
	}
	sim, err := simulator.Open(so)
	if err != nil {
		t.Fatal(err)
	}
	h.sim = sim
	h.api = httptest.NewServer(sim)
	t.Cleanup(func() {
		h.api.CloseClientConnections()
		h.api.Close()
	})
	if w.codec != "" {
		h.codec = h.file("codec-keys", w.codec)
	}
	h.client = h.dial(client.Options{})
	return h
}

// dial connects to Temporal with the keys of the house.
func (h *house) dial(o client.Options) client.Client {
	h.t.Helper()
	o.HostPort, o.Logger = h.temporal.Address, quiet{}
	if h.codec != "" {
		keys, err := codec.Open(codec.Source{File: h.codec})
		if err != nil {
			h.t.Fatal(err)
		}
		keys.Apply(&o)
	}
	c, err := client.Dial(o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(c.Close)
	return c
}

// windowFrom is a window around now, to the second, without margins.
func windowFrom(now time.Time, opens, length time.Duration) tariff.Window {
	zone, _ := time.LoadLocation("America/Los_Angeles")
	at := now.In(zone).Add(opens).Truncate(time.Second)
	return tariff.Window{
		Zone: zone.String(), Open: clockOf(at), StartAt: clockOf(at),
		Close: clockOf(at.Add(length)), FinishBy: clockOf(at.Add(length)),
	}
}

func clockOf(t time.Time) tariff.Clock {
	return tariff.Clock(t.Hour()*3600 + t.Minute()*60 + t.Second())
}

// flag is the window as starter's --window takes it.
func (h *house) flag() string {
	return fmt.Sprintf("--window=%s-%s@%s", h.window.Open, h.window.Close, h.window.Zone)
}

func (h *house) env(extra ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir,
		"TEMPORAL_ADDRESS=" + h.temporal.Address,
		"SWARMS_BASE_URL=" + h.api.URL, "SWARMS_API_KEY=" + key,
		"OFFPEAK_LEDGER=" + h.store,
		"OFFPEAK_ARCHIVE=file://" + filepath.Join(h.dir, "archive"),
		"OFFPEAK_LOG_FORMAT=json",
	}
	if h.codec != "" {
		env = append(env, "OFFPEAK_CODEC_KEYS_FILE="+h.codec)
	}
	return append(env, extra...)
}

// file writes a file into the house and returns its path.
func (h *house) file(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// manifest writes a manifest of n small jobs, "Job 000" and so on.
func (h *house) manifest(name string, n int, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\n%s\ndefaults:\n  swarm_type: SequentialWorkflow\n  agents:\n", name, h.terms(more))
	b.WriteString("    - {agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}\n")
	b.WriteString("    - {agent_name: Writer, model_name: gpt-4o, max_tokens: 256}\njobs:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: Job %03d, task: \"Summarize item %d, %s.\"}\n", i, i, secretPrompt)
	}
	return h.file(name+".yaml", b.String())
}

// secretPrompt is in every task and every answer: it can be searched for where
// it must not be.
const secretPrompt = "zebra-quartz-lantern"

// terms are the window and a policy that fits a test's patience, unless more
// says otherwise. Each job is a request of its own, so that requests can be
// counted.
func (h *house) terms(more string) string {
	s := fmt.Sprintf("window: {timezone: %s, open: %q, close: %q, start_at: %q, finish_by: %q, buffer: 0s}\n",
		h.window.Zone, h.window.Open, h.window.Close, h.window.StartAt, h.window.FinishBy)
	if !strings.Contains(more, "policy:") {
		s += "policy: {request_timeout: 5s, log_lag: 1s, mode: single}\n"
	}
	return s + more
}

// done is how a command ended.
type done struct {
	code   int
	out    string
	stderr string
}

// result is the one object that --json ends with.
func (d done) result(t *testing.T) batch.Result {
	t.Helper()
	var r batch.Result
	dec := json.NewDecoder(strings.NewReader(d.out))
	if err := dec.Decode(&r); err != nil {
		t.Fatalf("standard output isn't one JSON object: %v\n%s\n%s", err, d.out, d.stderr)
	}
	if rest, _ := io.ReadAll(io.MultiReader(dec.Buffered())); strings.TrimSpace(string(rest)) != "" {
		t.Errorf("more than one object on standard output: %q", rest)
	}
	return r
}

// starter runs the starter to its end.
func (h *house) starter(args ...string) done {
	h.t.Helper()
	return h.starterEnv(nil, args...)
}

func (h *house) starterEnv(extra []string, args ...string) done {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 4*time.Minute) // whatever hangs is to say so
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "starter"), args...)
	cmd.Env = h.env(extra...)
	cmd.Dir = h.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatalf("starter %s: %v", strings.Join(args, " "), err)
	}
	return done{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// proc is a process that goes on beside the test.
type proc struct {
	t     *testing.T
	cmd   *exec.Cmd
	mu    sync.Mutex
	lines []string
	grew  chan struct{}
	ended chan struct{}
}

// worker starts a worker and waits until it says that it is ready.
func (h *house) worker(extra ...string) *proc {
	h.t.Helper()
	p := h.start("worker", extra)
	p.await("worker ready")
	return p
}

func (h *house) start(name string, extra []string, args ...string) *proc {
	h.t.Helper()
	return h.startAt(filepath.Join(bin, name), extra, args...)
}

func (h *house) startAt(binary string, extra []string, args ...string) *proc {
	h.t.Helper()
	name := filepath.Base(binary)
	p := &proc{t: h.t, cmd: exec.Command(binary, args...), grew: make(chan struct{}, 1), ended: make(chan struct{})}
	p.cmd.Env = h.env(extra...)
	p.cmd.Dir = h.dir
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go p.read(r)
	go func() {
		_ = p.cmd.Wait()
		_ = w.Close()
		close(p.ended)
	}()
	h.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if h.t.Failed() {
			h.t.Logf("%s said:\n%s", name, tail(p.text(), 60))
		}
	})
	return p
}

func (p *proc) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		p.mu.Unlock()
		select {
		case p.grew <- struct{}{}:
		default:
		}
	}
}

func (p *proc) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// await waits until the process has printed something.
func (p *proc) await(text string) {
	p.t.Helper()
	patience := time.NewTimer(90 * time.Second)
	defer patience.Stop()
	for !strings.Contains(p.text(), text) {
		select {
		case <-p.grew:
		case <-p.ended:
			if !strings.Contains(p.text(), text) {
				p.t.Fatalf("it ended without %q:\n%s", text, p.text())
			}
		case <-patience.C:
			p.t.Fatalf("no %q after 90 s:\n%s", text, p.text())
		}
	}
}

// kill is SIGKILL: no goodbye.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop is SIGTERM: what a deploy does.
func (p *proc) stop() int {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

func tail(s string, lines int) string {
	all := strings.Split(s, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// quiet drops the SDK's own log lines.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// night is the date of the window that these tests run in.
func (h *house) night() tariff.Night {
	h.t.Helper()
	if span, ok := h.window.Containing(time.Now()); ok {
		return span.Night
	}
	span, err := h.window.Next(time.Now().Add(-time.Minute))
	if err != nil {
		h.t.Fatal(err)
	}
	return span.Night
}
