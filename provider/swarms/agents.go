package swarms

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// agentSpec is the part of an agent that a run's size depends on.
type agentSpec struct {
	Name         json.RawMessage `json:"agent_name"`
	Description  json.RawMessage `json:"description"`
	SystemPrompt json.RawMessage `json:"system_prompt"`
	Role         json.RawMessage `json:"role"`
	Model        json.RawMessage `json:"model_name"`
	MaxTokens    json.RawMessage `json:"max_tokens"`
	Thinking     json.RawMessage `json:"thinking_tokens"`
	MaxLoops     json.RawMessage `json:"max_loops"`
	Args         json.RawMessage `json:"llm_args"`
	Tools        json.RawMessage `json:"tools_list_dictionary"`
	Selected     json.RawMessage `json:"selected_tools"`
	MCPURL       json.RawMessage `json:"mcp_url"`
	MCPConfig    json.RawMessage `json:"mcp_config"`
	MCPConfigs   json.RawMessage `json:"mcp_configs"`
	Handoffs     json.RawMessage `json:"handoffs"`
}

// calls is a number of like calls of one model.
type calls struct {
	times  int64
	prompt int64 // bytes that only this agent reads
	tools  int64 // tokens that it may read through tools
	out    int64 // most tokens that one call puts out
}

type sizer struct {
	q      spec
	kind   string
	calls  []calls
	shared int64 // bytes of the agents' introductions, which all agents read
	agents int64
	models map[string]bool
	guess  bool
}

// collect finds every call that a run makes.
func (z *sizer) collect() error {
	loops, err := positive("max_loops", z.q.MaxLoops, 1)
	if err != nil {
		return err
	}
	heavy, err := positive("heavy_swarm_max_loops", z.q.HeavyLoops, 1)
	if err != nil {
		return err
	}
	if z.kind == "HeavySwarm" {
		loops = satMul(loops, heavy)
	}
	if err := z.list("agents", z.q.Agents, loops, 0); err != nil {
		return err
	}
	extra := staff[z.kind]
	if z.agents == 0 || ownStaff[z.kind] {
		extra += max(assumedAgents-z.agents, 0)
	}
	if z.kind == "LLMCouncil" {
		extra += z.agents + 1 // every member also ranks the others, and a chairman concludes
	}
	if extra > 0 {
		z.guess = true
		z.agents += extra
		z.calls = append(z.calls, calls{times: satMul(extra, loops), out: DefaultMaxTokens})
	}
	for _, m := range []json.RawMessage{z.q.HeavyAsker, z.q.HeavyWorker, z.q.Judge, z.q.Chairman, z.q.Director} {
		if name := str(m); name != "" {
			z.models[name] = true
		}
	}
	return nil
}

func (z *sizer) list(field string, v json.RawMessage, loops int64, depth int) error {
	if present(v) == nil {
		return nil
	}
	if depth > maxHandoffs {
		return fmt.Errorf("handoffs are nested more than %d deep", maxHandoffs)
	}
	var l []json.RawMessage
	if err := json.Unmarshal(v, &l); err != nil {
		return errors.New(field + " is no list")
	}
	for i, raw := range l {
		if err := z.agent(fmt.Sprintf("%s[%d]", field, i), raw, loops, depth); err != nil {
			return err
		}
	}
	return nil
}

func (z *sizer) agent(field string, raw json.RawMessage, loops int64, depth int) error {
	var a agentSpec
	if err := object(raw, &a); err != nil {
		return errors.New(field + " is no JSON object")
	}
	own, auto := int64(autoLoops), str(a.MaxLoops) == "auto"
	if !auto {
		var err error
		if own, err = positive(field+".max_loops", a.MaxLoops, 1); err != nil {
			return err
		}
	}
	out, err := positive(field+".max_tokens", a.MaxTokens, DefaultMaxTokens)
	if err != nil {
		return err
	}
	var args struct {
		MaxTokens  json.RawMessage `json:"max_tokens"`
		Completion json.RawMessage `json:"max_completion_tokens"`
	}
	if present(a.Args) != nil && object(a.Args, &args) == nil { // passed on to the model: they may raise the limit
		for _, v := range []json.RawMessage{args.MaxTokens, args.Completion} {
			if n, ok := integer(v); ok {
				out = max(out, n)
			}
		}
	}
	if n, ok := integer(a.Thinking); ok && n > 0 {
		out = satAdd(out, n)
	}
	c := calls{
		times:  satMul(satMul(own, loops), z.appearances(str(a.Name))),
		prompt: textBytes(a.SystemPrompt) + textBytes(a.Role) + textBytes(a.Tools),
		out:    out,
	}
	// Tools that the server runs bring text of any length. Those of
	// tools_list_dictionary are only described to the model: it can't run them.
	tools := present(a.Selected, a.MCPURL, a.MCPConfig, a.MCPConfigs) != nil
	if tools {
		c.tools = toolTokens
	}
	z.guess = z.guess || tools || auto
	z.calls = append(z.calls, c)
	z.shared += textBytes(a.Name) + textBytes(a.Description)
	z.agents++
	z.models[first(str(a.Model), DefaultModel)] = true
	return z.list(field+".handoffs", a.Handoffs, c.times, depth+1)
}

// appearances is how often an agent is called in one loop: once, or as often
// as the flow of an AgentRearrange names it ("A -> B, C -> A").
func (z *sizer) appearances(name string) int64 {
	flow := str(z.q.Flow)
	if z.kind != "AgentRearrange" || flow == "" {
		return 1
	}
	var n int64
	for _, step := range strings.FieldsFunc(strings.ReplaceAll(flow, "->", ","), func(r rune) bool { return r == ',' }) {
		if strings.TrimSpace(step) == name {
			n++
		}
	}
	return max(n, 1)
}

func (z *sizer) modelList() []string {
	if len(z.models) == 0 {
		return []string{DefaultModel}
	}
	names := make([]string, 0, len(z.models))
	for m := range z.models {
		names = append(names, m)
	}
	slices.Sort(names)
	return names
}

// positive reads a whole number; missing, null and 0 are the default.
func positive(field string, v json.RawMessage, otherwise int64) (int64, error) {
	if present(v) == nil {
		return otherwise, nil
	}
	n, ok := integer(v)
	switch {
	case !ok || n < 0:
		return 0, fmt.Errorf("%s is %s; a whole number of at least 1 was expected", field, shown(v))
	case n == 0:
		return otherwise, nil
	}
	return n, nil
}
