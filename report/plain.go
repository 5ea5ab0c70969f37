package report

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain makes a string that came from elsewhere safe to show on one line: what
// isn't printable (control characters, escape sequences, line ends, bytes that
// aren't UTF-8) and what reorders a line (bidirectional overrides and marks)
// is shown as an escape. The two joiners stay, which scripts and emoji need.
func plain(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		case strconv.IsGraphic(r) || r == '\u200c' || r == '\u200d':
			b.WriteRune(r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		i += size
	}
	return b.String()
}

// wide are the ranges whose characters take two columns of a terminal.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1},
		{Lo: 0x2e80, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1},
		{Lo: 0xff00, Hi: 0xff60, Stride: 1},
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x1f000, Hi: 0x1faff, Stride: 1}, {Lo: 0x20000, Hi: 0x3fffd, Stride: 1}},
}

// columns is how many columns of a terminal a rune takes.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

func width(s string) (n int) {
	for _, r := range s {
		n += columns(r)
	}
	return n
}

// clip cuts a plain string to at most n columns, and to a few marks a column:
// a letter can carry a thousand.
func clip(s string, n int) string {
	if fit := prefix(s, n); len(fit) < len(s) {
		return prefix(s, n-3) + "..."
	}
	return s
}

func prefix(s string, n int) string {
	used, runes := 0, 0
	for i, r := range s {
		used += columns(r)
		runes++
		if used > n || runes > 4*n {
			return s[:i]
		}
	}
	return s
}
