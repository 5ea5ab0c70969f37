package manifest

import (
	"regexp"
	"strings"
)

// Regulated work must be reproducible: a pinned model for every agent,
// temperature 0, one loop (Swarms docs, production readiness checklist, "Audit
// and Compliance").

// opus48 is Claude Opus 4.8 however it is spelled: claude-opus-4-8,
// anthropic/claude-opus-4.8, Claude 4.8 Opus. It rejects a temperature, with
// an answer of status 500.
var opus48 = regexp.MustCompile(`(?i)opus[-_. ]?4[-_. ]?8(\D|$)|(^|\D)4[-_. ]?8[-_. ]?opus`)

// floating is a model name that means another model next month.
var floating = regexp.MustCompile(`(?i)(^|[-_./:@ ])(auto|latest)$`)

func (r *reader) model(n *node, p *path) {
	s, ok := r.word(n, p)
	if ok && r.regulated && floating.MatchString(strings.TrimSpace(s)) {
		r.at(n, p, s, clip(s)+" is not a pinned model, and regulated work needs one", "name one version, such as gpt-4o-2024-08-06")
	}
}

// regulatedAgent checks what an agent leaves out; what it has was checked
// field by field.
func (r *reader) regulatedAgent(n *node, p *path) {
	model, temperature := n.get("model_name"), n.get("temperature")
	if absent(model) {
		r.at(n, p.field("model_name"), "", "is missing, and regulated work needs a pinned model", "name one version, such as gpt-4o-2024-08-06")
	}
	if model != nil && model.kind == text && opus48.MatchString(model.literal) {
		if !absent(temperature) && temperature.kind != broken {
			r.at(temperature, p.field("temperature"), "", "can't be set for Opus 4.8, which rejects it", "remove it")
		}
		return
	}
	switch {
	case absent(temperature):
		r.at(n, p.field("temperature"), "", "is missing, and regulated work needs 0", "write temperature: 0")
	case temperature.kind == number:
		if v, ok := exact(temperature.literal); ok && v.Sign() > 0 {
			r.at(temperature, p.field("temperature"), temperature.literal, "is "+clip(temperature.literal)+", and regulated work needs 0", "write temperature: 0")
		}
	}
}

// regulatedJob refuses agents that nobody has named: their models can't be
// pinned.
func (r *reader) regulatedJob(m merged, n *node, p *path) {
	all := m.get("agents")
	if absent(all) || all.kind == list && !given(all) {
		r.at(n, p.field("agents"), "", "is missing, and regulated work needs agents with pinned models", "list them in the job or under defaults")
	}
	if t := m.get("swarm_type"); t != nil && t.kind == text && t.literal == "AutoSwarmBuilder" {
		r.at(n, p.field("swarm_type"), t.literal, "is AutoSwarmBuilder, whose agents nobody can pin", "choose another swarm_type for regulated work")
	}
}

// absent says whether a field wasn't given: left out, or null. A YAML key with
// nothing behind it was complained about where it stands.
func absent(n *node) bool { return n == nil || n.kind == nothing && !n.blank }
