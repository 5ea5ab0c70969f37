package host

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporalnexus"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
)

// nexusService lets services in other namespaces start nights. A Nexus handler
// runs in a worker, but it is a door: which night a manifest belongs to is
// decided by starter/nightly, as at every other one, and not again here.
func nexusService(c client.Client, address string) (*nexus.Service, error) {
	door := nightly.New(c, address)
	service := nexus.NewService(workflows.NexusService)
	run, err := temporalnexus.NewWorkflowRunOperationWithOptions(temporalnexus.WorkflowRunOperationOptions[json.RawMessage, batch.Result]{
		Name: workflows.RunNightNexus,
		Handler: func(ctx context.Context, input json.RawMessage, o nexus.StartOperationOptions) (temporalnexus.WorkflowHandle[batch.Result], error) {
			return runNight(ctx, door, input, o)
		},
	})
	if err != nil {
		return nil, err
	}
	start := nexus.NewSyncOperation(workflows.StartNightNexus,
		func(ctx context.Context, input json.RawMessage, _ nexus.StartOperationOptions) (batch.Started, error) {
			return startNight(ctx, door, input)
		})
	return service, service.Register(run, start)
}

// runNight starts a night whose end is the operation's. A second caller of one
// night is attached to it: both get its result, and either's cancellation ends
// it.
func runNight(ctx context.Context, door *nightly.Client, input json.RawMessage, o nexus.StartOperationOptions) (temporalnexus.WorkflowHandle[batch.Result], error) {
	r, err := nightly.ReadRequest(input)
	if err != nil {
		return nil, refused(err)
	}
	p, err := door.Prepare(r)
	if err != nil {
		return nil, refused(err)
	}
	p.Options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	handle, err := temporalnexus.ExecuteUntypedWorkflow[batch.Result](ctx, o, p.Options, workflows.NightlyBatchName, p.Input)
	var bad *serviceerror.InvalidArgument
	if errors.As(err, &bad) {
		return nil, refused(notTaken(p.Batch, bad))
	}
	return handle, err
}

// notTaken is a start that Temporal takes from nobody: said here, because of a
// handler's error only the type reaches the caller.
func notTaken(id batch.ID, err *serviceerror.InvalidArgument) *batch.Fault {
	f := &batch.Fault{Kind: batch.BadInput, Op: "start night", Thing: string(id), Moved: batch.MovedNo, Detail: err.Message, Err: err}
	if strings.Contains(err.Message, "callbacks") { // it has no type of its own
		f.Kind, f.Op = batch.NightClaimed, "wait for night"
		f.Detail = "it runs, and as many callers wait for it as Temporal lets: " + err.Message
		f.Hint = workflows.StartNightNexus + " hands a night over without waiting; system.maxCallbacksPerWorkflow is the server's setting"
	}
	return f
}

// startNight starts a night and says which one it is.
func startNight(ctx context.Context, door *nightly.Client, input json.RawMessage) (batch.Started, error) {
	r, err := nightly.ReadRequest(input)
	if err != nil {
		return batch.Started{}, refused(err)
	}
	n, err := door.Start(ctx, r)
	if err != nil {
		return batch.Started{}, refused(err)
	}
	return batch.Started{
		Batch: n.Batch, WorkflowID: n.WorkflowID, RunID: n.RunID, Running: n.Running,
		Begins: n.Start.At, Reason: n.Start.Reason, Night: n.Batch.Night(),
	}, nil
}

// refused is a fault as a caller's workflow sees it. What the caller has to
// correct fails the operation for good, with the fault as the cause: the same
// shape of error as a night's that is refused later. Not a handler error of
// type BAD_REQUEST: of that, with a cause, server 1.29 passes on the type and
// not the message. Anything else is an error of this handler, which Nexus
// retries until the caller's own timeout.
func refused(err error) error {
	var f *batch.Fault
	if !errors.As(err, &f) || f.Kind != batch.BadInput && f.Kind != batch.NightClaimed {
		return err
	}
	return &nexus.OperationError{State: nexus.OperationStateFailed, Message: f.Error(), Cause: activities.Raise(f)}
}
