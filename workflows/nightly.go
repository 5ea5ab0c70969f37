package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

// NightlyBatch runs one night. Its input is one JSON value, so that a person
// can paste it into the Temporal UI: a whole manifest, or
// {"manifest": "file:///..."}, or {"batch": "NAME/NIGHT"} to go on with a batch
// that is in the books.
//
// It ends with the night's result; or fails with a fault's kind as the error
// type: before anything was sent (BadInput, CreditsTooLow, OverBudget, ...) or
// after the report was written (DiscountMissed, NothingToJudge, ...; the
// result is in the error's details).
func NightlyBatch(ctx workflow.Context, input json.RawMessage) (batch.Result, error) {
	n := &night{log: workflow.GetLogger(ctx)}
	result, err := n.run(ctx, input)
	n.tell(ctx, err)
	return result, err
}

// run is the night itself.
func (n *night) run(ctx workflow.Context, input json.RawMessage) (batch.Result, error) {
	n.progress.State = StatePlanning
	if err := workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery, func() (batch.Progress, error) { return n.progress, nil }, workflow.QueryHandlerOptions{
		Description: "How the night stands, for programs: it doesn't count what shards under way have done",
	}); err != nil {
		return batch.Result{}, err
	}
	if err := workflow.SetQueryHandlerWithOptions(ctx, SummaryQuery, func() (string, error) { return n.details(), nil }, workflow.QueryHandlerOptions{
		Description: "How the night stands, as text. It takes no argument",
	}); err != nil {
		return batch.Result{}, err
	}
	ctx, n.end = workflow.WithCancel(ctx)
	if err := n.listen(ctx); err != nil {
		return batch.Result{}, err
	}
	if err := n.yield(ctx); err != nil {
		return batch.Result{}, err
	}

	steps := []func(workflow.Context) error{
		func(ctx workflow.Context) error { return n.plan(ctx, input) },
		n.preflight,
		n.waitForWindow,
		n.openingCheck,
		n.fanOut,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			if errors.Is(err, errElsewhere) {
				return n.elsewhere(ctx)
			}
			if n.gaveWay != "" {
				return n.stepAside(ctx)
			}
			if n.sent || temporal.IsCanceledError(err) && n.planned {
				break // something may be in the books: they are judged below, whatever happened
			}
			if n.terms.Carried && isKind(err, batch.OutOfReach) {
				n.stop = cause(err).Error()
				break // a whole night without the provider: what is left is parked, and tries the next one
			}
			n.fault = err
			n.enter(ctx, StateRefused)
			if err := n.settled(ctx); err != nil {
				return batch.Result{}, err
			}
			return batch.Result{}, cause(err)
		}
	}
	return n.audit(ctx, n.reconcile(ctx))
}

// night is the state of one run of the story.
type night struct {
	log      log.Logger
	terms    batch.Plan
	progress batch.Progress
	span     tariff.Span
	planned  bool         // the ledger has the jobs
	sent     bool         // the fan-out began
	stop     string       // why it stopped early
	look     batch.Look   // how far it was when it was last looked at, while it sends
	fault    error        // why it is refused or failed
	result   batch.Result // how it was judged

	end       func() // ends the steps, as a cancellation from outside does
	cancelled bool   // nothing more is sent
	gaveWay   string // the workflow that has the batch now: this one ends without a word on it
	raised    bool   // the cap was raised since the round of sends began
	reopened  int    // jobs that it gave another chance
	singly    string // why no more batch requests are made
}

// plan has the manifest read, the night claimed and every job written down
// with its request id.
func (n *night) plan(ctx workflow.Context, input json.RawMessage) error {
	info := workflow.GetInfo(ctx)
	terms, err := PlanNight.Do(ctx, batch.PlanRequest{
		Input:      input,
		WorkflowID: info.WorkflowExecution.ID,
		RunID:      info.WorkflowExecution.RunID,
		Asked:      workflow.Now(ctx),
		Parent:     parent(info),
		Scheduled:  bySchedule(ctx),
	})
	if err != nil {
		return err
	}
	if terms.Elsewhere != "" {
		n.terms = terms
		return errElsewhere
	}
	n.terms, n.span, n.planned = terms, terms.Start.Span, true
	if terms.Metered != "" {
		n.passOn(ctx)
	}
	n.progress.Batch = terms.Batch
	n.progress.Span = n.span
	n.progress.Jobs.Total = terms.Jobs
	n.progress.Estimate, n.progress.Ceiling, n.progress.Cap = terms.Estimate, terms.Ceiling, terms.Budget.Batch
	n.progress.Warnings = terms.Warnings
	n.log.Info("night planned", "batch", terms.Batch, "jobs", terms.Jobs, "pending", terms.Pending,
		"estimate", terms.Estimate.String(), "ceiling", terms.Ceiling.String(), "start", terms.Start.At)
	return nil
}

