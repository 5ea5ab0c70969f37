package host

import (
	"context"
	"errors"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/batch/manifest"
	"github.com/offpeak/offpeak/workflows"
)

// Bind gives a name of the story its function, with the types checked: a
// mistyped input would otherwise become a retry loop at night.
func Bind[In, Out any](r worker.ActivityRegistry, call workflows.Call[In, Out], do func(context.Context, In) (Out, error)) {
	r.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: call.Name})
}

const (
	// Measured: 20 pollers for activities and 10 for workflow tasks carry 600
	// jobs a second, the SDK's default of two each half of that.
	activityPollers = 20
	workflowPollers = 10

	// mostSends bounds the sends of one worker: two full nights at once. Each is
	// a connection.
	mostSends = 1000

	// drainTime is longer than the longest request may be: a drain ends by
	// itself, or by a second interrupt.
	drainTime = manifest.MaxRequestTimeout + 10*time.Minute
)

// crew is the two workers: one tells the story and does its small activities,
// the other sends, so that a flood of sends never holds up a timer or an audit.
type crew struct {
	story, sends worker.Worker
	failed       chan error // the first fatal error of either
}

// hire registers everything and starts both workers.
func hire(c client.Client, hands *activities.Hands, deployment worker.DeploymentOptions, o Options) (*crew, error) {
	crew := &crew{failed: make(chan error, 1)}
	fatal := func(err error) {
		select {
		case crew.failed <- err:
		default:
		}
	}
	crew.story = worker.New(c, workflows.TaskQueue, worker.Options{
		MaxConcurrentWorkflowTaskPollers: workflowPollers,
		WorkerStopTimeout:                drainTime,
		DeploymentOptions:                deployment,
		OnFatalError:                     fatal,
	})
	workflows.Register(crew.story)
	service, err := nexusService(c, o.Temporal.HostPort)
	if err != nil {
		return nil, err
	}
	crew.story.RegisterNexusService(service)
	Bind(crew.story, workflows.PlanNight, hands.PlanNight)
	Bind(crew.story, workflows.CheckCredits, hands.CheckCredits)
	Bind(crew.story, workflows.PendingJobs, hands.PendingJobs)
	Bind(crew.story, workflows.Reconcile, hands.Reconcile)
	Bind(crew.story, workflows.NightBatches, hands.NightBatches)
	Bind(crew.story, workflows.AuditDiscount, hands.AuditDiscount)
	Bind(crew.story, workflows.SteerNight, hands.SteerNight)
	Bind(crew.story, workflows.LookNight, hands.LookNight)
	Bind(crew.story, workflows.WatchUsage, hands.WatchUsage)
	Bind(crew.story, workflows.ExportLog, hands.ExportLog)
	Bind(crew.story, workflows.RaiseAlerts, hands.RaiseAlerts)
	Bind(crew.story, workflows.DeliverAlert, hands.DeliverAlert)
	Bind(crew.story, workflows.PurgeOld, hands.PurgeOld)

	crew.sends = worker.New(c, workflows.SendsTaskQueue, worker.Options{
		MaxConcurrentActivityExecutionSize: mostSends,
		MaxConcurrentActivityTaskPollers:   activityPollers,
		DisableWorkflowWorker:              true,
		WorkerStopTimeout:                  drainTime,
		DeploymentOptions:                  deployment,
		OnFatalError:                       fatal,
	})
	Bind(crew.sends, workflows.SubmitSwarm, hands.SubmitSwarm)
	Bind(crew.sends, workflows.SubmitBatch, hands.SubmitBatch)
	Bind(crew.sends, workflows.SubmitLane, hands.SubmitLane)
	Bind(crew.sends, workflows.SubmitRequest, hands.SubmitRequest)

	if err := crew.story.Start(); err != nil {
		return nil, lost(o, err)
	}
	if err := crew.sends.Start(); err != nil {
		crew.story.Stop()
		return nil, lost(o, err)
	}
	return crew, nil
}

// stop drains both at once.
func (c *crew) stop() {
	var both sync.WaitGroup
	both.Go(c.sends.Stop)
	both.Go(c.story.Stop)
	both.Wait()
}

// running asks Temporal whether a run is open. One that is gone isn't.
func running(c client.Client) func(context.Context, string, string) (bool, error) {
	return func(ctx context.Context, workflowID, runID string) (bool, error) {
		d, err := c.DescribeWorkflowExecution(ctx, workflowID, runID)
		var gone *serviceerror.NotFound
		if errors.As(err, &gone) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
	}
}

// givesWay asks a night that carries a batch on to leave it to another run, and
// waits until it has ended. One that doesn't only wait refuses.
func givesWay(c client.Client) func(ctx context.Context, workflowID, runID, by string) (bool, error) {
	return func(ctx context.Context, workflowID, runID, by string) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		u, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: workflowID, RunID: runID, UpdateName: workflows.GiveWayUpdate,
			Args: []any{batch.Order{By: by}}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = u.Get(ctx, nil)
		}
		var refused *temporal.ApplicationError
		if errors.As(err, &refused) {
			return false, nil
		}
		if err != nil { // also one that ended meanwhile: who claims is asked again, and looks again
			return false, err
		}
		return true, ended(c.GetWorkflow(ctx, workflowID, runID).Get(ctx, nil))
	}
}

// ended is nil when a workflow's end is known, however it ended.
func ended(err error) error {
	var how *temporal.WorkflowExecutionError
	if errors.As(err, &how) {
		return nil
	}
	return err
}

// searchAttributes adds the story's attributes where they are missing and says
// whether the namespace has them. Without them nights run all the same; they
// just can't be searched for.
func searchAttributes(ctx context.Context, c client.Client, o Options) bool {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	want := map[string]enumspb.IndexedValueType{
		workflows.AttrBatch: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttrNight: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttrState: enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: o.Temporal.Namespace})
	if err == nil {
		for name := range have.GetCustomAttributes() {
			delete(want, name)
		}
	}
	if len(want) == 0 {
		return true
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: o.Temporal.Namespace, SearchAttributes: want})
	var there *serviceerror.AlreadyExists
	if err == nil || errors.As(err, &there) {
		return true
	}
	o.Log.Warn("search attributes can't be added: nights can't be searched for by batch, night or state",
		zap.String("namespace", o.Temporal.Namespace), zap.Error(err))
	return false
}
