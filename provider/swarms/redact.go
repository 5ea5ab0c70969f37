package swarms

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

const redacted = "[redacted]"

// maxDetail bounds the other side's messages, in characters.
const maxDetail = 500

// secret is the key behind a function, so that no printer that walks a value
// by reflection can reach it.
type secret struct{ reveal func() string }

func newSecret(key string) secret { return secret{reveal: func() string { return key }} }

// text makes a message from outside fit to be kept: control characters out,
// then the key out, then cut. The order matters: a control character inside an
// echoed key would hide it, and a cut key would not be found.
func (s secret) text(msg string) string {
	msg = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, msg)
	if key := s.reveal(); key != "" {
		msg = strings.ReplaceAll(msg, key, redacted)
	}
	return clipRunes(strings.Join(strings.Fields(msg), " "), maxDetail)
}

// minSecret is the length below which a key isn't looked for in answers. Such a
// key is a dummy, or what a provider printed of a masked one, and taking "sk-"
// or "1" out of everything would destroy names and tags. Messages lose it all
// the same.
const minSecret = 8

// line takes the key out of a string and leaves the rest as it is.
func (s secret) line(v string) string {
	if key := s.reveal(); len(key) >= minSecret {
		return strings.ReplaceAll(v, key, redacted)
	}
	return v
}

// raw takes the key out of a JSON value. A value that isn't JSON afterwards
// (the key was, say, a number) is dropped as a whole.
func (s secret) raw(v json.RawMessage) json.RawMessage {
	key := []byte(s.reveal())
	if len(key) < minSecret || !bytes.Contains(v, key) {
		return v
	}
	v = bytes.ReplaceAll(v, key, []byte(redacted))
	if !json.Valid(v) {
		return json.RawMessage(`"` + redacted + `"`)
	}
	return v
}

// completion takes the key out of everything in c that the other side wrote.
func (s secret) completion(c Completion) Completion {
	c.JobID, c.Status = s.line(c.JobID), s.line(c.Status)
	c.SwarmName, c.SwarmType = s.line(c.SwarmName), s.line(c.SwarmType)
	c.ExecutionTime, c.Detail = s.line(c.ExecutionTime), s.text(c.Detail)
	c.Output, c.Raw = s.raw(c.Output), s.raw(c.Raw)
	if c.Usage != nil && c.Usage.DiscountType != nil {
		t := s.line(*c.Usage.DiscountType)
		c.Usage.DiscountType = &t
	}
	return c
}

func clipRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-3]) + "..."
}
