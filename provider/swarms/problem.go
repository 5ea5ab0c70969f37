package swarms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// problem is an error body, read.
type problem struct {
	detail     string // for people; not yet redacted or clipped
	structured bool   // the API's own JSON, not a gateway's page or text
}

// readProblem reads every error body that was seen: FastAPI's {"detail": ...}
// with a string, a list (422, SDK HTTPValidationError) or an object; an
// {"error": {...}} object (premium_access_required; the OpenAI-compatible
// route); plain text; a gateway's HTML page, of which the title is kept; and
// none at all.
func readProblem(contentType string, body []byte) problem {
	t := bytes.TrimSpace(body)
	if len(t) == 0 {
		return problem{}
	}
	if t[0] == '<' || strings.Contains(strings.ToLower(contentType), "html") {
		return problem{detail: htmlTitle(t)}
	}
	if json.Valid(t) {
		if d := say(t); d != "" {
			return problem{detail: d, structured: true}
		}
	}
	return problem{detail: string(head(t))}
}

// head is the part of a body that can matter for a message: whatever is taken
// out of it, at least wire.MaxDetail characters are left of an honest one.
func head(b []byte) []byte { return b[:min(len(b), 16<<10)] }

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

func htmlTitle(page []byte) string {
	if m := title.FindSubmatch(head(page)); m != nil {
		return html.UnescapeString(string(bytes.TrimSpace(m[1])))
	}
	return "an HTML page without a title"
}

// failure finds an error in an answer that came with status 200.
func failure(v json.RawMessage) (string, bool) {
	var o struct{ Detail, Error json.RawMessage }
	if json.Unmarshal(v, &o) != nil {
		return "", false
	}
	for _, m := range []json.RawMessage{o.Detail, o.Error} {
		if d := say(m); d != "" {
			return d, true
		}
	}
	return "", false
}

// maxIssues is how many entries of a 422 list are named.
const maxIssues = 5

// maxNesting is how deep a message is looked for; each level reads its value
// once more.
const maxNesting = 4

// say puts an error value into words.
func say(v json.RawMessage) string { return sayAt(v, maxNesting) }

func sayAt(v json.RawMessage, depth int) string {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return ""
	}
	if depth == 0 {
		return string(head(v))
	}
	switch v[0] {
	case '"':
		return str(v)
	case '[':
		return sayList(v, depth)
	case '{':
		return sayObject(v, depth)
	case 'n', 'f': // null, false: no error
		return ""
	}
	return string(head(v))
}

func sayList(v json.RawMessage, depth int) string {
	var l []json.RawMessage
	if json.Unmarshal(v, &l) != nil {
		return ""
	}
	var parts []string
	for i, e := range l {
		if i == maxIssues {
			parts = append(parts, fmt.Sprintf("and %d more", len(l)-i))
			break
		}
		if s := sayAt(e, depth-1); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "; ")
}

func sayObject(v json.RawMessage, depth int) string {
	var o struct {
		Loc                                       json.RawMessage
		Msg, Type, Message, Detail, Error, Reason json.RawMessage
	}
	if json.Unmarshal(v, &o) != nil {
		return ""
	}
	// FastAPI's 422 entry. Its "input" repeats what was sent, so only the
	// place and the message are taken.
	if msg := str(o.Msg); msg != "" {
		if loc := sayLoc(o.Loc); loc != "" {
			return loc + ": " + msg
		}
		return msg
	}
	// One level of error or detail may hold the rest; its own fields say more
	// than ours would.
	var parts []string
	for _, m := range []json.RawMessage{o.Detail, o.Error, o.Reason} {
		t := bytes.TrimSpace(m)
		if len(t) > 0 && (t[0] == '{' || t[0] == '[') {
			return sayAt(t, depth-1)
		}
	}
	for _, m := range []json.RawMessage{o.Type, o.Message, o.Detail, o.Error, o.Reason} {
		if s := str(m); s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return string(head(v))
	}
	return strings.Join(parts, ": ")
}

// sayLoc joins FastAPI's path: ["body", 0, "swarm_type"] is
// body.0.swarm_type.
func sayLoc(v json.RawMessage) string {
	var l []json.RawMessage
	if json.Unmarshal(v, &l) != nil {
		return ""
	}
	var parts []string
	for i, e := range l {
		if i == 10 {
			break
		}
		if s := str(e); s != "" {
			parts = append(parts, s)
		} else if n, ok := integer(e); ok {
			parts = append(parts, strconv.FormatInt(n, 10))
		}
	}
	return strings.Join(parts, ".")
}
