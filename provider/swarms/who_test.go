package swarms

import "testing"

// TestWho names others' runs from what a row may hold.
func TestWho(t *testing.T) {
	t.Parallel()
	for row, want := range map[string][2]string{
		`{"swarm_name": "Lead Scorer", "swarm_type": "ConcurrentWorkflow", "status": "success"}`:                             {"Lead Scorer", "ConcurrentWorkflow"},
		`{"name": "Chat", "model_name": "gpt-4.1", "usage": {"total_cost": 0.01}}`:                                           {"Chat", "gpt-4.1"},
		`{"agent_name": "Old", "model_name": "gpt-4o", "cost": 0.2}`:                                                         {"Old", "gpt-4o"},
		`{"swarm_name": "S", "agents": [{"model_name": "gpt-4o"}, {"model_name": "gpt-4o-mini"}, {"model_name": "gpt-4o"}]}`: {"S", "gpt-4o, gpt-4o-mini"},
		`{"swarm_name": "S", "agents": 3, "swarm_config": {"agents": [{"model_name": "o3"}]}}`:                               {"S", "o3"},
		`{"swarm_name": "S", "agents": [1, 2], "model_name": {}}`:                                                            {"S", ""},
		`{}`: {"", ""},
	} {
		c, _ := decodeCompletion([]byte(row))
		name, models := c.Who()
		if got := [2]string{name, models}; got != want {
			t.Errorf("%s: %q, want %q", row, got, want)
		}
	}
}
