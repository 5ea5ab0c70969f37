package money

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Literal is an amount as the provider printed it, beside what we read of it.
// A provider's field may be missing or null: then it isn't Known, and an
// unknown amount is never zero.
type Literal struct {
	USD   USD
	Text  string // as printed, "0.058500000000000003"; empty when not Known
	Known bool
}

// UnmarshalJSON takes a number, a numeric string or null.
func (l *Literal) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if bytes.Equal(b, []byte("null")) {
		*l = Literal{}
		return nil
	}
	text := strings.TrimSpace(string(bytes.Trim(b, `"`)))
	v, err := Round(text)
	if err != nil {
		return err
	}
	*l = Literal{USD: v, Text: text, Known: true}
	return nil
}

// MarshalJSON writes the provider's own text as a JSON number, as a JSON
// string where it isn't one ("$5"), or null when not Known. An amount without
// a text is written in six places.
func (l Literal) MarshalJSON() ([]byte, error) {
	switch {
	case !l.Known:
		return []byte("null"), nil
	case l.Text == "":
		return []byte(l.USD.String()), nil
	case strings.ContainsAny(l.Text[:1], "-0123456789") && json.Valid([]byte(l.Text)):
		return []byte(l.Text), nil
	}
	if _, err := Round(l.Text); err != nil { // made by hand, and unreadable for whoever gets it
		return nil, err
	}
	return json.Marshal(l.Text)
}
