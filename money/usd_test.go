package money_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

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
		"endless zeros":       "5." + strings.Repeat("0", 100),
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
