package swarms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// MaxName is the longest name that the API takes, in characters (SwarmSpec,
// name: max_length 100).
const MaxName = 100

// Tag is the name under which the provider sees a job: name, trimmed so that
// the whole is at most MaxName characters, and " [<request id>]". The API
// takes no idempotency key and no id of ours; the name, which its answers and
// its log repeat as swarm_name, is the only place to put one. requestID is a
// UUID in its usual form.
func Tag(name, requestID string) string {
	suffix := "[" + requestID + "]"
	room := MaxName - utf8.RuneCountInString(suffix) - 1
	runes := []rune(strings.TrimSpace(strings.ToValidUTF8(name, "")))
	if len(runes) > room {
		runes = runes[:max(room, 0)]
	}
	if name = strings.TrimSpace(string(runes)); name == "" {
		return suffix
	}
	return name + " " + suffix
}

var tagRE = regexp.MustCompile(`\[([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\]\s*$`)

// TagOf is the request id at the end of a swarm_name: what joins our books to
// the provider's answers and log.
func TagOf(swarmName string) (requestID string, ok bool) {
	m := tagRE.FindStringSubmatch(swarmName)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Payload is a job's request as it is sent: its name is replaced by
// Tag(name, requestID), everything else is left exactly as it is, order and
// number literals included. A request that asks for a stream is refused: its
// answer would come in pieces that nobody here reads, and be paid for.
func Payload(request json.RawMessage, name, requestID string) ([]byte, error) {
	if _, ok := TagOf("[" + requestID + "]"); !ok {
		return nil, fmt.Errorf("tag request %q: %q is not a request id; use a UUID", name, requestID)
	}
	dec := json.NewDecoder(bytes.NewReader(request))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, fmt.Errorf("tag request %q: it is no JSON object", name)
	}
	tagged, err := quote(Tag(name, requestID))
	if err != nil {
		return nil, fmt.Errorf("tag request %q: %w", name, err)
	}
	var out bytes.Buffer
	out.WriteString(`{"name":` + tagged)
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("tag request %q: %w", name, err)
		}
		field := tok.(string) // the decoder lets nothing else be a member's name
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, fmt.Errorf("tag request %q, field %q: %w", name, field, err)
		}
		switch field {
		case "name":
			continue
		case "stream":
			if on := truth(v); present(v) != nil && (on == nil || *on) {
				return nil, fmt.Errorf("tag request %q: stream is %s; leave it out, answers are read whole", name, shown(v))
			}
		}
		quoted, err := quote(field)
		if err != nil {
			return nil, fmt.Errorf("tag request %q: %w", name, err)
		}
		out.WriteString("," + quoted + ":")
		out.Write(v)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("tag request %q: %w", name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("tag request %q: it has something behind its end", name)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// quote writes a JSON string without escaping for HTML.
func quote(s string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}
