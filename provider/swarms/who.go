package swarms

import (
	"encoding/json"
	"slices"
	"strings"
)

// Who names a run of the log that may be anybody's: the swarm's name, or the
// agent's of a run of a single one, and its models, or its type where the row
// names none. The docs show no model in a row of a swarm; older rows, and those
// of agents, have model_name.
func (c Completion) Who() (name, models string) {
	type agent struct {
		Name  json.RawMessage `json:"agent_name"`
		Model json.RawMessage `json:"model_name"`
	}
	var row struct {
		agent
		Plain  json.RawMessage `json:"name"`
		Agents json.RawMessage `json:"agents"` // a list, or a number in some variants
		Config struct {
			Agents json.RawMessage `json:"agents"`
		} `json:"swarm_config"`
	}
	_ = json.Unmarshal(c.Raw, &row) // what isn't there says nothing
	name = first(c.SwarmName, str(row.Plain), str(row.Name))
	var found []string
	add := func(raw json.RawMessage) {
		if m := str(raw); m != "" && !slices.Contains(found, m) {
			found = append(found, m)
		}
	}
	add(row.Model)
	for _, raw := range []json.RawMessage{row.Agents, row.Config.Agents} {
		var agents []agent
		if json.Unmarshal(raw, &agents) == nil {
			for _, a := range agents {
				add(a.Model)
			}
		}
	}
	if len(found) == 0 {
		return name, c.SwarmType
	}
	return name, strings.Join(found, ", ")
}
