package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
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

func (r *jsonReader) word() (kind, string) {
	for k, words := range map[kind][]string{nothing: {"null"}, boolean: {"true", "false"}} {
		for _, w := range words {
			if strings.HasPrefix(r.src[r.off:], w) {
				r.off += len(w)
				return k, w
			}
		}
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

// text reads a string, from its opening to its closing quote.
func (r *jsonReader) text() string {
	r.off++
	start := r.off
	var b strings.Builder
	for r.off < len(r.src) {
		switch c := r.src[r.off]; {
		case c == '"':
			b.WriteString(r.src[start:r.off])
			r.off++
			return b.String()
		case c < 0x20:
			r.syntax(fmt.Sprintf("has the control character %U inside a text", c), `write line breaks as \n and tabs as \t`)
			return ""
		case c == '\\':
			b.WriteString(r.src[start:r.off])
			r.escape(&b)
			if r.fail {
				return ""
			}
			start = r.off
		default:
			r.off++
		}
	}
	r.syntax("ends inside a text", "a closing double quote is missing")
	return ""
}

func (r *jsonReader) escape(b *strings.Builder) {
	rest := r.src[r.off:]
	if len(rest) < 2 {
		r.off = len(r.src)
		r.syntax("ends inside a text", "a closing double quote is missing")
		return
	}
	if i := strings.IndexByte(`"\/bfnrt`, rest[1]); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		r.off += 2
		return
	}
	c, ok := hex4(rest)
	switch {
	case !ok:
		r.syntax(`has an escape that JSON doesn't know`, `a backslash is written \\`)
		return
	case c == 0:
		r.syntax(nulText, nulHint)
		return
	case utf16.IsSurrogate(c):
		low, paired := hex4(rest[6:])
		if c = utf16.DecodeRune(c, low); !paired || c == utf8.RuneError {
			r.syntax(`has half of a surrogate pair`, `write \ud83d\ude00, both halves, or the character itself`)
			return
		}
		r.off += 6
	}
	b.WriteRune(c)
	r.off += 6
}

// hex4 reads \uXXXX at the beginning of s.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(v), err == nil
}

// numberLen is how many bytes of s are a JSON number; 0 when it isn't one or
// runs on into something else, such as 017 or 1.2.3.
func numberLen(s string) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	zero := i < len(s) && s[i] == '0'
	start := i
	if !digits() || zero && i > start+1 {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return 0
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	if i < len(s) && strings.IndexByte(" \t\r\n,]}", s[i]) < 0 {
		return 0
	}
	return i
}
