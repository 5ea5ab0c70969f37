package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/e2e/chaos"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// TestRandomNights lives through nights in which much goes wrong, and has one
// judge compare all books after each: `make test` those of chaos.Always, `make
// chaos` as many as asked for.
func TestRandomNights(t *testing.T) {
	t.Parallel()
	nights := chaos.Always()
	if os.Getenv("OFFPEAK_CHAOS_NIGHTS") != "" {
		nights = nil
		first := setting("OFFPEAK_CHAOS_SEED", 1)
		for i := range setting("OFFPEAK_CHAOS_NIGHTS", 1) {
			nights = append(nights, chaos.Night{Seed: uint64(first + i), Size: chaos.Full})
		}
	}
	for _, n := range nights {
		t.Run(fmt.Sprint(n.Seed), func(t *testing.T) {
			t.Parallel()
			randomNight(t, chaos.Draw(n.Seed, n.Size, thereIsPostgres()))
		})
	}
}

// troubled is a house in which a plan happens.
type troubled struct {
	*house
	plan    chaos.Plan
	net     *proxies
	cluster *pgtest.Cluster
	file    string
	id      batch.ID

	mu         sync.Mutex
	crew       []*proc // the process of each worker, of the moment
	follower   *proc
	all        []*proc // that ever ran
	reconciled bool
	over       chan struct{} // closed when nobody is to be started again
	hands      sync.WaitGroup
}

func randomNight(t *testing.T, p chaos.Plan) {
	t.Log(p.Story())
	began := time.Now()
	h := &troubled{plan: p, over: make(chan struct{})}
	h.open(t)
	h.hire()
	h.follow()
	h.live()
	h.settle()
	h.dismiss()
	found := chaos.Judge(h.told())
	h.keepLogs(len(found) > 0, time.Since(began))
	for _, f := range found {
		t.Errorf("night %d: %s: %s", p.Seed, f.Rule, f.What)
	}
	t.Logf("night %d is over after %s: %d requests, %d findings", p.Seed, time.Since(began).Round(time.Second), len(h.books().posts), len(found))
	noteNight(t, chaos.Row{Plan: p, Took: time.Since(began), Requests: len(h.books().posts), Broken: h.sim.Books().Totals().Faults, Found: found})
}

func (h *troubled) open(t *testing.T) {
	p := h.plan
	w := want{opens: -time.Minute, length: p.Lasts + time.Minute, file: true, sim: func(o *simulator.Options) {
		unlimited(o)
		o.Card = tariff.Swarms()
		o.Card.PerAgent = 100 // so that tokens decide what a job costs, and a cap can be met
		o.Seed = p.Seed
		o.Latency = simulator.Latency{Kind: "uniform", Low: p.Run, High: 4 * p.Run}
		o.Switches.LogSpread = simulator.Duration(p.LogLag)
		o.Faults = p.Faults
		if p.Limit > 0 {
			o.Accounts[0].Limits = &simulator.Limits{Quotas: []simulator.Quota{{Name: chaos.LimitSpan.String(), Span: chaos.LimitSpan, Limit: int64(p.Limit)}}}
			o.Switches.Strict = true
		}
	}}
	if p.Opens > 0 {
		w.opens, w.length = p.Opens, p.Lasts-p.Opens
	}
	if p.Store == chaos.Postgres {
		w.store = h.postgres(t)
	}
	h.house = open(t, w)
	h.net = h.proxies()
	h.id = h.batchID("chaos")
	var jobs strings.Builder
	for i := range p.Jobs {
		fmt.Fprintf(&jobs, `{"name": "Job %05d", "task": "Summarize item %d, %s.", "expect": {"input_tokens": 1, "output_tokens": 1}}`+"\n", i, i, secretPrompt)
	}
	h.house.file("chaos.jsonl", jobs.String())
	limit := p.Cap
	if limit == 0 {
		limit = 1000 * money.Dollar
	}
	mode, fan := "single", "jobs"
	switch p.Way {
	case chaos.Lanes:
		fan = "lanes"
	case chaos.Together:
		mode = "batch"
	}
	h.file = h.house.file("chaos.yaml", "name: chaos\n"+h.terms(fmt.Sprintf(
		"policy: {request_timeout: 8s, log_lag: %s, mode: %s, fan_out: %s}\nbudget: {per_job: 5.00, batch: %s}\n", p.LogLag+time.Second, mode, fan, limit))+
		"defaults:\n  swarm_type: SequentialWorkflow\n  agents:\n    - {agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}\njobs_from: chaos.jsonl\n")
}

