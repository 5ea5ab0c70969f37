package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/offpeak/offpeak/batch/manifest"
)

// What a pin keeps of a request: all that decides which model answers and how
// repeatably, and nothing that a person wrote for it to read.
var (
	pinFields = fields("swarm_type", "max_loops", "tasks", "heavy_swarm_question_agent_model_name", "heavy_swarm_worker_model_name",
		"heavy_swarm_max_loops", "heavy_swarm_variant", "council_judge_model_name", "chairman_model", "director_model_name", "service_tier")
	agentPins = fields("agent_name", "model_name", "temperature", "max_loops", "max_tokens", "dynamic_temperature_enabled",
		"reasoning_effort", "reasoning_enabled", "thinking_tokens", "auto_generate_prompt")
	llmPins = fields("model", "model_name", "temperature", "top_p", "top_k", "seed")
)

func fields(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Skeleton is a request without its texts: the fields that pin its answer, of
// the swarm and of each agent, handoffs included. Keys are sorted, numbers as
// they were written.
func Skeleton(request []byte) (json.RawMessage, error) {
	all, err := object(request)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for name, v := range all {
		switch {
		case name == "agents":
			if out[name], err = agents(v); err != nil {
				return nil, err
			}
		case name == "tasks":
			var list []json.RawMessage
			if json.Unmarshal(v, &list) == nil && len(list) > 0 {
				out["task_count"] = len(list)
			}
		case pinFields[name]:
			out[name] = v
		}
	}
	b, err := line(out)
	return bytes.TrimSpace(b), err
}

func object(v json.RawMessage) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(v, &m); err != nil || m == nil {
		return nil, errors.New("it is no JSON object")
	}
	return m, nil
}

func agents(v json.RawMessage) ([]map[string]any, error) {
	var list []json.RawMessage
	if string(v) == "null" {
		return nil, nil
	}
	if err := json.Unmarshal(v, &list); err != nil {
		return nil, errors.New("agents is no list")
	}
	out := make([]map[string]any, len(list))
	for i, a := range list {
		all, err := object(a)
		if err != nil {
			return nil, fmt.Errorf("agents[%d]: %w", i, err)
		}
		out[i] = map[string]any{}
		for name, v := range all {
			switch {
			case agentPins[name]:
				out[i][name] = v
			case name == "handoffs":
				if out[i][name], err = agents(v); err != nil {
					return nil, fmt.Errorf("agents[%d].handoffs: %w", i, err)
				}
			case name == "llm_args":
				args := map[string]any{}
				if all, err := object(v); err == nil {
					for name, v := range all {
						if llmPins[strings.ToLower(name)] {
							args[name] = v
						}
					}
				}
				out[i][name] = args
			}
		}
	}
	return out, nil
}

// obeys asks the rule of regulated work of pins. The texts that they lack are
// none of its business.
func obeys(pins json.RawMessage) error {
	all, err := object(pins)
	if err != nil {
		return err
	}
	delete(all, "task_count")
	all["task"], all["rearrange_flow"] = json.RawMessage(`"-"`), json.RawMessage(`"-"`)
	b, err := line(all)
	if err != nil {
		return err
	}
	return manifest.Regulated(bytes.TrimSpace(b))
}