// preflight refuses by day, while a person can still act.
func (n *night) preflight(ctx workflow.Context) error {
	if n.terms.Pending == 0 {
		return nil
	}
	in := batch.CreditsRequest{Batch: n.terms.Batch, Estimate: n.terms.Estimate, When: "when asked"}
	if n.terms.Carried {
		in.Until = n.terms.Start.At // nobody asked just now: there is time until the night begins
	}
	_, err := CheckCredits.Do(ctx, in)
	if n.terms.Carried && isKind(err, batch.OutOfReach) {
		return nil // the opening asks again
	}
	return err
}

// waitForWindow sleeps until the night begins. Whoever comes too late, because
// a timer fired on a server that came back by day, waits for the next night.
func (n *night) waitForWindow(ctx workflow.Context) error {
	if n.terms.Pending == 0 {
		return nil
	}
	start := n.terms.Start
	for {
		if start.At.After(workflow.Now(ctx)) {
			n.span = start.Span
			n.progress.Span, n.progress.Waiting = start.Span, start.At
			n.enter(ctx, StateWaiting)
			if err := sleepUntil(ctx, start.At, "The night begins: "+start.Reason); err != nil {
				return err
			}
		}
		now, window, slow := workflow.Now(ctx), n.terms.Window, n.terms.Policy.RequestTimeout
		next, err := record(ctx, func() decision { return decide(window, now, slow) })
		if err != nil {
			return err
		}
		if next.Problem != "" {
			return errors.New(next.Problem) // can't be: the plan was made from the same window
		}
		if !next.Start.At.After(now) {
			n.span = next.Start.Span
			n.progress.Span = n.span
			return nil
		}
		start = next.Start
	}
}

// decision is what the clock and the zone database said, as recorded.
type decision struct {
	Start   tariff.Start `json:"start"`
	Problem string       `json:"problem,omitempty"`
}

func decide(w tariff.Window, now time.Time, slow time.Duration) decision {
	start, err := w.Decide(now, slow)
	if err != nil {
		return decision{Problem: err.Error()}
	}
	return decision{Start: start}
}

// openingCheck repeats the preflight when the night begins: the first one may
// be hours old.
func (n *night) openingCheck(ctx workflow.Context) error {
	if n.terms.Pending == 0 {
		return nil
	}
	_, err := CheckCredits.Do(ctx, batch.CreditsRequest{
		Batch: n.terms.Batch, Estimate: n.terms.Estimate, When: "at the opening", Until: n.span.Deadline,
	})
	return err
}

// fanOut sends everything, shard by shard. When the cap was raised meanwhile,
// the shards in which jobs were skipped go round once more.
func (n *night) fanOut(ctx workflow.Context) error {
	if n.terms.Pending == 0 {
		return nil
	}
	n.sent = true
	n.progress.Waiting = time.Time{}
	n.enter(ctx, StateSending)
	defer n.watch(ctx)()
	var from []int
	for at := 0; at < n.terms.Jobs; at += n.terms.ShardSize {
		from = append(from, at)
	}
	for round := 1; ; round++ {
		skipped, err := n.round(ctx, round, from)
		if err != nil {
			return err
		}
		if err := n.settled(ctx); err != nil {
			return err
		}
		if again := n.raised && len(skipped) > 0 && ctx.Err() == nil; !again {
			return nil // cancelled, too: the audit sees that for itself
		}
		from = skipped
	}
}

// shardDrain is how long to wait before asking again for a stretch that an
// earlier run of the night still drains.
const shardDrain = 5 * time.Second

