package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

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