// postgres is a database; on a server of its own when that is to be killed.
func (h *troubled) postgres(t *testing.T) string {
	for _, e := range h.plan.Events {
		if e.Do == chaos.KillPostgres {
			server, err := pgtest.New()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			})
			h.cluster = server
			return server.URL("postgres")
		}
	}
	return pgtest.Database(t)
}

// hire starts the workers, and starts each that ends again, as systemd would.
func (h *troubled) hire() {
	env := h.net.worker(h.store)
	if h.plan.Limit > 0 {
		env = append(env, fmt.Sprintf("OFFPEAK_LIMITS=%d/%s", h.plan.Limit, chaos.LimitSpan))
	}
	h.crew = make([]*proc, h.plan.Workers)
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.crew {
		h.crew[i] = h.begin("worker", env)
		h.hands.Go(func() {
			for {
				<-h.worker(i).ended
				<-time.After(time.Second) // as systemd's RestartSec
				h.mu.Lock()
				select {
				case <-h.over:
					h.mu.Unlock()
					return
				default:
				}
				h.crew[i] = h.begin("worker", env)
				h.mu.Unlock()
			}
		})
	}
}

// keepLogs writes what the processes said into the folder that
// OFFPEAK_CHAOS_LOGS names, of nights that went wrong or took long.
func (h *troubled) keepLogs(wrong bool, took time.Duration) {
	dir := os.Getenv("OFFPEAK_CHAOS_LOGS")
	if dir == "" || !wrong && took < 2*time.Minute {
		return
	}
	for i, p := range h.all {
		name := fmt.Sprintf("%d-%02d-%s.log", h.plan.Seed, i, filepath.Base(p.cmd.Path))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(p.text()), 0o600); err != nil {
			h.t.Error(err)
		}
	}
}

// begin starts a process. Whoever calls it holds mu, or is alone.
func (h *troubled) begin(name string, env []string, args ...string) *proc {
	p := h.start(name, env, args...)
	h.all = append(h.all, p)
	return p
}

func (h *troubled) worker(i int) *proc {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.crew[i]
}

// follow starts the night and follows it; whoever follows and is killed, or
// can't reach Temporal, is followed by another.
func (h *troubled) follow() {
	h.follower = h.begin("starter", h.net.starter(), "run", "--json", h.file)
	h.hands.Go(func() {
		for {
			<-h.follower.ended
			again := []string{"watch", "--json", string(h.id)}
			if !h.begun() {
				again = []string{"run", "--json", h.file}
			} else if h.ended() {
				return
			}
			h.mu.Lock()
			select {
			case <-h.over:
				h.mu.Unlock()
				return
			case <-time.After(200 * time.Millisecond):
			}
			h.follower = h.begin("starter", h.net.starter(), again...)
			h.mu.Unlock()
		}
	})
}

func (h *troubled) state() (begun, ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	d, err := h.client.DescribeWorkflowExecution(ctx, h.id.WorkflowID(), "")
	if err != nil {
		return false, false
	}
	return true, d.GetWorkflowExecutionInfo().GetCloseTime() != nil
}

func (h *troubled) begun() bool { begun, _ := h.state(); return begun }
func (h *troubled) ended() bool { _, ended := h.state(); return ended }

// patience is for a night on a machine that does much else.
const patience = 8 * time.Minute

