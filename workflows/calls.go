package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// ShardRequest asks for a stretch of a night's jobs to be sent.
type ShardRequest struct {
	Page           batch.Page    `json:"page"`
	Span           tariff.Span   `json:"span"`
	InFlight       int           `json:"in_flight"` // jobs under way at once
	RequestTimeout time.Duration `json:"request_timeout"`
	Booked         bool          `json:"booked,omitempty"` // the books have Span and RequestTimeout too: a single job needn't bring them

	Chunk   int  `json:"chunk,omitempty"`   // jobs in one request of the batch endpoint; up to 1: each job is a request of its own
	Chunks  int  `json:"chunks,omitempty"`  // at most so many groups go that way; 0: no bound
	Metered bool `json:"metered,omitempty"` // the provider isn't Swarms: SubmitRequest sends

	Lane int `json:"lane,omitempty"` // one activity for all jobs that don't go in groups, so many of them under way at once; 0: one for each
}

// ShardResult is how a stretch of jobs ended.
type ShardResult struct {
	Jobs     batch.Counts `json:"jobs"`
	Billed   money.USD    `json:"billed"`
	DayPrice money.USD    `json:"day_price"`
	Singly   string       `json:"singly,omitempty"` // why no more batch requests should be made tonight
}

// final lists the error types that no retry can mend. The hands mark them
// non-retryable too; naming them here keeps a mistyped one from looping.
func final() []string {
	kinds := []batch.Kind{
		batch.BadInput, batch.KeyRefused, batch.CreditsTooLow, batch.OverBudget, batch.RejectedByAPI,
		batch.NightClaimed, batch.ManifestDiffers, batch.NotFound, batch.Internal,
		batch.DiscountMissed, batch.BillingMissing, batch.OutcomesUnknown, batch.BooksDisagree, batch.NothingToJudge,
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

// PlanNight reads the manifest and writes jobs and request ids into the ledger.
var PlanNight = Call[batch.PlanRequest, batch.Plan]{PlanNightName, func(in batch.PlanRequest) workflow.ActivityOptions {
	if in.Parent.RunID != "" {
		// Nobody is waiting: a night that goes on by itself has until tomorrow.
		return workflow.ActivityOptions{
			TaskQueue:           TaskQueue,
			Summary:             "Take what was left over from the books",
			StartToCloseTimeout: 30 * time.Minute,
			HeartbeatTimeout:    30 * time.Second,
			RetryPolicy:         patient(),
		}
	}
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             "Read the manifest, claim the night, write jobs and request ids",
		StartToCloseTimeout: 30 * time.Minute, // 100,000 streamed jobs
		HeartbeatTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			// Somebody is waiting at a prompt: 1 + 2 + 4 s, then say that the
			// provider or the ledger can't be reached.
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 4,
			NonRetryableErrorTypes: final(),
		},
	}
}}

// CheckCredits is the preflight: credits >= 1.5 x estimate.
var CheckCredits = Call[batch.CreditsRequest, batch.Credits]{CheckCreditsName, func(in batch.CreditsRequest) workflow.ActivityOptions {
	policy := &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 4,
		NonRetryableErrorTypes: final(),
	}
	if !in.Until.IsZero() {
		// At night nobody is waiting, and a provider that is down at the opening
		// may be up in an hour: 1, 2, 4 ... 60 s until the night is over, which
		// the hands judge by Until.
		policy.MaximumAttempts = 0
		policy.MaximumInterval = time.Minute
	}
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             "Credits >= 1.5 x " + in.Estimate.Dollars() + ", " + in.When,
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         policy,
	}
}}

// PendingJobs lists the sequence numbers in a stretch that still have to be
// sent, first those that go first.
var PendingJobs = Call[batch.Page, []int]{PendingJobsName, func(in batch.Page) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             fmt.Sprintf("What is left of jobs %d to %d", in.From, in.To-1),
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         patient(),
	}
}}

// sends are the options of what makes paid requests; one attempt takes at most
// so long.
func sends(most time.Duration) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           SendsTaskQueue,
		StartToCloseTimeout: most,
		// Without one, a killed worker's job hangs until StartToClose. One that
		// lives learns by its heartbeats that it is cancelled.
		HeartbeatTimeout:    10 * time.Second,
		WaitForCancellation: true, // what is in flight is paid for: it drains
		RetryPolicy: &temporal.RetryPolicy{
			// Without end: tries are counted in the ledger by kind, so that waiting
			// for a limit never uses them up, and each error carries its own delay.
			// The interval here only spaces attempts that died with their worker.
			InitialInterval: 1500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: time.Minute,
			// No list of final types: it would be 200 bytes of history a job, and
			// the hands mark what no retry mends.
		},
	}
}

// SubmitSwarm sends one job, settles it and keeps its answer. One attempt is
// one HTTP request at the most, with the gate before it and the books behind
// it.
var SubmitSwarm = Call[batch.Submit, batch.Outcome]{SubmitSwarmName, func(in batch.Submit) workflow.ActivityOptions {
	o := sends(in.Within + 5*time.Minute)
	o.Summary = fmt.Sprintf("Job %d", in.Seq) // as starter jobs numbers it, which knows its name; 100,000 go in lanes
	return o
}}

