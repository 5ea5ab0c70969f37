package manifest_test

import (
	"strings"
	"testing"

	"github.com/offpeak/offpeak/batch/manifest"
)

// TestRegulatedRequest asks the rule of requests as they leave: it is the rule
// by which manifests are read, and a request that none could have breaks it.
func TestRegulatedRequest(t *testing.T) {
	const agent = `"agent_name": "A", "model_name": "gpt-4o-2024-08-06"`
	for _, c := range []struct{ name, request, want string }{
		{"kept", `{"name": "x [id]", "task": "t", "agents": [{` + agent + `, "temperature": 0}]}`, ""},
		{"kept, zero otherwise written", `{"task": "t", "agents": [{` + agent + `, "temperature": 0.0, "max_loops": 1}], "max_loops": 1}`, ""},
		{"Opus 4.8 without one", `{"task": "t", "agents": [{"agent_name": "A", "model_name": "claude-opus-4-8"}]}`, ""},
		{"Opus 4.8 with one", `{"task": "t", "agents": [{"agent_name": "A", "model_name": "claude-opus-4-8", "temperature": 0}]}`, "agents[0].temperature can't be set for Opus 4.8, which rejects it"},
		{"warm", `{"task": "t", "agents": [{` + agent + `, "temperature": 0.7}]}`, "agents[0].temperature is 0.7, and regulated work needs 0"},
		{"twice", `{"task": "t", "agents": [{` + agent + `, "temperature": 0, "temperature": 1}]}`, "agents[0].temperature is given twice, first in line 1"},
		{"as text", `{"task": "t", "agents": [{` + agent + `, "temperature": "0"}]}`, "agents[0].temperature want a number, got text"},
		{"no agents", `{"task": "t"}`, "agents is missing, and regulated work needs agents with pinned models"},
		{"loops", `{"task": "t", "max_loops": 3, "agents": [{` + agent + `, "temperature": 0}]}`, "max_loops is 3, but regulated work runs once"},
		{"not an object", `[]`, "want an object, got a list"},
		{"cut off", `{"task": "t", "agents": [`, "agents[0] ends where a value was expected"},
		{"not UTF-8", "{\"task\": \"\xff\"}", "it isn't UTF-8"},
		{"many", `{"task": "t", "agents": [{"agent_name": "A"},{"agent_name": "B"},{"agent_name": "C"},{"agent_name": "D"}]}`, "and 3 more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := manifest.Regulated([]byte(c.request))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && err == nil:
				t.Errorf("let through; want %q", c.want)
			case c.want != "" && !strings.Contains(err.Error(), c.want):
				t.Errorf("%q doesn't say %q", err, c.want)
			}
		})
	}
}
