package money

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	text := string(bytes.Trim(b, `"`))
	v, err := Round(text)
	if err != nil {
		return err
	}
	*l = Literal{USD: v, Text: text, Known: true}
	return nil
}

// MarshalJSON writes the provider's own text as a JSON number, or null.
func (l Literal) MarshalJSON() ([]byte, error) {
	if !l.Known {
		return []byte("null"), nil
	}
	if !json.Valid([]byte(l.Text)) {
		return nil, fmt.Errorf("%w: %q", ErrSyntax, clip(l.Text))
	}
	return []byte(l.Text), nil
}