// live has everything happen that the plan says, and waits for the night's end.
func (h *troubled) live() {
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	await := func(what string, is func() bool) {
		for !is() {
			select {
			case <-tick.C:
			case <-late.C:
				h.mu.Lock()
				h.keepLogs(true, patience)
				h.mu.Unlock()
				d := h.starter("status", string(h.id))
				noteNight(h.t, chaos.Row{
					Plan: h.plan, Took: patience, Requests: len(h.books().posts), Broken: h.sim.Books().Totals().Faults,
					Found: []chaos.Finding{{Rule: chaos.Stalled, What: what}},
				})
				h.t.Fatalf("night %d stalls: %s didn't come in %s, with %d requests\n%s%s", h.plan.Seed, what, patience, len(h.books().posts), d.out, d.stderr)
			}
		}
	}
	checked, over := time.Time{}, false
	ended := func() bool { // asked now and then
		if !over && time.Since(checked) > 500*time.Millisecond {
			over, checked = h.ended(), time.Now()
		}
		return over
	}
	var under sync.WaitGroup
	for nth, e := range h.plan.Events {
		await(e.String(), func() bool { return h.arrived()*100 >= e.At*h.plan.Jobs || ended() })
		h.t.Logf("%d %% have arrived: %s", h.arrived()*100/h.plan.Jobs, e)
		h.do(nth, e, &under)
	}
	await("the end of what was done to it", func() bool { under.Wait(); return true })
	checked, over = time.Time{}, false
	ordered := time.Now()
	await("the night's end", func() bool {
		if h.plan.Paused() && time.Since(ordered) > 5*time.Second {
			h.starter("resume", string(h.id)) // whoever paused it looks whether it goes on
			ordered = time.Now()
		}
		return ended()
	})
}

// arrived is how many jobs the provider has seen.
func (h *troubled) arrived() int {
	seen := map[string]bool{}
	for a := range h.sim.Books().Arrivals() {
		if a.RequestID != "" {
			seen[a.RequestID] = true
		}
	}
	return len(seen)
}

// do is one event. What is done to the network or to a worker that stands
// still goes on while others follow.
func (h *troubled) do(nth int, e chaos.Event, under *sync.WaitGroup) {
	lasting := func(end func()) {
		under.Go(func() {
			<-time.After(e.For)
			end()
		})
	}
	switch e.Do {
	case chaos.KillWorker:
		_ = h.worker(e.Who).cmd.Process.Kill()
	case chaos.DrainWorker:
		_ = h.worker(e.Who).cmd.Process.Signal(syscall.SIGTERM)
	case chaos.FreezeWorker:
		p := h.worker(e.Who).cmd.Process
		_ = p.Signal(syscall.SIGSTOP)
		lasting(func() { _ = p.Signal(syscall.SIGCONT) })
	case chaos.KillStarter:
		h.mu.Lock()
		_ = h.follower.cmd.Process.Kill()
		h.mu.Unlock()
	case chaos.KillTemporal:
		if err := h.temporal.Kill(); err != nil {
			h.t.Fatal(err)
		}
		<-time.After(e.For)
		if err := h.temporal.Restart(context.Background()); err != nil {
			h.t.Fatal(err)
		}
	case chaos.KillPostgres:
		if err := h.cluster.Kill(); err != nil {
			h.t.Fatal(err)
		}
		<-time.After(e.For)
		if err := h.cluster.Start(); err != nil {
			h.t.Fatal(err)
		}
	case chaos.Pause: // an order that nobody confirms may still arrive: see live
		h.starter("pause", "--why", "chaos", string(h.id))
		lasting(func() { h.starter("resume", string(h.id)) })
	default:
		lasting(h.net.spoil(nth, e))
	}
}

// settle has what is unknown looked up once more, when the log has had its time.
func (h *troubled) settle() {
	l := h.ledger()
	sums, err := l.Totals(h.t.Context(), h.id)
	_ = l.Close()
	if err != nil {
		h.t.Fatal(err)
	}
	if sums.Jobs.Unknown > 0 {
		h.reconciled = true
		<-time.After(h.plan.LogLag + time.Second)
		if d := h.starter("reconcile", "--json", string(h.id)); d.code != 0 && d.code != batch.ExitAudit && d.code != batch.ExitIncomplete {
			h.t.Errorf("reconcile: exit %d\n%s", d.code, d.stderr)
		}
	}
}

