package money_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
)

func TestParseIsExact(t *testing.T) {
	for _, c := range []struct {
		in   string
		want money.USD
	}{
		{"5", 5 * money.Dollar},
		{"5.00", 5 * money.Dollar},
		{"$5.00", 5 * money.Dollar},
		{" 0.09725 ", 97_250},
		{"0.1445", 144_500},
		{"1e-3", 1_000},
		{"1E2", 100 * money.Dollar},
		{"-1.5", -1_500_000},
		{"+1.5", 1_500_000},
		{".5", 500_000},
		{"0.000001", money.Micro},
		{"0.0000010000", money.Micro}, // more places, but only zeros
		{"-0", 0},
		{"9223372036854.775807", math.MaxInt64},
		{"-9223372036854.775808", math.MinInt64},
	} {
		got, err := money.Parse(c.in)
		if err != nil || got != c.want {
			t.Errorf("Parse(%q) = %d, %v; want %d", c.in, got, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":             "",
		"blank":               "  ",
		"a word":              "five",
		"not a number":        "NaN",
		"infinite":            "Inf",
		"a seventh place":     "0.0000001",
		"a Python float":      "0.058500000000000003",
		"a fraction":          "1/3",
		"hexadecimal":         "0x10",
		"octal":               "0o17",
		"binary":              "0b11",
		"binary exponent":     "1p4",
		"underscores":         "1_000",
		"thousands commas":    "1,000.00",
		"two points":          "1.2.3",
		"inner space":         "1 000",
		"a micro too large":   "9223372036854.775808",
		"a micro too small":   "-9223372036854.775809",
		"huge exponent":       "1e999999999",
		"the largest we read": "1e999",
		"endless digits":      strings.Repeat("9", 1<<20),
		"a null byte":         "5\x00",
		"other digits":        "５",
	} {
		got, err := money.Parse(in)
		if !errors.Is(err, money.ErrSyntax) || got != 0 {
			t.Errorf("%s: Parse = %d, %v; want 0 and ErrSyntax", name, got, err)
			continue
		}
		if len(err.Error()) > 300 {
			t.Errorf("%s: the error is %d bytes long: hostile input isn't echoed whole", name, len(err.Error()))
		}
	}
}

func TestRoundHalfToEven(t *testing.T) {
	for in, want := range map[string]string{
		"0.058500000000000003": "0.058500", // a Python float as the provider prints it
		"0.09725":              "0.097250",
		"0.0000005":            "0.000000", // half, to the even 0
		"0.0000015":            "0.000002", // half, to the even 2
		"0.0000025":            "0.000002",
		"0.00000050000001":     "0.000001", // more than half
		"0.00000249999999":     "0.000002",
		"-0.0000005":           "0.000000",
		"-0.0000015":           "-0.000002",
		"-0.0000025":           "-0.000002",
		"-0.00000250001":       "-0.000003",
		"5e-324":               "", // an exponent of three places is refused
		"1e-99":                "0.000000",
	} {
		got, err := money.Round(in)
		if want == "" {
			if !errors.Is(err, money.ErrSyntax) {
				t.Errorf("Round(%q) = %s, %v; want ErrSyntax", in, got, err)
			}
			continue
		}
		if err != nil || got.String() != want {
			t.Errorf("Round(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestDollarsForPeople(t *testing.T) {
	for u, want := range map[money.USD]string{
		0:                              "$0.00",
		97_250:                         "$0.09725",
		4_335 * money.Dollar:           "$4,335.00",
		-150 * money.Cent:              "-$1.50",
		1_234_567*money.Dollar + 1:     "$1,234,567.000001",
		999 * money.Dollar:             "$999.00",
		math.MinInt64:                  "-$9,223,372,036,854.775808",
		-123_456*money.Dollar - 5*1000: "-$123,456.005",
	} {
		if got := u.Dollars(); got != want {
			t.Errorf("%s: Dollars() = %s, want %s", u, got, want)
		}
	}
}

func TestTimesNeverWraps(t *testing.T) {
	for _, c := range []struct {
		u    money.USD
		n    int64
		want money.USD
	}{
		{97_250, 30_000, 2_917*money.Dollar + 50*money.Cent},
		{money.Cent, -3, -3 * money.Cent},
		{math.MaxInt64, 2, math.MaxInt64},
		{math.MaxInt64, -2, math.MinInt64},
		{math.MinInt64, -1, math.MaxInt64},
		{math.MinInt64, math.MinInt64, math.MaxInt64},
	} {
		if got := c.u.Times(c.n); got != c.want {
			t.Errorf("%d.Times(%d) = %d, want %d", c.u, c.n, got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	type bill struct {
		A money.USD `json:"a"`
	}
	b, err := json.Marshal(bill{97_250})
	if err != nil || string(b) != `{"a":"0.097250"}` {
		t.Errorf("Marshal = %s, %v", b, err)
	}
	for in, want := range map[string]money.USD{
		`{"a":"0.097250"}`: 97_250,
		`{"a":0.09725}`:    97_250,
		`{"a":5e-2}`:       5 * money.Cent,
	} {
		var got bill
		if err := json.Unmarshal([]byte(in), &got); err != nil || got.A != want {
			t.Errorf("Unmarshal %s = %d, %v; want %d", in, got.A, err, want)
		}
	}
	for _, in := range []string{`{"a":null}`, `{"a":""}`, `{"a":true}`, `{"a":[1]}`, `{"a":{}}`, `{"a":"1e9999"}`, `{"a":0.0000001}`} {
		got := bill{A: 7}
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("Unmarshal %s = %d, want an error: what isn't an amount isn't zero", in, got.A)
		}
	}
}

// anyUSD draws amounts of every size, the extremes among them.
func anyUSD() *rapid.Generator[money.USD] {
	return rapid.Custom(func(t *rapid.T) money.USD { return money.USD(rapid.Int64().Draw(t, "micros")) })
}

func TestStringRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := anyUSD().Draw(t, "u")
		if got, err := money.Parse(u.String()); err != nil || got != u {
			t.Fatalf("Parse(%q) = %d, %v; want %d", u.String(), got, err, u)
		}
		if _, frac, ok := strings.Cut(u.String(), "."); !ok || len(frac) != money.Places {
			t.Fatalf("%q doesn't have %d places", u.String(), money.Places)
		}
		if got, err := money.FromRat(u.Rat()); err != nil || got != u {
			t.Fatalf("FromRat(%s) = %d, %v; want %d", u.Rat(), got, err, u)
		}
		plain := strings.NewReplacer("$", "", ",", "").Replace(u.Dollars())
		if got, err := money.Parse(plain); err != nil || got != u {
			t.Fatalf("Dollars() = %s, which reads back as %d, %v", u.Dollars(), got, err)
		}
		b, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		var got money.USD
		if err := json.Unmarshal(b, &got); err != nil || got != u {
			t.Fatalf("JSON %s reads back as %d, %v; want %d", b, got, err, u)
		}
	})
}

// FromRat is within half a micro-dollar of the fraction, on the even side of a tie.
func TestRoundingIsNearestEven(t *testing.T) {
	half := big.NewRat(1, 2_000_000)
	rapid.Check(t, func(t *rapid.T) {
		num := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "num")
		den := rapid.OneOf(rapid.Int64Range(1, 1<<40), rapid.Just(int64(2_000_000))).Draw(t, "den")
		r := big.NewRat(num, den)
		u, err := money.FromRat(r)
		if err != nil {
			t.Fatal(err)
		}
		off := new(big.Rat).Sub(u.Rat(), r)
		switch off.Abs(off).Cmp(half) {
		case 1:
			t.Fatalf("%s rounds to %s, which is %s away", r, u, off)
		case 0:
			if u%2 != 0 {
				t.Fatalf("%s is a tie and rounds to odd %s", r, u)
			}
		}
		neg, err := money.FromRat(new(big.Rat).Neg(r))
		if err != nil || neg != -u {
			t.Fatalf("%s rounds to %s but its negative to %s, %v", r, u, neg, err)
		}
	})
}

// FuzzParse: whatever comes in, Parse neither panics nor takes something that
// it can't give back, and Round agrees with it wherever Parse is happy.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"5.00", "$0.09725", "1e-3", "-9223372036854.775808", "1e999", "0x1p4", "1/3", "0.058500000000000003", "", "٣", "e", "-.e-9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := money.Parse(s)
		if err != nil {
			if !errors.Is(err, money.ErrSyntax) || u != 0 {
				t.Fatalf("Parse(%q) = %d, %v; want 0 and ErrSyntax", s, u, err)
			}
			if _, err := money.Round(s); err != nil && !errors.Is(err, money.ErrSyntax) {
				t.Fatalf("Round(%q): %v; want ErrSyntax", s, err)
			}
			return
		}
		if again, err := money.Parse(u.String()); err != nil || again != u {
			t.Fatalf("Parse(%q) = %d, but its own form %q reads as %d, %v", s, u, u, again, err)
		}
		if r, err := money.Round(s); err != nil || r != u {
			t.Fatalf("Parse(%q) = %d, but Round = %d, %v", s, u, r, err)
		}
	})
}
