package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// readOrder is what somebody wrote into an update's field, strictly, with all
// that is wrong with it: a misspelt "why" would be lost, a misspelt "cap" do
// harm. example is what it could look like. Only a validator may be so strict:
// an order that was accepted stands, whatever a later version thinks of it.
func readOrder(raw json.RawMessage, fields []string, example string) (batch.Order, error) {
	var o batch.Order
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	given, ok := membersOf(raw)
	if !ok {
		return o, fmt.Errorf("want an object such as %s, got %s", example, kindOf(raw))
	}
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	named := false
	for _, m := range given {
		switch {
		case !slices.Contains(fields, m.name):
			say("%q means nothing here", m.name)
		case m.name == "cap":
			if json.Unmarshal(m.value, &o.Cap) != nil {
				say(`"cap": want dollars with at most %d decimal places, such as "80.00"`, money.Places)
			}
		case kindOf(m.value) != "text":
			say("%q: want text, got %s", m.name, kindOf(m.value))
			named = named || m.name == "by"
		case m.name == "by":
			_ = json.Unmarshal(m.value, &o.By) // it is text
		case m.name == "why":
			_ = json.Unmarshal(m.value, &o.Why)
		}
	}
	if strings.TrimSpace(o.By) == "" && !named {
		say(`"by" has to say who orders it`)
	}
	if len(wrong) == 0 {
		return o, nil
	}
	return o, errors.New(strings.Join(wrong, "; ") + ": write " + example)
}

// member is one member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf are the members of an object in their order; null has none. It is
// false for whatever is no object. (In a map they would have no order, which a
// workflow must not see.)
func membersOf(raw json.RawMessage) (all []member, ok bool) {
	if kindOf(raw) == "null" {
		return nil, true
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		m := member{name: fmt.Sprint(name)}
		if err := d.Decode(&m.value); err != nil {
			return nil, false
		}
		all = append(all, m)
	}
	_, err := d.Token()
	return all, err == nil
}

// kindOf is what kind of JSON a value is, in words.
func kindOf(raw json.RawMessage) string {
	switch c := bytes.TrimSpace(raw); {
	case len(c) == 0:
		return "nothing"
	case c[0] == '"':
		return "text"
	case c[0] == '[':
		return "a list"
	case c[0] == '{':
		return "an object"
	case string(c) == "null":
		return "null"
	case c[0] == 't' || c[0] == 'f':
		return "true or false"
	}
	return "a number"
}
