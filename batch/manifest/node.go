package manifest

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is what a value is, in JSON's terms.
type kind int

const (
	broken  kind = iota // already complained about: judged no further
	nothing             // null
	boolean
	number
	text
	list
	object
)

func (k kind) String() string {
	return [...]string{"a broken value", "nothing", "true or false", "a number", "text", "a list", "an object"}[k]
}

// node is a value and where it stands. YAML and JSON both become nodes; an
// aliased YAML node is shared by its uses and never changed.
type node struct {
	kind         kind
	literal      string // of text its content; of numbers, booleans and null the JSON literal
	blank        bool   // a YAML value that isn't there: "task:"
	line, column int
	size         int // bytes of the value as compact JSON
	height       int // lists and objects on the longest way down, itself included
	items        []*node
	fields       []field
}

// field is a member of an object, in the order written.
type field struct {
	key          string
	line, column int
	value        *node
}

// get is the value of a field, or nil.
func (n *node) get(key string) *node {
	for i := range n.fields {
		if n.fields[i].key == key {
			return n.fields[i].value
		}
	}
	return nil
}

// measure sets size and height once the children's are known.
func (n *node) measure() {
	if n.kind == list || n.kind == object {
		n.height = 1
	}
	switch n.kind {
	case text:
		n.size = quotedLen(n.literal)
	case list:
		n.size = 2 + max(len(n.items)-1, 0)
		for _, c := range n.items {
			n.size += c.size
			n.height = max(n.height, 1+c.height)
		}
	case object:
		n.size = 2 + max(len(n.fields)-1, 0)
		for _, f := range n.fields {
			n.size += quotedLen(f.key) + 1 + f.value.size
			n.height = max(n.height, 1+f.value.height)
		}
	default:
		n.size = len(n.literal)
	}
}

// encode appends the value as compact JSON, keys in the order written, or
// sorted at every level so that the same request always has the same bytes.
func (n *node) encode(b []byte, sorted bool) []byte {
	switch n.kind {
	case text:
		return quote(b, n.literal)
	case list:
		b = append(b, '[')
		for i, c := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.encode(b, sorted)
		}
		return append(b, ']')
	case object:
		fields := n.fields
		if sorted {
			fields = slices.Clone(fields)
			slices.SortFunc(fields, func(x, y field) int { return strings.Compare(x.key, y.key) })
		}
		b = append(b, '{')
		for i, f := range fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(quote(b, f.key), ':')
			b = f.value.encode(b, sorted)
		}
		return append(b, '}')
	}
	return append(b, n.literal...)
}

// quote appends s as a JSON string. encoding/json would write <, > and & as
// escapes; a prompt should reach the provider as it was written. s is valid
// UTF-8: both readers see to it.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

func quotedLen(s string) int {
	n := len(s) + 2
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\n', c == '\t', c == '\r':
			n++
		case c < 0x20:
			n += 5
		}
	}
	return n
}

// path is where in the document a value stands. It is a chain, written out
// only when there is something to complain about.
type path struct {
	up    *path
	key   string
	index int
}

func (p *path) field(key string) *path { return &path{up: p, key: key, index: -1} }
func (p *path) item(i int) *path       { return &path{up: p, index: i} }

// String reads "jobs[3].agents[0].model_name"; keys that aren't plain words
// are quoted: `llm_args["top p"]`.
func (p *path) String() string {
	if p == nil {
		return ""
	}
	up := p.up.String()
	switch {
	case p.index >= 0:
		return up + "[" + strconv.Itoa(p.index) + "]"
	case !plainKey(p.key):
		return up + "[" + strconv.Quote(clip(p.key)) + "]"
	case up == "":
		return p.key
	}
	return up + "." + p.key
}

func plainKey(s string) bool {
	if s == "" || utf8.RuneCountInString(s) > 60 {
		return false
	}
	for _, r := range s {
		if r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}
