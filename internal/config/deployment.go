package config

import (
	"fmt"
	"regexp"
)

// Temporal writes a version as name:build, or name.build, into search
// attributes and the UI.
var (
	deploymentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	buildID        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$`)
)

func checkDeployment(name string) error {
	if name == "" || deploymentName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("OFFPEAK_DEPLOYMENT: %q is no name: letters, digits, - and _, at most 63", name)
}

func checkBuildID(id string) error {
	if id == "" || buildID.MatchString(id) {
		return nil
	}
	return fmt.Errorf("OFFPEAK_BUILD_ID: %q is no build id: letters, digits and . _ + -, at most 63", id)
}
