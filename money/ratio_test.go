package money_test

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
)

func TestRatio(t *testing.T) {
	for in, want := range map[string]money.Ratio{"0.5": money.Half, "1": money.One, "0": 0, "1.25": 1_250_000, "0.000001": 1} {
		got, err := money.ParseRatio(in)
		if err != nil || got != want || got.String() != in {
			t.Errorf("ParseRatio(%q) = %d (%s), %v; want %d", in, got, got, err, want)
		}
	}
	for _, in := range []string{"", "half", "50%", "0.0000001", "1/2"} {
		if got, err := money.ParseRatio(in); err == nil {
			t.Errorf("ParseRatio(%q) = %s, want an error", in, got)
		}
	}
	if money.Half.Rat().Cmp(big.NewRat(1, 2)) != 0 {
		t.Errorf("Half is %s", money.Half.Rat())
	}
	rapid.Check(t, func(t *rapid.T) {
		r := money.Ratio(rapid.Int64().Draw(t, "ppm"))
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var got money.Ratio
		if err := json.Unmarshal(b, &got); err != nil || got != r {
			t.Fatalf("%s reads back as %d, %v; want %d", b, got, err, r)
		}
	})
	for in, want := range map[string]money.Ratio{`0.5`: money.Half, `"0.5"`: money.Half, `5e-1`: money.Half} {
		var got money.Ratio
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("Unmarshal %s = %s, %v", in, got, err)
		}
	}
}
