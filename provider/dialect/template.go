package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Text is a text with references: "Bearer {secret.key}".
type Text string

// ref is a reference within a text: {job.from}, {quote.id}, {secret.key},
// {setting.organisation}, {id}, {name}, {job}. With a question mark behind the
// name what isn't there is left out.
var ref = regexp.MustCompile(`\{([a-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+)?)(\??)\}`)

// refs are the references of a text.
func (t Text) refs() []string {
	var out []string
	for _, m := range ref.FindAllStringSubmatch(string(t), -1) {
		out = append(out, m[1])
	}
	return out
}

// lookup finds a reference's value as JSON; false when it isn't there.
type lookup func(name string) (json.RawMessage, bool)

// fill writes the values into the text. escape makes each fit its place.
func (t Text) fill(find lookup, escape func(string) string) (string, error) {
	var missing string
	out := ref.ReplaceAllStringFunc(string(t), func(m string) string {
		parts := ref.FindStringSubmatch(m)
		v, ok := find(parts[1])
		if !ok {
			if parts[2] == "" {
				missing = parts[1]
			}
			return ""
		}
		return escape(plain(v))
	})
	if missing != "" {
		return "", fmt.Errorf("there is no %s", missing)
	}
	return out, nil
}

// plain is a JSON value as a text: of a string its content, of a number its
// literal.
func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(bytes.TrimSpace(v))
}

// Body is a request's body: JSON whose texts may hold references. A text that
// is nothing but one reference becomes the value itself, to the byte, so that no
// number is read and written again.
type Body struct{ node *yaml.Node }

func (b *Body) refs() (out []string) {
	walk(b.node, func(n *yaml.Node) { out = append(out, Text(n.Value).refs()...) })
	return out
}

func walk(n *yaml.Node, each func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode {
		each(n)
	}
	for _, c := range n.Content {
		walk(c, each)
	}
}

// fill makes the body.
func (b *Body) fill(find lookup) ([]byte, error) {
	out, there, err := fillNode(nil, b.node, find)
	if err == nil && !there {
		out = []byte("null")
	}
	return out, err
}

// fillNode appends a value; false when it is a reference to what isn't there
// and needn't be.
func fillNode(to []byte, n *yaml.Node, find lookup) ([]byte, bool, error) {
	switch n.Kind {
	case yaml.MappingNode:
		to = append(to, '{')
		first := true
		for i := 0; i+1 < len(n.Content); i += 2 {
			value, there, err := fillNode(nil, n.Content[i+1], find)
			if err != nil {
				return nil, false, err
			}
			if !there {
				continue
			}
			if !first {
				to = append(to, ',')
			}
			first = false
			to = append(append(append(to, quoted(n.Content[i].Value)...), ':'), value...)
		}
		return append(to, '}'), true, nil
	case yaml.SequenceNode:
		to = append(to, '[')
		first := true
		for _, c := range n.Content {
			value, there, err := fillNode(nil, c, find)
			if err != nil {
				return nil, false, err
			}
			if !there {
				continue
			}
			if !first {
				to = append(to, ',')
			}
			first = false
			to = append(to, value...)
		}
		return append(to, ']'), true, nil
	}
	if n.Tag != "!!str" {
		if json.Valid([]byte(n.Value)) {
			return append(to, n.Value...), true, nil // a number, true or null: as it was written
		}
		return append(to, quoted(n.Value)...), true, nil
	}
	if m := ref.FindStringSubmatch(n.Value); m != nil && m[0] == n.Value {
		v, ok := find(m[1])
		if !ok && m[2] == "" {
			return nil, false, fmt.Errorf("there is no %s", m[1])
		}
		return append(to, v...), ok, nil
	}
	s, err := Text(n.Value).fill(find, func(s string) string { return s })
	return append(to, quoted(s)...), true, err
}

func quoted(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can always be written
	return bytes.TrimRight(b.Bytes(), "\n")
}

// at finds what a JSON pointer (RFC 6901) points to, to the byte.
func at(doc json.RawMessage, pointer string) (json.RawMessage, bool) {
	if pointer == "" {
		return doc, len(doc) > 0
	}
	for _, key := range strings.Split(pointer[1:], "/") {
		key = strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
		t := bytes.TrimSpace(doc)
		if len(t) == 0 {
			return nil, false
		}
		switch t[0] {
		case '{':
			var o map[string]json.RawMessage
			if json.Unmarshal(t, &o) != nil {
				return nil, false
			}
			v, ok := o[key]
			if !ok {
				return nil, false
			}
			doc = v
		case '[':
			var l []json.RawMessage
			var i int
			if _, err := fmt.Sscanf(key, "%d", &i); err != nil || json.Unmarshal(t, &l) != nil || i < 0 || i >= len(l) {
				return nil, false
			}
			doc = l[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

// first is what the first of several pointers that is there, and not null,
// points to.
func first(doc json.RawMessage, pointers []string) (json.RawMessage, bool) {
	for _, p := range pointers {
		if v, ok := at(doc, p); ok && string(bytes.TrimSpace(v)) != "null" {
			return v, true
		}
	}
	return nil, false
}
