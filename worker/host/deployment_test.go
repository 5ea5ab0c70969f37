package host

import (
	"strings"
	"testing"

	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/build"
	"github.com/offpeak/offpeak/internal/config"
)

// Two programs never share a build of a deployment: one that can't be told from
// others is refused, unless somebody names it. Without a deployment nothing is.
func TestTheBuildOfADeployment(t *testing.T) {
	const commit = "3d005697a3b1c2d4e5f60718293a4b5c6d7e8f90"
	for _, c := range []struct {
		name, deployment, id, commit string
		want                         string // build, when it is taken
		why                          string // when it is refused
	}{
		{"no deployment", "", "", commit, "3d005697a3b1", ""},
		{"no deployment, go run", "", "", "unknown", "unknown", ""},
		{"a clean commit", "offpeak", "", commit, "3d005697a3b1", ""},
		{"a name", "offpeak", "v0.2.0", "unknown", "v0.2.0", ""},
		{"changed files with a name", "offpeak", "mine", commit + "-dirty", "mine", ""},
		{"go run", "offpeak", "", "unknown", "", "doesn't know its commit"},
		{"changed files", "offpeak", "", commit + "-dirty", "", "built from changed files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := deployment(config.Config{Deployment: c.deployment, BuildID: c.id}, build.Info{Commit: c.commit})
			if c.why != "" {
				if batch.KindOf(err) != batch.BadInput || !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), "OFFPEAK_BUILD_ID") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || o.Version.BuildID != c.want || o.UseVersioning != (c.deployment != "") {
				t.Errorf("%+v, %v", o, err)
			}
			if pinned := o.DefaultVersioningBehavior == workflow.VersioningBehaviorPinned; pinned != o.UseVersioning {
				t.Errorf("pinned: %t", pinned)
			}
		})
	}
}
