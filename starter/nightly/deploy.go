package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/workflows"
)

// DefaultDeployment is the name that a deployment of workers has when nobody
// says another.
const DefaultDeployment = "offpeak"

// A Deployment is the workers that OFFPEAK_DEPLOYMENT gives one name. What
// begins goes to its current build, and ends on the build that it began on.
type Deployment struct {
	Name    string  `json:"name"`
	Current string  `json:"current"` // "" when what begins goes to workers without a deployment
	Builds  []Build `json:"builds"`  // the newest first
	Plain   int     `json:"plain"`   // workers without a deployment that poll now

	missing []string // task queues that no worker without a deployment polls
	token   []byte   // of what was read
}

// A Build is one program of a deployment.
type Build struct {
	ID      string    `json:"id"`
	Since   time.Time `json:"since"`   // when its first worker polled
	Current bool      `json:"current"` // what begins goes to it
	Workers int       `json:"workers"` // that poll now
	Nights  int64     `json:"nights"`  // that run, or wait for their hour, and end on it
	Others  int64     `json:"others"`  // shards, announcements and the like
	Missing []string  `json:"missing"` // task queues that none of its workers polls
}

// Idle says that its workers may be stopped: nothing begins there, and nothing
// runs there.
func (b Build) Idle() bool { return !b.Current && b.Nights == 0 && b.Others == 0 }

// Stuck says that nights can't go on before one of its workers is started again.
func (b Build) Stuck() bool { return b.Nights+b.Others > 0 && len(b.Missing) > 0 }

// Build is a build by its id.
func (d Deployment) Build(id string) (Build, bool) {
	i := slices.IndexFunc(d.Builds, func(b Build) bool { return b.ID == id })
	if i < 0 {
		return Build{}, false
	}
	return d.Builds[i], true
}

// Deployment reads what is deployed. Counts come from Temporal's list of
// workflows, which may be a moment behind; workers that were killed count for
// as long as it takes to miss them.
func (c *Client) Deployment(ctx context.Context, name string) (Deployment, error) {
	d := Deployment{Name: name, Builds: []Build{}}
	found, err := c.temporal.WorkerDeploymentClient().GetHandle(name).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return d, c.deployFault(ctx, "read deployment", name, err)
	}
	d.token = found.ConflictToken
	if v := found.Info.RoutingConfig.CurrentVersion; v != nil && v.DeploymentName == name {
		d.Current = v.BuildID
	}
	polled, err := c.polled(ctx, name)
	if err != nil {
		return d, c.deployFault(ctx, "read deployment", name, err)
	}
	d.Plain, d.missing = polled.workers(""), polled.missing("")
	for _, s := range found.Info.VersionSummaries {
		id := s.Version.BuildID
		b := Build{ID: id, Since: s.CreateTime, Current: id == d.Current, Workers: polled.workers(id), Missing: polled.missing(id)}
		if b.Nights, b.Others, err = c.runsOn(ctx, name, id); err != nil {
			return d, c.deployFault(ctx, "count what runs on build", id, err)
		}
		d.Builds = append(d.Builds, b)
	}
	slices.SortFunc(d.Builds, func(a, b Build) int { return b.Since.Compare(a.Since) })
	return d, nil
}

// Promote has everything that begins from now on go to a build; "" are workers
// without a deployment. It first waits until workers of that build poll every
// task queue, and see is told what there is meanwhile: promoted too early,
// nights would wait for nobody. What runs already stays where it is.
func (c *Client) Promote(ctx context.Context, name, build string, see func(Deployment)) (Deployment, error) {
	var b Build
	for {
		d, err := c.Deployment(ctx, name)
		var f *batch.Fault
		if ctx.Err() != nil {
			return d, c.nobodyPolls(ctx, name, build, b)
		}
		if err != nil && (!errors.As(err, &f) || f.Kind != batch.NotFound || build == "") {
			return d, err
		}
		b, _ = d.Build(build)
		if build == "" {
			b = Build{Current: d.Current == "", Workers: d.Plain, Missing: d.missing}
		}
		switch {
		case err == nil && b.Workers > 0 && len(b.Missing) == 0:
			if b.Current {
				return d, nil
			}
			_, err := c.temporal.WorkerDeploymentClient().GetHandle(name).SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{
				BuildID: build, ConflictToken: d.token,
			})
			var changed *serviceerror.FailedPrecondition
			if err == nil {
				return c.Deployment(ctx, name)
			}
			if !errors.As(err, &changed) { // else somebody else was faster, or its queues are still being entered: look again
				return d, c.deployFault(ctx, "promote build", build, err)
			}
		case see != nil:
			see(d)
		}
		again := time.NewTimer(time.Second)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return d, c.nobodyPolls(ctx, name, build, b)
		}
	}
}

