package manifest

import (
	"fmt"
	"strings"
)

// The fields of a Swarms request that are checked: SwarmSpec and AgentSpec of
// POST /v1/swarm/completions (Swarms docs, multi-agent/overview, 2026-07-20).
// swarm_type and model_name are open lists, because the provider's own lists
// change from month to month. null means "not given" to the provider and is
// allowed; a YAML key with nothing behind it is more likely a slip, and isn't.

// shape is the form of a known field.
type shape int

const (
	anyText    shape = iota // text, may be empty
	wordText                // text, not blank
	modelText               // the name of a model; pinned when the work is regulated
	flag                    // true or false
	tokens                  // a whole number of tokens from 1
	thinking                // a whole number of tokens from 0
	loops                   // a whole number from 1; 1 when the work is regulated
	agentLoops              // the same, or "auto"
	heat                    // a temperature, 0 to 2
	texts                   // a list of texts
	textOrList              // text, or a list of texts
	messages                // an object, or a list of objects
	objects                 // a list of objects
	anyObject               // an object, not looked into
	agents                  // a list of agents
	neverTrue               // a flag that must be false
)

var swarmFields = map[string]shape{
	"description":                           anyText,
	"swarm_type":                            wordText,
	"task":                                  anyText,
	"tasks":                                 texts,
	"messages":                              messages,
	"agents":                                agents,
	"max_loops":                             loops,
	"rearrange_flow":                        anyText,
	"img":                                   anyText,
	"stream":                                neverTrue,
	"multi_agent_collab_prompt":             flag,
	"list_all_agents":                       flag,
	"heavy_swarm_question_agent_model_name": modelText,
	"heavy_swarm_worker_model_name":         modelText,
	"heavy_swarm_max_loops":                 loops,
	"heavy_swarm_variant":                   wordText,
	"council_judge_model_name":              modelText,
	"chairman_model":                        modelText,
	"director_model_name":                   modelText,
	"director_settings":                     anyObject,
}

var agentFields = map[string]shape{
	"agent_name":                  wordText,
	"description":                 anyText,
	"system_prompt":               anyText,
	"marketplace_prompt_id":       anyText,
	"model_name":                  modelText,
	"auto_generate_prompt":        flag,
	"max_tokens":                  tokens,
	"temperature":                 heat,
	"role":                        anyText,
	"max_loops":                   agentLoops,
	"tools_list_dictionary":       objects,
	"selected_tools":              textOrList,
	"mcp_url":                     anyText,
	"mcp_config":                  anyObject,
	"mcp_configs":                 anyObject,
	"streaming_on":                flag,
	"llm_args":                    anyObject,
	"dynamic_temperature_enabled": flag,
	"tool_call_summary":           flag,
	"reasoning_effort":            wordText,
	"thinking_tokens":             thinking,
	"reasoning_enabled":           flag,
	"publish_to_marketplace":      flag,
	"handoffs":                    agents,
}

// maxLoops is far above what anyone can pay for; it keeps a ceiling's
// arithmetic in range.
const maxLoops = 1_000_000

// requestField checks one field of a request by itself, in a job or in the
// defaults. Unknown fields pass.
func (r *reader) requestField(key string, n *node, p *path) {
	if s, known := swarmFields[key]; known {
		r.shaped(s, n, p)
	}
}

func (r *reader) shaped(s shape, n *node, p *path) {
	if n.kind == nothing && !n.blank {
		return
	}
	switch s {
	case anyText:
		r.text(n, p)
	case wordText:
		r.word(n, p)
	case modelText:
		r.model(n, p)
	case flag, neverTrue:
		r.flag(n, p, s == neverTrue)
	case tokens:
		r.integer(n, p, 1, MaxTokens)
	case thinking:
		r.integer(n, p, 0, MaxTokens)
	case loops, agentLoops:
		r.loops(n, p, s == agentLoops)
	case heat:
		r.between(n, p, 0, 2)
	case texts, textOrList:
		if s == texts || n.kind != text {
			r.each(n, p, text, map[shape]string{texts: "a list of texts", textOrList: "text or a list of texts"}[s])
		}
	case messages, objects:
		if s == objects || n.kind != object {
			r.each(n, p, object, map[shape]string{objects: "a list of objects", messages: "a list of objects, or one object"}[s])
		}
	case anyObject:
		r.object(n, p, "", nil)
	case agents:
		r.agents(n, p)
	}
}

