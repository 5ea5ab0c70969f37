package manifest

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// readYAML reads the one document of src; nil means that problems were added.
// What YAML has and JSON hasn't is either turned into JSON without a doubt
// (aliases, dates as text, True) or refused (custom tags, merge keys, 0x1f).
func readYAML(f *finder, src string) *node {
	if line, column, c := firstControl(src); line > 0 && c == 0 {
		f.add(line, column, nil, "", nulText, nulHint)
		return nil
	} else if line > 0 {
		f.add(line, column, nil, "", fmt.Sprintf("has the control character %U", c), "remove it, or write it as an escape in double quotes")
		return nil
	}
	loader, err := yaml.NewLoader(strings.NewReader(src), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(2*maxDepth))))
	if err != nil {
		f.add(1, 1, nil, "", "can't be read as YAML: "+err.Error(), "")
		return nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return &node{kind: nothing, literal: "null"}
	case err != nil:
		yamlSyntax(f, err)
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		f.add(second.Line, second.Column, nil, "", "has a second document", "keep one manifest in a file")
		return nil
	case !errors.Is(err, io.EOF):
		yamlSyntax(f, err)
		return nil
	}
	r := &yamlReader{finder: f, done: map[*yaml.Node]*node{}, open: map[*yaml.Node]bool{}}
	n := r.value(doc.Content[0], nil, 1)
	if r.fail {
		return nil
	}
	return n
}

func yamlSyntax(f *finder, err error) {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		f.add(1, 1, nil, "", "can't be read as YAML: "+clip(err.Error()), "")
		return
	}
	message, hint := "isn't YAML: "+e.Message, ""
	switch {
	case strings.Contains(e.Message, "exceeded max depth"):
		message = tooDeep
	case strings.Contains(e.Message, "tab character"), strings.Contains(e.Message, "cannot start any token"):
		hint = "indent with spaces and put texts with special characters in quotes"
	case strings.Contains(e.Message, "mapping values are not allowed"):
		hint = "a text with a colon and a space needs quotes"
	case e.ContextMsg != "" && e.ContextMark.Line > 0:
		hint = fmt.Sprintf("%s that began in line %d", e.ContextMsg, e.ContextMark.Line)
	}
	f.add(e.Mark.Line, e.Mark.Column, nil, "", message, hint)
}

// firstControl is where the first character stands that YAML doesn't allow in
// its text; the parser names no position for it.
func firstControl(s string) (line, column int, c rune) {
	line, column = 1, 1
	for _, r := range s {
		switch {
		case r == '\n':
			line, column = line+1, 0
		case r < 0x20 && r != '\t' && r != '\r', r >= 0x7f && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return line, column, r
		}
		column++
	}
	return 0, 0, 0
}

// yamlReader turns yaml nodes into ours.
type yamlReader struct {
	*finder
	done map[*yaml.Node]*node // anchored values, converted once and shared
	open map[*yaml.Node]bool  // anchored values under way: an alias to one contains itself
	fail bool                 // nothing to walk
}

// give up: complaints that follow from this one would be noise.
func (r *yamlReader) stop(y *yaml.Node, at *path, message, hint string) *node {
	if !r.fail {
		r.add(y.Line, y.Column, at, "", message, hint)
	}
	r.fail = true
	return &node{kind: broken}
}

func (r *yamlReader) value(y *yaml.Node, at *path, depth int) *node {
	if r.fail {
		return &node{kind: broken}
	}
	if y.Kind == yaml.AliasNode {
		if r.open[y.Alias] {
			return r.stop(y, at, "is an alias of something that contains it", "")
		}
		if n := r.done[y.Alias]; n != nil && depth-1+n.height <= maxDepth {
			return n
		} else if n != nil {
			return r.stop(y, at, tooDeep, "")
		}
		return r.stop(y, at, "is an alias of nothing", "")
	}
	if y.Anchor != "" {
		r.open[y] = true
	}
	n := &node{line: y.Line, column: y.Column}
	switch {
	case y.Kind != yaml.ScalarNode && depth > maxDepth:
		return r.stop(y, at, tooDeep, "")
	case y.Kind == yaml.MappingNode:
		n.kind = object
		r.members(n, y, at, depth)
	case y.Kind == yaml.SequenceNode:
		n.kind = list
		if tag := y.ShortTag(); tag != "!!seq" {
			r.tag(n, at, tag)
		}
		for i, c := range y.Content {
			n.items = append(n.items, r.value(c, at.item(i), depth+1))
		}
	default:
		r.scalar(n, y, at)
	}
	if n.measure(); n.size > maxSource {
		return r.stop(y, at, fmt.Sprintf("is more than %s bytes once its aliases are expanded", grouped(maxSource)), manyJobs)
	}
	if y.Anchor != "" {
		delete(r.open, y)
		r.done[y] = n
	}
	return n
}