func (c *Client) nobodyPolls(ctx context.Context, name, build string, b Build) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return c.fault(ctx, "promote build", build, ctx.Err())
	}
	f := &batch.Fault{
		Kind: batch.NotFound, Op: "promote build", Thing: build,
		Detail: fmt.Sprintf("no worker of it polls deployment %s; nothing was changed", name),
		Hint:   fmt.Sprintf("start one: OFFPEAK_DEPLOYMENT=%s OFFPEAK_BUILD_ID=%s worker; the id is the commit's first 12 digits when it isn't set", name, build),
	}
	if build == "" {
		f.Thing, f.Detail, f.Hint = name, "no worker without a deployment polls; nothing was changed", "start one without OFFPEAK_DEPLOYMENT first"
	}
	if b.Workers > 0 {
		f.Detail = fmt.Sprintf("its workers don't poll %v; nothing was changed", b.Missing)
		f.Hint = "wait a moment, and look at what they log"
	}
	return f
}

// runsOn counts what is pinned to a build.
func (c *Client) runsOn(ctx context.Context, name, build string) (nights, others int64, err error) {
	where := fmt.Sprintf("TemporalWorkerDeploymentVersion = '%s:%s' AND ExecutionStatus = 'Running'", name, build)
	count := func(query string) int64 {
		var r *workflowservice.CountWorkflowExecutionsResponse
		if err == nil {
			r, err = c.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		}
		return r.GetCount()
	}
	all := count(where)
	nights = count(where + " AND WorkflowType = '" + workflows.NightlyBatchName + "'")
	return nights, max(all-nights, 0), err
}

// polls are the workers that poll, by build and what they poll. Those without
// a deployment have no build.
type polls map[string]map[string][]string

// needed is what a build's workers must poll for nights to go on there.
var needed = []struct {
	name  string
	queue string
	kind  enumspb.TaskQueueType
}{
	{workflows.TaskQueue + " (workflows)", workflows.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW},
	{workflows.TaskQueue + " (activities)", workflows.TaskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	{workflows.SendsTaskQueue, workflows.SendsTaskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY},
}

func (c *Client) polled(ctx context.Context, name string) (polls, error) {
	out := polls{}
	for _, n := range needed {
		d, err := c.temporal.DescribeTaskQueue(ctx, n.queue, n.kind)
		if err != nil {
			return nil, err
		}
		for _, p := range d.GetPollers() {
			if c.now().Sub(p.GetLastAccessTime().AsTime()) >= pollerAge {
				continue
			}
			v, build := p.GetDeploymentOptions(), ""
			if v.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED {
				if build = v.GetBuildId(); v.GetDeploymentName() != name {
					continue
				}
			}
			if out[build] == nil {
				out[build] = map[string][]string{}
			}
			out[build][n.name] = append(out[build][n.name], p.GetIdentity())
		}
	}
	return out, nil
}

func (p polls) workers(build string) int {
	var all []string
	for _, who := range p[build] {
		all = append(all, who...)
	}
	slices.SortFunc(all, cmp.Compare[string])
	return len(slices.Compact(all))
}

func (p polls) missing(build string) []string {
	out := []string{}
	for _, n := range needed {
		if len(p[build][n.name]) == 0 {
			out = append(out, n.name)
		}
	}
	return out
}

func (c *Client) deployFault(ctx context.Context, op, thing string, err error) *batch.Fault {
	f := c.fault(ctx, op, thing, err)
	var unknown *serviceerror.Unimplemented
	switch {
	case errors.As(err, &unknown):
		f.Kind, f.Detail = batch.BadInput, fmt.Sprintf("Temporal at %s doesn't know worker deployments", c.address)
		f.Hint = "it needs a server 1.28 or later; without one, leave OFFPEAK_DEPLOYMENT unset"
	case f.Kind == batch.NotFound:
		f.Detail = "no worker has ever polled under this name"
		f.Hint = "start one with OFFPEAK_DEPLOYMENT set to it, or name another with --name"
	}
	return f
}
