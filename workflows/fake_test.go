package workflows_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// hands are plain fakes behind the durable names: the story is tested against
// what it may know of the hands, which is names and types.
type hands struct {
	env *testsuite.TestWorkflowEnvironment

	mu      sync.Mutex
	jobs    int
	window  tariff.Window
	timeout time.Duration
	plan    func(batch.PlanRequest) (batch.Plan, error) // nil for the usual one
	credits func(batch.CreditsRequest) error
	submit  func(batch.Submit) (batch.Outcome, error)
	audit   func(batch.AuditRequest) (batch.Result, error)
	steer   func(batch.Steer) (batch.Steered, error)
	look    func(batch.LookRequest) (batch.Look, error) // nil for one that never comes
	left    func(batch.Page) []int                      // nil for all of a page
	many    func(batch.SubmitMany) (batch.Many, error)
	compare func(batch.ReconcileRequest) (batch.Reconciliation, error)
	nights  func(batch.NightRequest) ([]batch.ID, error)
	lag     time.Duration // of the provider's log
	chunk   int
	chunks  int
	flight  int // jobs under way at once in a shard; 4 when 0
	lane    int
	lanes   func(batch.Lane) (batch.LaneResult, error)

	booked  tariff.Span // for which the batch was planned last
	steered []batch.Steer
	asked   []batch.CreditsRequest
	sent    []batch.Submit
	sentAt  []time.Time
	audited []batch.AuditRequest

	laned      []batch.Lane
	groups     []batch.SubmitMany
	raised     []batch.Alert
	compared   []batch.ReconcileRequest
	comparedAt []time.Time
}

func newHands(t *testing.T, asked time.Time, jobs int) *hands {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	h := &hands{env: suite.NewTestWorkflowEnvironment(), jobs: jobs, window: tariff.SwarmsWindow(), timeout: 600 * time.Second}
	h.env.SetStartTime(asked)
	h.env.RegisterWorkflowWithOptions(workflows.NightlyBatch, workflow.RegisterOptions{Name: workflows.NightlyBatchName})
	h.env.RegisterWorkflowWithOptions(workflows.NightlyShard, workflow.RegisterOptions{Name: workflows.NightlyShardName})
	bind(h.env, workflows.PlanNight, h.planNight)
	bind(h.env, workflows.CheckCredits, h.checkCredits)
	bind(h.env, workflows.PendingJobs, h.pendingJobs)
	bind(h.env, workflows.SubmitSwarm, h.submitSwarm)
	bind(h.env, workflows.AuditDiscount, h.auditDiscount)
	bind(h.env, workflows.SteerNight, h.steerNight)
	bind(h.env, workflows.LookNight, h.lookNight)
	h.env.RegisterWorkflowWithOptions(workflows.ReconcileBatch, workflow.RegisterOptions{Name: workflows.ReconcileBatchName})
	h.env.RegisterWorkflowWithOptions(workflows.ReconcileNight, workflow.RegisterOptions{Name: workflows.ReconcileNightName})
	bind(h.env, workflows.SubmitBatch, h.submitBatch)
	bind(h.env, workflows.SubmitLane, h.submitLane)
	bind(h.env, workflows.Reconcile, h.reconcile)
	bind(h.env, workflows.NightBatches, h.nightBatches)
	h.env.RegisterWorkflowWithOptions(workflows.Announce, workflow.RegisterOptions{Name: workflows.AnnounceName})
	bind(h.env, workflows.RaiseAlerts, h.raiseAlerts)
	return h
}

func bind[In, Out any](env *testsuite.TestWorkflowEnvironment, call workflows.Call[In, Out], f func(context.Context, In) (Out, error)) {
	env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: call.Name})
}

// run plays the night to its end.
func (h *hands) run(t *testing.T) (batch.Result, error) {
	t.Helper()
	h.env.ExecuteWorkflow(workflows.NightlyBatchName, json.RawMessage(`{"manifest": "file:///night.yaml"}`))
	if !h.env.IsWorkflowCompleted() {
		t.Fatal("the night didn't end")
	}
	if err := h.env.GetWorkflowError(); err != nil {
		return batch.Result{}, err
	}
	var r batch.Result
	if err := h.env.GetWorkflowResult(&r); err != nil {
		t.Fatal(err)
	}
	return r, nil
}

func (h *hands) planNight(_ context.Context, in batch.PlanRequest) (batch.Plan, error) {
	do := h.usualPlan
	if h.plan != nil {
		do = h.plan
	}
	plan, err := do(in)
	h.booked = plan.Start.Span
	return plan, err
}

func (h *hands) usualPlan(in batch.PlanRequest) (batch.Plan, error) {
	start, err := h.window.Decide(in.Asked, h.timeout)
	if err != nil {
		return batch.Plan{}, err
	}
	return batch.Plan{
		Batch: batch.NewID("digest", start.Span.Night), Window: h.window, Start: start,
		Jobs: h.jobs, Pending: h.jobs, Estimate: money.USD(h.jobs) * money.Cent, Budget: batch.Budget{Batch: money.Dollar},
		Policy: batch.Policy{RequestTimeout: h.timeout, LogLag: h.lag}, ShardSize: 10, Shards: 2, InFlight: cmp.Or(h.flight, 4),
		Chunk: h.chunk, Chunks: h.chunks, Lane: h.lane,
	}, nil
}

