package money

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// USD is an exact amount in micro-dollars: 1_000_000 is one dollar. It holds
// up to about 9.2 trillion dollars; sums of a night never come near.
type USD int64

// The units.
const (
	Micro  USD = 1
	Cent   USD = 10_000
	Dollar USD = 1_000_000
)

// Places is how many decimal places of a dollar are kept.
const Places = 6

// ErrSyntax is wrapped by every parse error of this package.
var ErrSyntax = errors.New("not a dollar amount")

// Parse reads a dollar literal exactly: "5", "5.00", "0.09725", "1e-3".
// An amount with more than six places that aren't zero is an error, because a
// person who writes a cap means what they write.
func Parse(s string) (USD, error) {
	r, err := rat(s)
	if err != nil {
		return 0, err
	}
	r.Mul(r, big.NewRat(int64(Dollar), 1))
	if !r.IsInt() {
		return 0, fmt.Errorf("%w: %q has more than %d decimal places", ErrSyntax, clip(s), Places)
	}
	return fromInt(r.Num(), func() string { return s })
}

// Round reads a dollar literal that a provider printed and rounds it half to
// even at six places: Python floats such as 0.058500000000000003 occur in
// real answers and mean 0.058500.
func Round(s string) (USD, error) {
	r, err := rat(s)
	if err != nil {
		return 0, err
	}
	return FromRat(r)
}

// FromRat rounds an exact number of dollars half to even at six places.
func FromRat(dollars *big.Rat) (USD, error) {
	r := new(big.Rat).Mul(dollars, big.NewRat(int64(Dollar), 1))
	q, rem := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	twice := new(big.Int).Abs(rem)
	twice.Lsh(twice, 1)
	if c := twice.Cmp(r.Denom()); c > 0 || (c == 0 && q.Bit(0) == 1) {
		q.Add(q, big.NewInt(int64(r.Sign())))
	}
	return fromInt(q, func() string { return dollars.FloatString(Places + 2) }) // a long division, for the error alone
}

// Rat is the amount in dollars as an exact fraction, for arithmetic that must
// round once, at its end.
func (u USD) Rat() *big.Rat { return big.NewRat(int64(u), int64(Dollar)) }

// String is the amount with exactly six decimal places and no sign of a
// currency: "0.097250". It is the form of every machine-readable output.
func (u USD) String() string {
	sign, n := "", uint64(u)
	if u < 0 {
		sign, n = "-", uint64(-(u+1))+1 // the most negative value has no positive twin
	}
	return fmt.Sprintf("%s%d.%06d", sign, n/uint64(Dollar), n%uint64(Dollar))
}

// Dollars is the amount for people: "$4,335.00", "$0.09725", "-$1.50". At
// least two places are shown and no trailing zeros beyond them; nothing is
// rounded away.
func (u USD) Dollars() string {
	s := u.String()
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	frac = frac[:2] + strings.TrimRight(frac[2:], "0")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + "$" + whole + "." + frac
}

// Times is n of the amount. Beyond what USD holds it is the largest or the
// smallest amount that there is: an estimate may not wrap round to something
// that a budget lets through.
func (u USD) Times(n int64) USD {
	p := new(big.Int).Mul(big.NewInt(int64(u)), big.NewInt(n))
	switch {
	case p.IsInt64():
		return USD(p.Int64())
	case p.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// MarshalJSON writes the six-place string: JSON numbers are floats to most
// readers.
func (u USD) MarshalJSON() ([]byte, error) { return []byte(`"` + u.String() + `"`), nil }

// UnmarshalJSON reads a string or a number literal, exactly.
func (u *USD) UnmarshalJSON(b []byte) error {
	v, err := Parse(string(bytes.Trim(b, `"`)))
	if err != nil {
		return err
	}
	*u = v
	return nil
}

// maxLiteral bounds what is parsed: an exponent such as 1e999999999 would
// otherwise make a number of that many digits.
const maxLiteral = 64

func rat(s string) (*big.Rat, error) {
	t := strings.TrimPrefix(strings.TrimSpace(s), "$")
	if t == "" || len(t) > maxLiteral || strings.ContainsAny(t, "/_xXpPbBoO") {
		return nil, fmt.Errorf("%w: %q", ErrSyntax, clip(s))
	}
	if i := strings.IndexAny(t, "eE"); i >= 0 && len(t)-i > 4 { // e-99 is the most
		return nil, fmt.Errorf("%w: %q", ErrSyntax, clip(s))
	}
	r, ok := new(big.Rat).SetString(t)
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrSyntax, clip(s))
	}
	return r, nil
}

func fromInt(n *big.Int, literal func() string) (USD, error) {
	if !n.IsInt64() {
		return 0, fmt.Errorf("%w: %q is too large", ErrSyntax, clip(literal()))
	}
	return USD(n.Int64()), nil
}

func clip(s string) string {
	if len(s) > maxLiteral {
		return s[:maxLiteral] + "..."
	}
	return s
}