// round runs the shards that begin at these jobs, and says in which of them
// jobs were skipped.
func (n *night) round(ctx workflow.Context, round int, from []int) (skipped []int, failed error) {
	n.progress.Jobs.Skipped = max(n.progress.Jobs.Skipped-n.reopened, 0)
	n.raised, n.reopened = false, 0
	var (
		id      = workflow.GetInfo(ctx).WorkflowExecution.ID
		running = map[string]Future[ShardResult]{}
		pick    = workflow.NewSelector(ctx)
		busy    []int // stretches that an earlier run of this night still has in hand
	)
	start := func(from int) {
		to := min(from+n.terms.ShardSize, n.terms.Jobs)
		child := fmt.Sprintf("%s/%06d", id, from)
		if round > 1 {
			child = fmt.Sprintf("%s/%d", child, round)
		}
		in := ShardRequest{
			Page: batch.Page{Batch: n.terms.Batch, From: from, To: to}, Span: n.span, Booked: n.span.Same(n.terms.Start.Span),
			InFlight: n.terms.InFlight, RequestTimeout: n.terms.Policy.RequestTimeout, Lane: n.terms.Lane, Metered: n.terms.Metered != "",
		}
		if n.singly == "" && (n.terms.Chunks == 0 || from == 0 && round == 1) {
			in.Chunk, in.Chunks = n.terms.Chunk, n.terms.Chunks // a bound for the night is the first stretch's alone
		}
		future := Shard.Start(ctx, in, child)
		running[child] = future
		n.progress.Shards = append(n.progress.Shards, child)
		pick.AddFuture(future.Future, func(workflow.Future) {
			result, err := future.Get(ctx)
			delete(running, child)
			n.shardEnded(child, result)
			if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
				busy = append(busy, from) // a run of this night that was terminated still drains it
				return
			}
			if result.Jobs.Skipped > 0 {
				skipped = append(skipped, from)
			}
			if err != nil && failed == nil {
				failed = err
			}
		})
	}
	for len(from) > 0 || len(running) > 0 || len(busy) > 0 {
		if len(from)+len(running) == 0 {
			if failed != nil {
				break
			}
			if failed = workflow.Sleep(ctx, shardDrain); failed != nil {
				break
			}
			from, busy = busy, nil
		}
		for len(from) > 0 && len(running) < n.terms.Shards && failed == nil && ctx.Err() == nil {
			start(from[0])
			from = from[1:]
		}
		if len(running) == 0 {
			break
		}
		pick.Select(ctx)
	}
	if failed != nil {
		if n.stop == "" {
			n.stop = cause(failed).Error()
		}
		if temporal.IsCanceledError(failed) { // a person's doing, and nobody is to be woken for it
			n.log.Info("the fan-out was cancelled", "batch", n.terms.Batch)
		} else {
			n.log.Error("a shard ended badly", "batch", n.terms.Batch, "error", failed)
		}
	}
	slices.Sort(skipped)
	return skipped, failed
}

// shardEnded adds a shard's result to the night's progress.
func (n *night) shardEnded(child string, r ShardResult) {
	kept := n.progress.Shards[:0]
	for _, c := range n.progress.Shards {
		if c != child {
			kept = append(kept, c)
		}
	}
	n.progress.Shards = kept
	total := n.progress.Jobs.Total
	n.progress.Jobs = n.progress.Jobs.Plus(r.Jobs)
	n.progress.Jobs.Total = total
	n.progress.Billed += r.Billed
	n.progress.DayPrice += r.DayPrice
	if n.singly == "" && r.Singly != "" {
		n.singly = r.Singly
		n.log.Info("no more batch requests", "batch", n.terms.Batch, "why", r.Singly)
	}
}

// audit judges the books. It runs even when the night was cancelled, or its
// books couldn't be compared (books is nil): what was paid for has to be
// accounted for.
func (n *night) audit(ctx workflow.Context, books *batch.Reconciliation) (batch.Result, error) {
	cancelled := ctx.Err() != nil
	if cancelled {
		if !n.cancelled {
			n.stop = "the night was cancelled"
		}
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	n.enter(ctx, StateAuditing)
	result, err := AuditDiscount.Do(ctx, batch.AuditRequest{Batch: n.terms.Batch, Span: n.span, Stop: n.stop, Cancelled: cancelled, Books: books})
	if cancelled && isKind(err, batch.NothingToJudge) {
		err = nil // cancelled before the first send: no night, rather than a bad one
	}
	if err := n.settled(ctx); err != nil { // an order that came while the last step ended
		return batch.Result{}, err
	}
	if err != nil {
		r := judged(err)
		n.carryOver(ctx, r.Carried)
		n.fault, n.result = err, r
		if r.Batch != "" {
			n.progress.Jobs = r.Jobs
			n.progress.Billed, n.progress.DayPrice = r.Money.Billed, r.Money.DayPrice
		}
		n.enter(ctx, StateFailed)
		return batch.Result{}, cause(err)
	}
	n.carryOver(ctx, result.Carried)
	n.result = result
	n.progress.Jobs = result.Jobs
	n.progress.Billed, n.progress.DayPrice = result.Money.Billed, result.Money.DayPrice
	n.enter(ctx, StateDone)
	if cancelled {
		return result, temporal.NewCanceledError(result)
	}
	return result, nil
}

// cause strips the SDK's wrapping, so that the workflow fails with the fault's
// own type, DiscountMissed, and not with "activity error".
func cause(err error) error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app
	}
	return err
}

func isKind(err error, k batch.Kind) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == string(k)
}