func (r *yamlReader) members(n *node, y *yaml.Node, at *path, depth int) {
	if tag := y.ShortTag(); tag != "!!map" {
		r.tag(n, at, tag)
	}
	first := make(map[string]int, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k, v := y.Content[i], y.Content[i+1]
		if k.Kind == yaml.AliasNode && k.Alias != nil {
			k = k.Alias
		}
		switch tag := k.ShortTag(); {
		case k.Kind != yaml.ScalarNode:
			r.add(k.Line, k.Column, at, "", "has a list or an object as a key", "a key is text")
			continue
		case tag == "!!merge":
			r.add(k.Line, k.Column, at, "", "has a merge key <<, which isn't supported", "put what jobs share under defaults, or give an alias to a whole value")
			continue
		case tag != "!!str" && tag != "!!timestamp":
			r.add(k.Line, k.Column, at, k.Value, fmt.Sprintf("has the key %s, which isn't text", clip(k.Value)), "quote it")
			continue
		case strings.Contains(k.Value, "\x00"):
			r.add(k.Line, k.Column, at, "", nulText, nulHint)
			continue
		}
		inside := at.field(k.Value)
		c := r.value(v, inside, depth+1)
		if before, twice := first[k.Value]; twice {
			r.add(y.Content[i].Line, y.Content[i].Column, inside, "", fmt.Sprintf("is given twice, first in line %d", before), "keep one")
			continue
		}
		first[k.Value] = y.Content[i].Line
		n.fields = append(n.fields, field{key: k.Value, line: y.Content[i].Line, column: y.Content[i].Column, value: c})
	}
}

func (r *yamlReader) tag(n *node, at *path, tag string) {
	r.add(n.line, n.column, at, "", fmt.Sprintf("has the tag %s, which isn't supported", clip(tag)), "remove the tag")
	*n = node{kind: broken, line: n.line, column: n.column}
}

func (r *yamlReader) scalar(n *node, y *yaml.Node, at *path) {
	n.literal = y.Value
	tag := y.ShortTag()
	if tag == "!!str" && y.Style == 0 && y.Value != "" && numberLen(y.Value) == len(y.Value) {
		tag = "!!float" // 1e999: the parser gives up on what its floats can't hold, we don't
	}
	switch tag {
	case "!!str", "!!timestamp", "!!merge": // an unquoted date is the text that it is
		n.kind = text
		if strings.Contains(y.Value, "\x00") {
			r.add(n.line, n.column, at, "", nulText, nulHint)
			n.kind = broken
		}
	case "!!null":
		n.kind, n.literal, n.blank = nothing, "null", y.Value == ""
	case "!!bool":
		n.kind, n.literal = boolean, strings.ToLower(y.Value)
		if n.literal != "true" && n.literal != "false" {
			r.add(n.line, n.column, at, y.Value, fmt.Sprintf("is %q, not true or false", clip(y.Value)), "write true or false")
			n.kind = broken
		}
	case "!!int", "!!float":
		n.kind = number
		if numberLen(y.Value) != len(y.Value) || y.Value == "" {
			r.add(n.line, n.column, at, y.Value, fmt.Sprintf("is the number %s, which JSON can't hold as it is written", clip(y.Value)),
				"write it in plain decimal, or in quotes if it is text")
			n.kind = broken
		}
	default:
		r.tag(n, at, tag)
	}
}
