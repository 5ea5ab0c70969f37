package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Redacted stands where a key was.
const Redacted = "[redacted]"

// MaxDetail bounds the other side's messages, in characters.
const MaxDetail = 500

// Secret is one or several keys behind a function, so that no printer that walks
// a value by reflection can reach them.
type Secret struct{ reveal func() []string }

// NewSecret hides keys; empty ones are left out.
func NewSecret(keys ...string) Secret {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" })
	// The longest first: one may be part of another.
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) })
	return Secret{reveal: func() []string { return keys }}
}

// Reveal is the first key, for the one place that sends it; "" when there is none.
func (s Secret) Reveal() string {
	if keys := s.keys(); len(keys) > 0 {
		return keys[0]
	}
	return ""
}

func (s Secret) keys() []string {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// Text makes a message from outside fit to be kept: control characters out,
// then the key out, then cut. The order matters: a control character inside an
// echoed key would hide it, and a cut key would not be found.
func (s Secret) Text(msg string) string {
	msg = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, msg)
	for _, key := range s.keys() {
		msg = strings.ReplaceAll(msg, key, Redacted)
	}
	return Clip(strings.Join(strings.Fields(msg), " "), MaxDetail)
}

// MinSecret is the length below which a key isn't looked for in answers. Such a
// key is a dummy, or what a provider printed of a masked one, and taking "sk-"
// or "1" out of everything would destroy names and tags. Messages lose it all
// the same.
const MinSecret = 8

// Line takes the keys out of a string and leaves the rest as it is.
func (s Secret) Line(v string) string {
	for _, key := range s.keys() {
		if len(key) >= MinSecret {
			v = strings.ReplaceAll(v, key, Redacted)
		}
	}
	return v
}

// Raw takes the keys out of a JSON value. A value that isn't JSON afterwards
// (the key was, say, a number) is dropped as a whole.
func (s Secret) Raw(v json.RawMessage) json.RawMessage {
	found := false
	for _, k := range s.keys() {
		if key := []byte(k); len(key) >= MinSecret && bytes.Contains(v, key) {
			v, found = bytes.ReplaceAll(v, key, []byte(Redacted)), true
		}
	}
	if found && !json.Valid(v) {
		return json.RawMessage(`"` + Redacted + `"`)
	}
	return v
}

// Clip cuts a text to so many characters.
func Clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-3]) + "..."
}
