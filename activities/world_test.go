package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/archive"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/sqlite"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

const apiKey = "sk-test-0123456789abcdef-never-printed"

// nine is 21:00 PST of 22 November 2026, when a night begins.
var nine = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// leaping is a clock for which waiting takes no time: it goes forward by what
// is waited for. The simulator, the ledger and the hands share it.
type leaping struct {
	mu sync.Mutex
	at time.Time
}

func (c *leaping) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *leaping) Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(max(d, 0))
	return nil
}

// world is real parts all around the hands: SQLite, a folder, and the
// simulator behind a socket.
type world struct {
	*testing.T
	dir    string
	clock  *leaping
	api    *simulator.Server
	server *httptest.Server
	books  *ledger.Ledger
	store  *archive.Archive
	hands  *activities.Hands
	log    *logbook
	deps   activities.Deps
	plan   batch.Plan
	input  string

	mu     sync.Mutex
	draws  []time.Duration // what full jitter could have been, at most
	jitter func(time.Duration) time.Duration
}

// logbook keeps everything that is logged.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newWorld opens everything. change may alter the simulator's options.
func newWorld(t *testing.T, change func(*simulator.Options)) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), clock: &leaping{at: nine}, log: &logbook{}}
	w.jitter = func(most time.Duration) time.Duration { return most / 2 }
	opts := simulator.Options{
		Clock:    w.clock,
		Accounts: []simulator.Account{{Name: "test", Keys: []string{apiKey}, Credit: 1000_000_000}},
		Latency:  simulator.Latency{Kind: "fixed", Low: 20 * time.Second},
		Tokens:   simulator.Tokens{In: 6000, Out: 3000},
	}
	if change != nil {
		change(&opts)
	}
	api, err := simulator.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	w.api = api
	w.server = httptest.NewServer(api)
	t.Cleanup(func() { api.Close(); w.server.CloseClientConnections(); w.server.Close() })
	w.openBooks()
	w.store, err = archive.Open(t.Context(), "file://"+filepath.Join(w.dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.newHands(w.server.URL)
	return w
}

func (w *world) openBooks() {
	w.Helper()
	books, err := sqlite.Open(w.Context(), filepath.Join(w.dir, "offpeak.db"), ledger.Options{Now: w.clock.Now})
	if err != nil {
		w.Fatal(err)
	}
	w.books = books
	w.Cleanup(func() { _ = books.Close() })
}

// newHands is a worker that starts: whatever the one before had in memory is
// gone.
func (w *world) newHands(url string) {
	w.Helper()
	client, err := swarms.New(swarms.Options{BaseURL: url, Key: apiKey, Now: w.clock.Now})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(client.CloseIdle)
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(w.log), zapcore.DebugLevel)
	w.deps = activities.Deps{
		Ledger: w.books, Archive: w.store, Swarms: client, Log: zap.New(core), Clock: w.clock,
		Jitter: func(most time.Duration) time.Duration {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.draws = append(w.draws, most)
			return w.jitter(most)
		},
	}
	w.hands = activities.New(w.deps)
}

// manifest is a night of n jobs with short names; more is added to its top.
func manifest(n int, more string) string {
	jobs := make([]string, n)
	for i := range jobs {
		jobs[i] = fmt.Sprintf(`{"name": "job-%d", "task": "Summarize item %d. CONFIDENTIAL-PROMPT"}`, i, i)
	}
	return fmt.Sprintf(`{"name": "digest", %s "defaults": {"swarm_type": "SequentialWorkflow",
		"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 1024},
		           {"agent_name": "B", "model_name": "gpt-4o", "max_tokens": 2048}],
		"expect": {"input_tokens": 6000, "output_tokens": 3000}},
		"jobs": [%s]}`, more, strings.Join(jobs, ","))
}

// planned plans a night and reads the credits, as the story does.
func (w *world) planned(input string) *world {
	w.Helper()
	w.unread(input)
	if _, err := w.hands.CheckCredits(w.Context(), batch.CreditsRequest{Batch: w.plan.Batch, Estimate: w.plan.Estimate, When: "when asked"}); err != nil {
		w.Logf("the night begins without having read the credits: %v", err)
	}
	return w
}

