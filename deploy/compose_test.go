// Package deploy holds what runs offpeak elsewhere. No container engine is
// needed to test it: the compose file is loaded and validated by the loader
// that the compose tool itself uses.
package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func load(t *testing.T) *types.Project {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithProfiles([]string{"*"}), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestComposeHasTheWholeHouse(t *testing.T) {
	p := load(t)
	for _, name := range []string{"postgres", "temporal", "temporal-ui", "worker", "starter", "simulator"} {
		if _, ok := p.Services[name]; !ok {
			t.Errorf("no service %q", name)
		}
	}
}

func TestComposeImagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`:(\d[\w.-]*|local)$`)
	for _, s := range load(t).Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %q has no pinned tag", s.Name, s.Image)
		}
	}
}

func TestComposeListensOnLoopbackOnly(t *testing.T) {
	ports := 0
	for _, s := range load(t).Services {
		for _, port := range s.Ports {
			ports++
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published on %q, want 127.0.0.1", s.Name, port.Published, port.HostIP)
			}
		}
	}
	if ports == 0 {
		t.Error("no port is published: the Temporal UI can't be reached")
	}
}

func TestComposeMountsExist(t *testing.T) {
	p := load(t)
	for _, s := range p.Services {
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
	for name, secret := range p.Secrets {
		if _, err := os.Stat(secret.File); err != nil {
			t.Errorf("secret %s: %v", name, err)
		}
	}
	if s := p.Services["worker"]; s.Build == nil || !strings.HasSuffix(s.Build.Dockerfile, "Dockerfile") {
		t.Error("the worker isn't built from this repository")
	}
}

// TestComposeDrains: a worker that is stopped must get the time of the longest
// paid request, or the request's outcome is unknown.
func TestComposeDrains(t *testing.T) {
	s := load(t).Services["worker"]
	if s.StopGracePeriod == nil || s.StopGracePeriod.String() != "11m0s" {
		t.Errorf("worker's stop_grace_period is %v, want 11m: 600 s of request and a minute for the books", s.StopGracePeriod)
	}
}

// TestComposeKeepsTheKeyOutOfTheEnvironment: docker inspect shows environments.
func TestComposeKeepsTheKeyOutOfTheEnvironment(t *testing.T) {
	for _, s := range load(t).Services {
		if _, ok := s.Environment["SWARMS_API_KEY"]; ok {
			t.Errorf("%s: the API key is in the environment: use SWARMS_API_KEY_FILE and a secret", s.Name)
		}
	}
}
