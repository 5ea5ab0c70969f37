package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// jsonReader turns JSON into nodes. encoding/json isn't used because it keeps
// no positions, takes the last of two equal keys in silence and replaces lone
// surrogates by U+FFFD. It stops at the first syntax error: what follows one
// is guesswork. The text is valid UTF-8 (checked by document).
type jsonReader struct {
	*finder
	src  string
	off  int
	at   *path
	fail bool

	mark, line, column int // position of src[mark], moved forward only
}

// readJSON reads the one value of src, which begins at the given line. nil
// means that a problem was added.
func readJSON(f *finder, src string, line int) *node {
	r := &jsonReader{finder: f, src: src, line: line, column: 1}
	n := r.value(1)
	if r.fail {
		return nil
	}
	r.space()
	if r.off < len(r.src) {
		r.syntax("has more text after its end", "remove it; a document is one JSON object")
		return nil
	}
	return n
}

// place is the position of an offset at or behind the last one asked for.
func (r *jsonReader) place(off int) (line, column int) {
	for r.mark < off {
		c := r.src[r.mark]
		switch {
		case c == '\n':
			r.line, r.column = r.line+1, 1
		case utf8.RuneStart(c):
			r.column++
		}
		r.mark++
	}
	return r.line, r.column
}

func (r *jsonReader) syntax(message, hint string) *node {
	if !r.fail {
		line, column := r.place(r.off)
		r.add(line, column, r.at, "", message, hint)
	}
	r.fail = true
	return nil
}

// unexpected names the character that is there instead of what was wanted.
func (r *jsonReader) unexpected(want string) *node {
	if r.off >= len(r.src) {
		return r.syntax("ends where "+want+" was expected", "the file may be cut off")
	}
	c, _ := utf8.DecodeRuneInString(r.src[r.off:])
	return r.syntax(fmt.Sprintf("has %q where %s was expected", c, want), jsonHint(c))
}

func jsonHint(c rune) string {
	switch c {
	case '\'':
		return "JSON takes double quotes only"
	case '#', '/':
		return "JSON has no comments; YAML has"
	case '}', ']':
		return "a comma before the end isn't allowed"
	}
	return "text that begins with { is read as JSON: keys and texts in double quotes, commas between"
}

func (r *jsonReader) space() {
	for r.off < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.off]) >= 0 {
		r.off++
	}
}

func (r *jsonReader) peek() byte {
	if r.off < len(r.src) {
		return r.src[r.off]
	}
	return 0
}

// value reads any value; depth counts the nesting.
func (r *jsonReader) value(depth int) *node {
	r.space()
	n := &node{}
	n.line, n.column = r.place(r.off)
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if depth > maxDepth {
			return r.syntax(tooDeep, "")
		}
		r.off++
		if c == '{' {
			n.kind = object
			r.members(n, depth)
		} else {
			n.kind = list
			r.elements(n, depth)
		}
	case c == '"':
		n.kind = text
		n.literal = r.text()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = number
		if n.literal = r.src[r.off : r.off+numberLen(r.src[r.off:])]; n.literal == "" {
			return r.syntax("has a number that JSON doesn't know", "write it in decimal, such as 0.5 or 17")
		}
		r.off += len(n.literal)
	default:
		n.kind, n.literal = r.word()
	}
	if r.fail {
		return nil
	}
	n.measure()
	return n
}

// word reads null, true or false.
func (r *jsonReader) word() (kind, string) {
	for _, w := range []string{"null", "true", "false"} {
		if !strings.HasPrefix(r.src[r.off:], w) {
			continue
		}
		r.off += len(w)
		if w == "null" {
			return nothing, w
		}
		return boolean, w
	}
	r.unexpected("a value")
	return broken, ""
}

func (r *jsonReader) members(n *node, depth int) {
	up := r.at
	defer func() { r.at = up }()
	first := map[string]int{} // line of a key
	for {
		r.space()
		if r.peek() == '}' && len(first) == 0 {
			break
		}
		line, column := r.place(r.off)
		if r.peek() != '"' {
			r.unexpected("a key in double quotes")
			return
		}
		key := r.text()
		if r.fail {
			return
		}
		r.space()
		if r.peek() != ':' {
			r.unexpected("':'")
			return
		}
		r.off++
		r.at = up.field(key)
		v := r.value(depth + 1)
		if r.fail {
			return
		}
		if before, twice := first[key]; twice {
			r.add(line, column, r.at, "", fmt.Sprintf("is given twice, first in line %d", before), "keep one")
		} else {
			first[key] = line
			n.fields = append(n.fields, field{key: key, line: line, column: column, value: v})
		}
		r.at = up
		r.space()
		if r.peek() != ',' {
			break
		}
		r.off++
	}
	r.end('}', "',' or '}'")
}

func (r *jsonReader) elements(n *node, depth int) {
	up := r.at
	defer func() { r.at = up }()
	for {
		r.space()
		if r.peek() == ']' && len(n.items) == 0 {
			break
		}
		r.at = up.item(len(n.items))
		v := r.value(depth + 1)
		if r.fail {
			return
		}
		n.items = append(n.items, v)
		r.at = up
		r.space()
		if r.peek() != ',' {
			break
		}
		r.off++
	}
	r.end(']', "',' or ']'")
}

func (r *jsonReader) end(c byte, want string) {
	if r.peek() != c {
		r.unexpected(want)
		return
	}
	r.off++
}