func (h *hands) lookNight(_ context.Context, in batch.LookRequest) (batch.Look, error) {
	if h.look != nil {
		return h.look(in)
	}
	return batch.Look{}, errors.New("the ledger is out of reach")
}

func (h *hands) checkCredits(_ context.Context, in batch.CreditsRequest) (batch.Credits, error) {
	h.mu.Lock()
	h.asked = append(h.asked, in)
	h.mu.Unlock()
	if h.credits != nil {
		return batch.Credits{}, h.credits(in)
	}
	return batch.Credits{Total: money.Dollar, Needed: in.Estimate}, nil
}

func (h *hands) pendingJobs(_ context.Context, in batch.Page) ([]int, error) {
	if h.left != nil {
		return h.left(in), nil
	}
	var seqs []int
	for i := in.From; i < in.To; i++ {
		seqs = append(seqs, i)
	}
	return seqs, nil
}

func (h *hands) submitSwarm(_ context.Context, in batch.Submit) (batch.Outcome, error) {
	if in.Span.Opens.IsZero() { // as the books have it
		in.Span = h.booked
	}
	h.mu.Lock()
	h.sent = append(h.sent, in)
	h.sentAt = append(h.sentAt, h.env.Now())
	h.mu.Unlock()
	if h.submit != nil {
		return h.submit(in)
	}
	return batch.Outcome{Seq: in.Seq, State: batch.Succeeded, Billed: money.Cent, DayPrice: 2 * money.Cent}, nil
}

func (h *hands) auditDiscount(_ context.Context, in batch.AuditRequest) (batch.Result, error) {
	h.mu.Lock()
	h.audited = append(h.audited, in)
	h.mu.Unlock()
	if h.audit != nil {
		return h.audit(in)
	}
	r := batch.Result{Batch: in.Batch, Night: in.Span.Night, State: workflows.StateDone, Audit: batch.Audit{Passed: true}}
	r.Jobs.Add(batch.Succeeded, h.jobs)
	return r, nil
}

// steerNight keeps the books' part of a pause and a cap.
func (h *hands) steerNight(_ context.Context, in batch.Steer) (batch.Steered, error) {
	h.mu.Lock()
	h.steered = append(h.steered, in)
	h.mu.Unlock()
	if h.steer != nil {
		return h.steer(in)
	}
	out := batch.Steered{Cap: max(in.Cap, money.Dollar)}
	if in.Do == batch.SteerPause {
		out.Paused = batch.Pause{By: in.By, Why: in.Why, At: h.env.Now()}
	}
	return out, nil
}

// submitBatch has every job of a group answered.
func (h *hands) submitBatch(_ context.Context, in batch.SubmitMany) (batch.Many, error) {
	h.mu.Lock()
	h.groups = append(h.groups, in)
	h.mu.Unlock()
	if h.many != nil {
		return h.many(in)
	}
	return answered(in.Seqs...), nil
}

// submitLane has every job of a lane answered.
func (h *hands) submitLane(_ context.Context, in batch.Lane) (batch.LaneResult, error) {
	h.mu.Lock()
	h.laned = append(h.laned, in)
	h.mu.Unlock()
	if h.lanes != nil {
		return h.lanes(in)
	}
	var r batch.LaneResult
	for range in.To - in.From {
		r.Add(batch.Outcome{State: batch.Succeeded, Billed: money.Cent, DayPrice: 2 * money.Cent})
	}
	return r, nil
}

// answered is a group whose jobs all succeeded.
func answered(seqs ...int) batch.Many {
	var m batch.Many
	for _, seq := range seqs {
		m.Outcomes = append(m.Outcomes, batch.Outcome{Seq: seq, State: batch.Succeeded, Billed: money.Cent, DayPrice: 2 * money.Cent})
	}
	return m
}

func (h *hands) reconcile(_ context.Context, in batch.ReconcileRequest) (batch.Reconciliation, error) {
	h.mu.Lock()
	h.compared = append(h.compared, in)
	h.comparedAt = append(h.comparedAt, h.env.Now())
	h.mu.Unlock()
	if h.compare != nil {
		return h.compare(in)
	}
	return batch.Reconciliation{Batch: in.Batch, Span: in.Span, Rows: h.jobs, Runs: h.jobs}, nil
}

func (h *hands) nightBatches(_ context.Context, in batch.NightRequest) ([]batch.ID, error) {
	return h.nights(in)
}

// raiseAlerts keeps what there was to tell; the books find none of it news.
func (h *hands) raiseAlerts(_ context.Context, in batch.RaiseRequest) (batch.Raised, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.raised = append(h.raised, in.Alerts...)
	return batch.Raised{Tellings: []batch.Telling{}}, nil
}

// fails is an error as the hands would make it from a fault.
func fails(k batch.Kind) error {
	return temporal.NewNonRetryableApplicationError("as staged", string(k), nil) //nolint:forbidigo // a fake hand
}

// pacific reads an instant on the wall clock of Los Angeles.
func pacific(t *testing.T, s string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func wantTimes(t *testing.T, what string, got []time.Time, n int, from, to time.Time) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%s: %d, want %d", what, len(got), n)
	}
	for i, at := range got {
		if at.Before(from) || at.After(to) {
			t.Errorf("%s %d at %s, want %s to %s", what, i, at, from, to)
		}
	}
}

// quiet drops the SDK's log lines: a failing test says what matters.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
