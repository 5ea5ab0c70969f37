package money

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
)

// Ratio is an exact multiplier in parts per million: Half is 500_000. The
// provider's night_time_discount is such a multiplier (0.5), not a percentage
// off, although the two are equal at one half (Swarms night-mode guide:
// "input_token_cost *= pricing.night_time_discount").
type Ratio int64

// The two that the built-in tariff needs.
const (
	One  Ratio = 1_000_000
	Half Ratio = 500_000
)

// ParseRatio reads "0.5" exactly; more than six places is an error.
func ParseRatio(s string) (Ratio, error) {
	u, err := Parse(s)
	if err != nil {
		return 0, fmt.Errorf("not a ratio: %q", clip(s))
	}
	return Ratio(u), nil
}

// Rat is the ratio as an exact fraction.
func (r Ratio) Rat() *big.Rat { return big.NewRat(int64(r), int64(One)) }

// String is the shortest decimal form: "0.5".
func (r Ratio) String() string {
	s := USD(r).String()
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// MarshalJSON writes the shortest decimal form as a string.
func (r Ratio) MarshalJSON() ([]byte, error) { return []byte(`"` + r.String() + `"`), nil }

// UnmarshalJSON reads a string or number literal, exactly.
func (r *Ratio) UnmarshalJSON(b []byte) error {
	v, err := ParseRatio(string(bytes.Trim(b, `"`)))
	if err != nil {
		return err
	}
	*r = v
	return nil
}
