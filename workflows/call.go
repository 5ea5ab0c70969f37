package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Call is an activity as the story sees it: a durable name with the types of
// its input and output. ExecuteActivity doesn't check its arguments, and a
// mistyped input becomes a retry loop; Do makes it a compile error, and the
// host's Bind does the same on the other side.
type Call[In, Out any] struct {
	Name    string
	Options func(in In) workflow.ActivityOptions
}

// Start runs the activity and doesn't wait for it.
func (c Call[In, Out]) Start(ctx workflow.Context, in In) Future[Out] {
	ctx = workflow.WithActivityOptions(ctx, c.Options(in))
	return Future[Out]{workflow.ExecuteActivity(ctx, c.Name, in)}
}

// Do runs the activity and waits for its answer.
func (c Call[In, Out]) Do(ctx workflow.Context, in In) (Out, error) {
	return c.Start(ctx, in).Get(ctx)
}

// Child is a child workflow as its parent sees it, typed like Call.
type Child[In, Out any] struct {
	Name    string
	Options func(in In) workflow.ChildWorkflowOptions
}

// Start runs the child under a workflow id and doesn't wait for it.
func (c Child[In, Out]) Start(ctx workflow.Context, in In, id string) Future[Out] {
	opts := c.Options(in)
	opts.WorkflowID = id
	ctx = workflow.WithChildOptions(ctx, opts)
	return Future[Out]{workflow.ExecuteChildWorkflow(ctx, c.Name, in)}
}

// Detach starts the child and waits only until it has begun: it outlives its
// parent. One of this id that runs already is as good.
func (c Child[In, Out]) Detach(ctx workflow.Context, in In, id string) error {
	opts := c.Options(in)
	opts.WorkflowID = id
	opts.ParentClosePolicy = enumspb.PARENT_CLOSE_POLICY_ABANDON
	ctx = workflow.WithChildOptions(ctx, opts)
	err := workflow.ExecuteChildWorkflow(ctx, c.Name, in).GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// Future is an answer of a known type.
type Future[Out any] struct{ workflow.Future }

// Get waits for the answer.
func (f Future[Out]) Get(ctx workflow.Context) (Out, error) {
	var out Out
	err := f.Future.Get(ctx, &out)
	return out, err
}

// record keeps a decision in the history: decide runs once, replays read what
// it said. It must not fail; what can fail belongs into an activity.
func record[T any](ctx workflow.Context, decide func() T) (T, error) {
	var out T
	err := workflow.SideEffect(ctx, func(workflow.Context) any { return decide() }).Get(&out)
	return out, err
}

// sleepUntil is a durable timer to an instant; at once when that has passed.
func sleepUntil(ctx workflow.Context, at time.Time, summary string) error {
	wait := at.Sub(workflow.Now(ctx))
	if wait <= 0 {
		return nil
	}
	return workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: summary}).Get(ctx, nil)
}
