package manifest

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