// unread is planned without a look at the credits: they can't tell then what
// wasn't billed.
func (w *world) unread(input string) *world {
	w.Helper()
	w.input = input
	plan, err := w.hands.PlanNight(w.Context(), batch.PlanRequest{
		Input: json.RawMessage(input), WorkflowID: "nightly/digest/2026-11-22", RunID: "run-1", Asked: w.clock.Now(),
	})
	if err != nil {
		w.Fatal(err)
	}
	w.plan = plan
	return w
}

func (w *world) submit(seq int) batch.Submit {
	return batch.Submit{Batch: w.plan.Batch, Seq: seq}
}

// send runs SubmitSwarm as Temporal would: again after each delay, until it
// answers or fails for good. It returns the delays.
func (w *world) send(seq int) (batch.Outcome, []time.Duration) {
	w.Helper()
	var delays []time.Duration
	for range 1000 {
		out, err := w.hands.SubmitSwarm(w.Context(), w.submit(seq))
		if err == nil {
			return out, delays
		}
		e := applicationError(w.T, err)
		if e.NonRetryable() || e.NextRetryDelay() <= 0 {
			w.Fatalf("job %d: %v (delay %s)", seq, err, e.NextRetryDelay())
		}
		delays = append(delays, e.NextRetryDelay())
		_ = w.clock.Wait(context.Background(), e.NextRetryDelay())
	}
	w.Fatalf("job %d didn't end in 1000 attempts", seq)
	return batch.Outcome{}, nil
}

// audit ends a night as the story does: the books are compared, then judged.
func (w *world) audit() (batch.Result, error) {
	w.Helper()
	books := w.reconcile()
	return w.hands.AuditDiscount(w.Context(), batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span, Books: &books})
}

func (w *world) job(seq int) ledger.Job {
	w.Helper()
	j, err := w.books.Job(w.Context(), w.plan.Batch, seq)
	if err != nil {
		w.Fatal(err)
	}
	return j
}

// posts are the paid requests that the simulator saw.
func (w *world) posts() []simulator.Arrival {
	var all []simulator.Arrival
	for a := range w.api.Books().Arrivals() {
		if a.Path == swarms.PathCompletions {
			all = append(all, a)
		}
	}
	return all
}

func (w *world) faults(rules ...simulator.Rule) *world {
	w.Helper()
	if err := w.api.SetFaults(rules...); err != nil {
		w.Fatal(err)
	}
	return w
}

// honest checks what must hold after any night: nothing ran twice, our books
// are the provider's to the micro-dollar, the chain holds, and the key, the
// prompts and the answers are nowhere.
func (w *world) honest() {
	w.Helper()
	totals := w.api.Books().Totals()
	if len(totals.DoubleBilled) > 0 {
		w.Errorf("billed twice: %v", totals.DoubleBilled)
	}
	if w.plan.Batch != "" {
		ours, err := w.books.Totals(w.Context(), w.plan.Batch)
		if err != nil {
			w.Fatal(err)
		}
		if ours.Charged != totals.Billed {
			w.Errorf("our books say %s, the provider's %s", ours.Charged, totals.Billed)
		}
		if ours.Sending != 0 {
			w.Errorf("%d jobs are still sending", ours.Sending)
		}
	}
	if _, err := w.books.Verify(w.Context()); err != nil {
		w.Errorf("the ledger doesn't hold: %v", err)
	}
	w.discreet()
}

func (w *world) discreet() {
	w.Helper()
	for _, secret := range []string{apiKey, "CONFIDENTIAL-PROMPT"} {
		if strings.Contains(w.log.String(), secret) {
			w.Errorf("%s was logged", secret)
		}
	}
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), apiKey) {
			w.Errorf("the key is in %s", path)
		}
		return err
	})
	if err != nil {
		w.Error(err)
	}
}

func applicationError(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	var e *temporal.ApplicationError
	if !errors.As(err, &e) {
		t.Fatalf("%T isn't an application error: %v", err, err)
	}
	if strings.Contains(err.Error(), apiKey) || strings.Contains(err.Error(), "CONFIDENTIAL-PROMPT") {
		t.Errorf("a secret is in an error: %v", err)
	}
	return e
}

func kindOf(t *testing.T, err error) batch.Kind {
	t.Helper()
	if err == nil {
		return ""
	}
	return batch.Kind(applicationError(t, err).Type())
}
