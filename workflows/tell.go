package workflows

import (
	"errors"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// changeAnnounce is the version of telling people how a night ended: what began
// without it ends without.
const changeAnnounce = "announce"

// tell has people told how the night ended, if there is something to tell. The
// night doesn't wait for that.
func (n *night) tell(ctx workflow.Context, err error) {
	end := batch.NightEnd{Subject: subject(ctx), Batch: n.terms.Batch, Result: n.result, Alone: alone(ctx)}
	if end.Result.Batch == "" && err != nil {
		end.Fault = faultOf(err)
	}
	announceEnd(ctx, end)
}

// announceEnd tells what follows from an end.
func announceEnd(ctx workflow.Context, end batch.NightEnd) {
	if workflow.GetVersion(ctx, changeAnnounce, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	end.At = workflow.Now(ctx)
	_ = announce(ctx, batch.NightAlerts(end)) // it is logged, and no reason for the night to fail
}

// subject is what a run is called before its batch is known: the schedule that
// started it, whose workflow ids have the time in them, or its workflow.
func subject(ctx workflow.Context) string {
	if id, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(scheduledBy); ok && id != "" {
		return id
	}
	id := strings.TrimPrefix(workflow.GetInfo(ctx).WorkflowExecution.ID, "nightly/")
	if batch.IsCarry("nightly/" + id) {
		id, _, _ = strings.Cut(id, "/carry/") // its batch
	}
	return id
}

// alone says that nobody waits for how a run ends.
func alone(ctx workflow.Context) bool {
	return bySchedule(ctx) || parent(workflow.GetInfo(ctx)).RunID != ""
}

// faultOf is the fault that an activity's error carries; of any other error one
// that says what it says, and nil for a cancellation.
func faultOf(err error) *batch.Fault {
	if temporal.IsCanceledError(err) {
		return nil
	}
	var (
		app *temporal.ApplicationError
		f   batch.Fault
	)
	if errors.As(err, &app) {
		if app.HasDetails() && app.Details(&f) == nil && f.Kind != "" {
			return &f
		}
		return &batch.Fault{Kind: batch.Kind(app.Type()), Op: "run the night", Detail: clip(app.Message())}
	}
	return &batch.Fault{Kind: batch.Internal, Op: "run the night", Detail: clip(err.Error())}
}