func (r *reader) flag(n *node, p *path, never bool) {
	switch {
	case n.kind != boolean:
		r.want(n, p, boolean.String())
	case never && n.literal == "true":
		r.at(n, p, "true", "can't be true: nobody is there at night to watch a stream", "remove it; the whole answer is kept")
	}
}

func (r *reader) loops(n *node, p *path, auto bool) {
	switch {
	case auto && n.kind == text:
		if n.literal != "auto" {
			r.want(n, p, "a whole number or auto")
		} else if r.regulated {
			r.at(n, p, n.literal, "is auto, but regulated work runs once", "set max_loops to 1, or leave it out")
		}
	default:
		v, ok := r.integer(n, p, 1, maxLoops)
		if ok && r.regulated && v != 1 {
			r.at(n, p, n.literal, fmt.Sprintf("is %d, but regulated work runs once", v), "set max_loops to 1, or leave it out")
		}
	}
}

// each wants a list of one kind.
func (r *reader) each(n *node, p *path, k kind, what string) {
	if n.kind != list {
		r.want(n, p, what)
		return
	}
	for i, c := range n.items {
		if c.kind != k {
			r.want(c, p.item(i), k.String())
		}
	}
}

func (r *reader) agents(n *node, p *path) {
	if n.kind != list {
		r.want(n, p, "a list of agents")
		return
	}
	for i, c := range n.items {
		at := p.item(i)
		if c.kind != object {
			r.want(c, at, "an agent, which is an object")
			continue
		}
		for _, f := range c.fields {
			if s, known := agentFields[f.key]; known {
				r.shaped(s, f.value, at.field(f.key))
			}
		}
		if name := c.get("agent_name"); name == nil || name.kind == nothing && !name.blank {
			r.at(c, at.field("agent_name"), "", "is missing", "name each agent")
		}
		if r.regulated {
			r.regulatedAgent(c, at)
		}
	}
}

// requestWhole checks what only the merged request shows.
func (r *reader) requestWhole(m merged, n *node, p *path) {
	if !given(m.get("task")) && !given(m.get("tasks")) && !given(m.get("messages")) {
		hint := "say what the job is to do"
		for _, f := range n.fields {
			if _, known := swarmFields[f.key]; !known && nearest(f.key, []string{"task", "tasks", "messages"}) != "" {
				hint = fmt.Sprintf("did you mean task where it says %s?", clip(f.key))
			}
		}
		r.at(n, p, "", "has none of task, tasks and messages", hint)
	}
	kind := m.get("swarm_type")
	if kind != nil && kind.kind == text && kind.literal == "AgentRearrange" && !given(m.get("rearrange_flow")) {
		r.at(n, p.field("rearrange_flow"), "", "is missing: AgentRearrange needs it", `say who follows whom, such as "Scanner -> Synthesizer"`)
	}
	if r.regulated {
		r.regulatedJob(m, n, p)
	}
}

// given says whether a field holds something. One of the wrong kind, or with
// nothing behind its key, was complained about where it stands.
func given(n *node) bool {
	switch {
	case n == nil || n.kind == nothing:
		return n != nil && n.blank
	case n.kind == text:
		return strings.TrimSpace(n.literal) != ""
	case n.kind == list:
		return len(n.items) > 0
	case n.kind == object:
		return len(n.fields) > 0
	}
	return true
}
