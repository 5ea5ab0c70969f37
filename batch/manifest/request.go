package manifest

import (
	"fmt"
	"strings"
)

func (r *reader) flag(n *node, p *path, never bool) {
	switch {
	case n.kind != boolean:
		r.want(n, p, boolean.String())
	case never && n.literal == "true":
		r.at(n, p, "true", "can't be true: nobody is there at night to watch a stream", "remove it; the whole answer is kept")
	}
}

// truth reads true or false.
func (r *reader) truth(n *node, p *path) bool {
	if n.kind != boolean {
		r.want(n, p, boolean.String())
	}
	return n.kind == boolean && n.literal == "true"
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
