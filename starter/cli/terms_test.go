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
}