// dismiss drains all workers and the follower.
func (h *troubled) dismiss() {
	h.mu.Lock()
	close(h.over)
	for _, p := range h.crew {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	h.mu.Unlock()
	for _, p := range h.crew {
		<-p.ended
	}
	h.hands.Wait()
}

// told asks everybody.
func (h *troubled) told() chaos.Told {
	t := h.t
	t.Helper()
	told := chaos.Told{Plan: h.plan, Attempts: map[string][]ledger.Attempt{}, Most: h.sim.Books().MaxInWindow(chaos.LimitSpan)}
	_, night, _ := strings.Cut(string(h.id), "/")
	span, err := h.window.On(tariff.Night(night)) // it may be over by now
	if err != nil {
		t.Fatal(err)
	}
	told.Opens, told.Closes = span.Opens, span.Closes
	for a := range h.sim.Books().Arrivals() {
		if strings.HasSuffix(a.Path, "/completions") {
			told.Arrivals = append(told.Arrivals, a)
		}
	}
	l := h.ledger()
	defer l.Close()
	_, told.Chain = l.Verify(t.Context())
	if told.Totals, err = l.Entries(t.Context(), []batch.ID{h.id}, func(e ledger.Entry) error {
		told.Entries = append(told.Entries, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, e := range told.Entries {
		if told.Attempts[e.Job.RequestID], err = l.Attempts(t.Context(), h.id, e.Job.Seq); err != nil {
			t.Fatal(err)
		}
	}
	h.history(&told)
	d := h.starter("results", string(h.id))
	lines := bufio.NewScanner(strings.NewReader(d.out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a chaos.Answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("results: %v", err)
		}
		told.Answers = append(told.Answers, a)
	}
	told.Left = h.left()
	return told
}

// history reads the night's result from Temporal, and the report from the
// archive.
func (h *troubled) history(told *chaos.Told) {
	id := h.id.WorkflowID()
	if h.reconciled {
		id = batch.ReconcileInput{Batch: h.id}.WorkflowID()
	}
	told.History = h.resultOf(id)
	d := h.starter("report", "--format", "json", string(h.id))
	var m report.Morning
	if err := json.Unmarshal([]byte(d.out), &m); err != nil {
		h.t.Errorf("report: exit %d, %v\n%s", d.code, err, d.stderr)
	}
	told.Report = m.Result
}

// resultOf is a workflow's result, also of one that failed its audit: then it
// is among the error's details.
func (h *troubled) resultOf(id string) batch.Result {
	var r batch.Result
	err := h.client.GetWorkflow(h.t.Context(), id, "").Get(h.t.Context(), &r)
	var app *temporal.ApplicationError
	if err == nil || !errors.As(err, &app) {
		if err != nil {
			h.t.Errorf("%s ended without a result: %v", id, err)
		}
		return r
	}
	for n := 1; n <= 2; n++ {
		raw := make([]json.RawMessage, n)
		into := make([]any, n)
		for i := range raw {
			into[i] = &raw[i]
		}
		if app.Details(into...) != nil {
			continue
		}
		for _, detail := range raw {
			var found batch.Result
			if json.Unmarshal(detail, &found) == nil && found.Batch != "" {
				r = found
			}
		}
	}
	return r
}

// left are workflows and processes that nobody wants any more. A night that
// waits to carry on what was parked, and alerts that wait for a worker, are as
// they should be.
func (h *troubled) left() []string {
	var left []string
	open, err := h.client.ListWorkflow(h.t.Context(), listOpen)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, w := range open.GetExecutions() {
		id := w.GetExecution().GetWorkflowId()
		if !strings.Contains(id, "/carry/") && !strings.HasPrefix(id, "alerts/") {
			left = append(left, "the workflow "+id)
		}
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline") // none where there is no /proc
	for _, c := range commands {
		env, _ := os.ReadFile(filepath.Join(filepath.Dir(c), "environ"))
		if strings.Contains(string(env), "HOME="+h.dir+"\x00") {
			said, _ := os.ReadFile(c)
			left = append(left, "the process "+strings.ReplaceAll(string(said), "\x00", " "))
		}
	}
	return left
}

var listOpen = &workflowservice.ListWorkflowExecutionsRequest{Query: `ExecutionStatus = "Running"`}
