package config

import (
	"strings"
	"testing"
)

func TestDeployment(t *testing.T) {
	c, err := Load(Env{"HOME=/home/ada", "OFFPEAK_DEPLOYMENT=offpeak", "OFFPEAK_BUILD_ID=v0.2.0-rc.1+3d00"})
	if err != nil || c.Deployment != "offpeak" || c.BuildID != "v0.2.0-rc.1+3d00" {
		t.Errorf("%q, %q, %v", c.Deployment, c.BuildID, err)
	}
	_, err = Load(Env{"HOME=/home/ada", "OFFPEAK_DEPLOYMENT=our.nights", "OFFPEAK_BUILD_ID=a:b"})
	if err == nil || !strings.Contains(err.Error(), `"our.nights" is no name`) || !strings.Contains(err.Error(), `"a:b" is no build id`) {
		t.Errorf("%v", err)
	}
}
