package host

import (
	"context"
	"fmt"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/build"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/workflows"
)

// deployment is under which name and build this worker polls. The SDK's own
// name for a build, a checksum of the program, says nothing to people, and is
// longer in every event.
//
// With OFFPEAK_DEPLOYMENT every workflow is pinned: it ends on the build that
// it began on, its shards and its sends too. Without, the name is only shown,
// and whichever worker is free goes on with a night. Two programs must never
// share a version then, so that one whose commit says too little is refused.
func deployment(c config.Config, this build.Info) (worker.DeploymentOptions, error) {
	o := worker.DeploymentOptions{Version: worker.WorkerDeploymentVersion{DeploymentName: c.Deployment, BuildID: c.BuildID}}
	if o.Version.BuildID == "" {
		o.Version.BuildID = this.ID()
	}
	if c.Deployment == "" {
		o.Version.DeploymentName = workflows.TaskQueue
		return o, nil
	}
	if why := unclear(this); c.BuildID == "" && why != "" {
		return o, &batch.Fault{
			Kind: batch.BadInput, Op: "read setting", Thing: "OFFPEAK_BUILD_ID", Detail: fmt.Sprintf("OFFPEAK_DEPLOYMENT=%s needs a build that can be told from others, and %s", c.Deployment, why), Moved: batch.MovedNo,
			Hint: "build it from a clean checkout (go build -o bin/ ./worker), or name it: OFFPEAK_BUILD_ID=v0.1.0",
		}
	}
	o.UseVersioning = true
	o.DefaultVersioningBehavior = workflow.VersioningBehaviorPinned
	return o, nil
}

// unclear says why a commit doesn't name a program, or "".
func unclear(this build.Info) string {
	switch {
	case this.Commit == "unknown":
		return "this one doesn't know its commit (go run, or a build outside of a checkout)"
	case strings.HasSuffix(this.Commit, "-dirty"):
		return "this one was built from changed files"
	}
	return ""
}

// standing tells who started a versioned worker what goes to it.
func standing(ctx context.Context, c client.Client, o worker.DeploymentOptions) string {
	if !o.UseVersioning {
		return ""
	}
	v := o.Version
	d, err := c.WorkerDeploymentClient().GetHandle(v.DeploymentName).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if current := d.Info.RoutingConfig.CurrentVersion; err == nil && current != nil && *current == v {
		return fmt.Sprintf("build %s of deployment %s: current\n", v.BuildID, v.DeploymentName)
	}
	return fmt.Sprintf("build %s of deployment %s: no new night goes to it before: starter deploy promote %[1]s --name %[2]s\n", v.BuildID, v.DeploymentName)
}
