package swarms

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/offpeak/offpeak/provider/wire"
)

// credentialNames are the members in which an API prints keys.
var credentialNames = []string{"api_key", "apikey", "api-key", "x-api-key", "authorization"}

func isCredential(name string) bool {
	for _, c := range credentialNames {
		if strings.EqualFold(name, c) {
			return true
		}
	}
	return false
}

// dropCredentials removes members that hold keys, at any depth, and leaves
// everything else. Log rows need it: the provider prints the key in clear,
// perhaps another key of the same account, which redaction by value wouldn't
// find. A value without such a member is returned as it is.
func dropCredentials(v json.RawMessage) json.RawMessage {
	lower := bytes.ToLower(v)
	suspect := bytes.Contains(lower, []byte(`\u`)) // a name may be written with escapes
	for _, name := range credentialNames {
		suspect = suspect || bytes.Contains(lower, []byte(name))
	}
	if !suspect {
		return v
	}
	out, dropped, err := copyWithout(v)
	switch {
	case err != nil:
		return json.RawMessage(`"` + wire.Redacted + `"`) // can't be judged, so it isn't kept
	case !dropped:
		return v
	}
	return out
}

// copyWithout rewrites v token by token: one pass, however deeply it nests.
func copyWithout(v json.RawMessage) (out json.RawMessage, dropped bool, err error) {
	dec := json.NewDecoder(bytes.NewReader(v))
	dec.UseNumber()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)

	type level struct{ object, value bool } // value: a member's name was written, its value comes next
	var open []level
	comma := false
	for first := true; first || len(open) > 0; first = false {
		tok, err := dec.Token()
		if err != nil {
			return nil, dropped, err
		}
		if d, ok := tok.(json.Delim); ok && (d == '}' || d == ']') {
			b.WriteRune(rune(d))
			open, comma = open[:len(open)-1], true
			continue
		}
		inObject := len(open) > 0 && open[len(open)-1].object
		isName := inObject && !open[len(open)-1].value
		if isName && isCredential(tok.(string)) {
			if err := skipValue(dec); err != nil {
				return nil, dropped, err
			}
			dropped = true
			continue
		}
		if comma {
			b.WriteByte(',')
			comma = false
		}
		if d, ok := tok.(json.Delim); ok {
			b.WriteRune(rune(d))
			if inObject {
				open[len(open)-1].value = false
			}
			open = append(open, level{object: d == '{'})
			continue
		}
		if err := enc.Encode(tok); err != nil {
			return nil, dropped, err
		}
		b.Truncate(b.Len() - 1) // Encode ends each value with a line end
		switch {
		case isName:
			b.WriteByte(':')
			open[len(open)-1].value = true
		case inObject:
			open[len(open)-1].value, comma = false, true
		default:
			comma = true
		}
	}
	return b.Bytes(), dropped, nil
}

// skipValue reads one whole value and forgets it.
func skipValue(dec *json.Decoder) error {
	depth := 0
	for {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		if d, ok := tok.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
		}
		if depth == 0 {
			return nil
		}
	}
}