// SubmitRequest is SubmitSwarm for a provider that a dialect speaks to. A job
// whose work the provider has taken on isn't over: its outcome says when to ask
// again.
var SubmitRequest = Call[batch.Submit, batch.Outcome]{SubmitRequestName, func(in batch.Submit) workflow.ActivityOptions {
	o := sends(2*in.RequestTimeout + 5*time.Minute) // a quote, and what it is for
	o.Summary = fmt.Sprintf("Job %d", in.Seq)
	return o
}}

// SubmitBatch sends some jobs in requests of the batch endpoint, each job of it
// through the gate, and settles those that are answered. What isn't over after
// that goes on alone, by SubmitSwarm; what an earlier attempt sent is never
// sent by a later one.
var SubmitBatch = Call[batch.SubmitMany, batch.Many]{SubmitBatchName, func(in batch.SubmitMany) workflow.ActivityOptions {
	o := sends(in.RequestTimeout + 5*time.Minute)
	o.Summary = fmt.Sprintf("%d jobs in one request, from job %d", len(in.Seqs), in.Seqs[0])
	return o
}}

// laneMargin is how much longer than its night a lane may last: it settles
// what is in doubt, for which the provider's log may be late.
const laneMargin = 2 * time.Hour

// SubmitLane sends a stretch of jobs, many under way at once.
var SubmitLane = Call[batch.Lane, batch.LaneResult]{SubmitLaneName, func(in batch.Lane) workflow.ActivityOptions {
	// As long as the night: what it waits for it waits for itself.
	o := sends(in.Span.Closes.Sub(in.Span.Opens) + in.RequestTimeout + laneMargin)
	o.Summary = fmt.Sprintf("Jobs %d to %d, %d at once", in.From, in.To-1, in.Width)
	return o
}}

// Reconcile settles what the provider's log can settle, and compares ledger,
// log and credits. A log that can't be read is part of its answer.
var Reconcile = Call[batch.ReconcileRequest, batch.Reconciliation]{ReconcileName, func(batch.ReconcileRequest) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             "Compare the ledger with the provider's log and credits",
		StartToCloseTimeout: 30 * time.Minute, // a log of a gigabyte
		HeartbeatTimeout:    time.Minute,
		WaitForCancellation: true, // so that no audit reads books that are being corrected
		RetryPolicy:         patient(),
	}
}}

// NightBatches lists the batches of one night.
var NightBatches = Call[batch.NightRequest, []batch.ID]{NightBatchesName, func(in batch.NightRequest) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             "The batches of the night: " + in.Night,
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         patient(),
	}
}}

// AuditDiscount judges the night, writes and announces the report, and fails
// when there is something to find. It comes last.
var AuditDiscount = Call[batch.AuditRequest, batch.Result]{AuditDiscountName, func(in batch.AuditRequest) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             "Prove the discount in dollars",
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         patient(),
	}
}}

// SteerNight writes a person's order into the books. Somebody waits for the
// answer: a ledger that is out of reach for longer than a minute is an error,
// and the order isn't given.
var SteerNight = Call[batch.Steer, batch.Steered]{SteerNightName, func(in batch.Steer) workflow.ActivityOptions {
	summary := in.Do + " by " + in.By
	if in.Cap > 0 {
		summary = in.Do + " to " + in.Cap.Dollars() + " by " + in.By
	}
	if r := []rune(summary); len(r) > 150 { // Temporal takes 200
		summary = string(r[:150]) + "..."
	}
	return workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		Summary:                summary,
		StartToCloseTimeout:    35 * time.Second, // the ledger gives up a transaction after 30
		ScheduleToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 8 * time.Second, // 1, 2, 4, 8, 8 ... s until the minute is over
			NonRetryableErrorTypes: final(),
		},
	}
}}

// LookNight says how far a night is. Nobody waits for it: one that isn't
// answered soon is left, and the next one comes.
var LookNight = Call[batch.LookRequest, batch.Look]{LookNightName, func(batch.LookRequest) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		Summary:                "How far it is",
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: 30 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	}
}}

// patient retries for as long as it takes: the ledger or the archive will come
// back, and giving up would leave a paid night without its report.
func patient() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		NonRetryableErrorTypes: final(),
	}
}

// Shard is a night's stretch of jobs as a child workflow.
var Shard = Child[ShardRequest, ShardResult]{NightlyShardName, func(in ShardRequest) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		TaskQueue: TaskQueue,
		// Whatever ends a night early, terminated included, its shards drain:
		// what is in flight is paid for.
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       fmt.Sprintf("Jobs %d to %d of %s", in.Page.From, in.Page.To-1, in.Page.Batch),
	}
}}

// LeftOver is the night that sends what another one parked. It is no part of
// that one, which ends: see Detach.
var LeftOver = Child[batch.GoOn, batch.Result]{NightlyBatchName, func(in batch.GoOn) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		TaskQueue:     TaskQueue,
		StaticSummary: "What is left over of " + string(in.Batch),
	}
}}

// ReconcileOne is one batch's reconciliation as a child workflow.
var ReconcileOne = Child[batch.ReconcileInput, batch.Result]{ReconcileBatchName, func(in batch.ReconcileInput) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		TaskQueue:           TaskQueue,
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       "The books of " + string(in.Batch),
	}
}}
