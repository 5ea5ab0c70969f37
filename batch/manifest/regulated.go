package manifest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Regulated work must be reproducible: a pinned model for every agent,
// temperature 0, one loop (Swarms docs, production readiness checklist, "Audit
// and Compliance"). The rule is written here and asked three times: when a
// manifest is read, by the hands on the bytes that are about to leave, and of
// the pins in a bundle of evidence.

// maxBreaches is how many breaches an error of Regulated's names.
const maxBreaches = 5

// Regulated says in what a request, a JSON object with the provider's fields,
// breaks the rule of regulated work; nil when it keeps it. A request that a
// manifest couldn't have breaks it too: what can't be read isn't proven. The
// error is one line, with the path of each field and without any text of a
// prompt.
func Regulated(request []byte) error {
	f := &finder{source: "request"}
	if !utf8.Valid(request) {
		return errors.New("it isn't UTF-8")
	}
	n := readJSON(f, string(request), 1)
	if n != nil {
		r := &reader{finder: f, regulated: true}
		if r.object(n, nil, "a request", nil) {
			for _, c := range n.fields {
				r.requestField(c.key, c.value, (*path)(nil).field(c.key))
			}
			r.requestWhole(merged{n, &defaults{}}, n, nil)
		}
	}
	var found Problems
	if !errors.As(f.err(), &found) {
		return nil
	}
	all := make([]string, 0, maxBreaches+1)
	for i, p := range found {
		if i == maxBreaches {
			all = append(all, fmt.Sprintf("and %d more", len(found)-i))
			break
		}
		all = append(all, strings.TrimSpace(p.Path+" "+p.Message))
	}
	return errors.New(strings.Join(all, "; "))
}

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
	r.sideDoors(n, p)
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

// sideDoors are the fields of an agent that reach model and temperature past
// their own.
func (r *reader) sideDoors(n *node, p *path) {
	if d := n.get("dynamic_temperature_enabled"); d != nil && d.kind == boolean && d.literal == "true" {
		r.at(d, p.field("dynamic_temperature_enabled"), "true", "is true, and regulated work needs temperature 0", "remove it")
	}
	args := n.get("llm_args")
	if args == nil || args.kind != object {
		return
	}
	for _, f := range args.fields {
		at := p.field("llm_args").field(f.key)
		switch strings.ToLower(f.key) {
		case "model", "model_name":
			r.add(f.line, f.column, at, "", "names a model past model_name, and regulated work needs one that is pinned", "remove it; model_name says which")
		case "temperature":
			r.add(f.line, f.column, at, "", "sets a temperature past the agent's own, and regulated work needs 0", "remove it; the agent's temperature says it")
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
