package dialect

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// MaxSize bounds a declaration in bytes.
const MaxSize = 256 << 10

// Parse reads a declaration, in YAML or JSON, and checks it. source names it in
// messages. The error is a fault of kind BadInput whose detail has all that is
// wrong, a line each, with line and column.
func Parse(source string, text []byte) (*Dialect, error) {
	r := &reader{source: source, places: map[string]place{}}
	d := &Dialect{}
	if len(text) > MaxSize {
		r.add(place{1, 1}, "", "has %d bytes, more than %d", len(text), MaxSize)
		return nil, r.err()
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		r.add(place{1, 1}, "", "isn't YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil, r.err()
	}
	if len(doc.Content) == 0 {
		r.add(place{1, 1}, "", "is empty")
		return nil, r.err()
	}
	r.value(doc.Content[0], reflect.ValueOf(d).Elem(), "")
	if len(r.found) == 0 {
		r.check(d)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	d.fill()
	return d, nil
}

type place struct{ line, column int }

// reader reads strictly: unknown and repeated words, wrong types, and all of
// them at once.
type reader struct {
	source string
	places map[string]place // by path
	found  []problem
}

type problem struct {
	place
	text string
}

func (r *reader) add(at place, path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	r.found = append(r.found, problem{at, text})
}

// at adds a problem at a path, or at what stands around it where that isn't
// written.
func (r *reader) at(path, format string, args ...any) {
	around := path
	for {
		if p, ok := r.places[around]; ok {
			r.add(p, path, format, args...)
			return
		}
		i := strings.LastIndexAny(around, ".[")
		if i < 0 {
			r.add(place{1, 1}, path, format, args...)
			return
		}
		around = around[:i]
	}
}

func (r *reader) err() error {
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, func(a, b problem) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return a.column - b.column
	})
	lines := make([]string, len(r.found))
	for i, p := range r.found {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", r.source, p.line, p.column, p.text)
	}
	return &batch.Fault{
		Kind: batch.BadInput, Op: "read dialect", Thing: r.source, Moved: batch.MovedNo, Detail: strings.Join(lines, "\n"),
		Hint: "docs/adding-a-provider.md explains every field",
	}
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	moneyType    = reflect.TypeFor[money.USD]()
	bodyType     = reflect.TypeFor[Body]()
)

// value reads a node into a Go value by its type.
func (r *reader) value(n *yaml.Node, to reflect.Value, path string) {
	here := place{n.Line, n.Column}
	r.places[path] = here
	if n.Kind == yaml.AliasNode {
		r.add(here, path, "is an alias: write it out")
		return
	}
	switch to.Type() {
	case durationType:
		d, err := time.ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || d < 0 {
			r.add(here, path, "%q is not a length of time: write 500ms, 2s, 5m or 24h", n.Value)
			return
		}
		to.SetInt(int64(d))
		return
	case moneyType:
		v, err := money.Parse(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < 0 {
			r.add(here, path, "%q is not an amount of dollars: write 0.30", n.Value)
			return
		}
		to.SetInt(int64(v))
		return
	case bodyType:
		if alias := aliasIn(n); alias != nil {
			r.add(place{alias.Line, alias.Column}, path, "has an alias: write it out")
			return
		}
		to.Set(reflect.ValueOf(Body{node: n}))
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		v := reflect.New(to.Type().Elem())
		r.value(n, v.Elem(), path)
		to.Set(v)
	case reflect.Struct:
		r.object(n, to, path)
	case reflect.Map:
		r.table(n, to, path)
	case reflect.Slice:
		r.list(n, to, path)
	default:
		r.scalar(n, to, path)
	}
}

func (r *reader) scalar(n *yaml.Node, to reflect.Value, path string) {
	want := map[reflect.Kind]string{reflect.String: "text", reflect.Int: "a whole number", reflect.Int64: "a whole number", reflect.Bool: "true or false"}[to.Kind()]
	tag := map[string]string{"!!str": "text", "!!int": "a whole number", "!!bool": "true or false"}[n.Tag]
	if n.Kind != yaml.ScalarNode || tag != want || n.Decode(to.Addr().Interface()) != nil {
		r.add(place{n.Line, n.Column}, path, "want %s", want)
	}
}

func (r *reader) object(n *yaml.Node, to reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		r.add(place{n.Line, n.Column}, path, "want an object")
		return
	}
	known, fields := []string{}, map[string]reflect.Value{}
	for i := range to.NumField() {
		name := to.Type().Field(i).Tag.Get("yaml")
		known, fields[name] = append(known, name), to.Field(i)
	}
	r.members(n, path, func(key *yaml.Node, value *yaml.Node) {
		field, ok := fields[key.Value]
		if !ok {
			r.add(place{key.Line, key.Column}, join(path, key.Value), "is no field here: known are %s", strings.Join(known, ", "))
			return
		}
		r.value(value, field, join(path, key.Value))
	})
}

func (r *reader) table(n *yaml.Node, to reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		r.add(place{n.Line, n.Column}, path, "want an object")
		return
	}
	m := reflect.MakeMap(to.Type())
	r.members(n, path, func(key, value *yaml.Node) {
		v := reflect.New(to.Type().Elem()).Elem()
		r.value(value, v, join(path, key.Value))
		m.SetMapIndex(reflect.ValueOf(key.Value), v)
	})
	to.Set(m)
}

// members hands over each member, once.
func (r *reader) members(n *yaml.Node, path string, each func(key, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if line, twice := seen[key.Value]; twice {
			r.add(place{key.Line, key.Column}, join(path, key.Value), "is given twice, first in line %d", line)
			continue
		}
		seen[key.Value] = key.Line
		each(key, n.Content[i+1])
	}
}

// list reads a list; one value alone is a list of one.
func (r *reader) list(n *yaml.Node, to reflect.Value, path string) {
	items := n.Content
	if n.Kind != yaml.SequenceNode {
		if n.Kind != yaml.ScalarNode || to.Type().Elem().Kind() == reflect.Struct {
			r.add(place{n.Line, n.Column}, path, "want a list")
			return
		}
		items = []*yaml.Node{n}
	}
	for i, c := range items {
		v := reflect.New(to.Type().Elem()).Elem()
		r.value(c, v, fmt.Sprintf("%s[%d]", path, i))
		to.Set(reflect.Append(to, v))
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func aliasIn(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n
	}
	for _, c := range n.Content {
		if a := aliasIn(c); a != nil {
			return a
		}
	}
	return nil
}
