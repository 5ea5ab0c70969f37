package cli_test

import (
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch"
)

// The operator's own limit is known to the estimate as it is to the plan.
func TestEstimateKnowsOwnLimits(t *testing.T) {
	two := `{"name": "two", "defaults": {"agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 64}]},
		"jobs": [{"name": "a", "task": "x"}, {"name": "b", "task": "x"}]}`
	got := try(t, two, []string{"OFFPEAK_LIMITS=1/24h"}, "estimate", "-")
	if got.code != batch.ExitDone || !strings.Contains(got.out, "NO, what doesn't fit is parked for the next night") || !strings.Contains(got.out, "binding: 1 request per 24h of OFFPEAK_LIMITS\n") {
		t.Errorf("exit %d\n%s\n%s", got.code, got.out, got.err)
	}
	got = try(t, two, []string{"OFFPEAK_LIMITS=1/24h"}, "validate", "-")
	if got.code != batch.ExitDone || !strings.Contains(got.err, "not all jobs fit into one night: 1 request per 24h of OFFPEAK_LIMITS takes 24 h 10 min and there are 8 h") {
		t.Errorf("validate: exit %d\n%s\n%s", got.code, got.out, got.err)
	}
	if got = try(t, two, []string{"OFFPEAK_LIMITS=many"}, "validate", "-"); got.code != batch.ExitDone || !strings.Contains(got.err, "OFFPEAK_LIMITS isn't counted") {
		t.Errorf("validate: exit %d\n%s\n%s", got.code, got.out, got.err)
	}
	if got = try(t, two, nil, "validate", "-"); got.err != "" {
		t.Errorf("without a limit: %s", got.err)
	}
}
