package money_test

import (
	"encoding/json"
	"testing"

	"github.com/offpeak/offpeak/money"
)

func TestLiteralKeepsTheProvidersText(t *testing.T) {
	for in, want := range map[string]money.Literal{
		`0.058500000000000003`:   {USD: 58_500, Text: "0.058500000000000003", Known: true},
		` 0.09725 `:              {USD: 97_250, Text: "0.09725", Known: true},
		`"0.10"`:                 {USD: 100_000, Text: "0.10", Known: true},
		`"$5"`:                   {USD: 5 * money.Dollar, Text: "$5", Known: true},
		`0`:                      {USD: 0, Text: "0", Known: true},
		`5.8500000000000003e-02`: {USD: 58_500, Text: "5.8500000000000003e-02", Known: true},
		`null`:                   {},
	} {
		got := money.Literal{USD: 7, Text: "7", Known: true} // what was there before
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("Unmarshal %s = %+v, %v; want %+v", in, got, err, want)
			continue
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Errorf("Marshal %+v: %v", got, err)
			continue
		}
		var again money.Literal
		if err := json.Unmarshal(b, &again); err != nil || again != want {
			t.Errorf("%s comes back from %s as %+v, %v", in, b, again, err)
		}
	}
}

func TestLiteralRefusesWhatIsNoAmount(t *testing.T) {
	for _, in := range []string{`true`, `{}`, `[]`, `""`, `"free"`, `"NaN"`, `1e99999`, `"1/3"`} {
		var got money.Literal
		if err := json.Unmarshal([]byte(in), &got); err == nil || got.Known {
			t.Errorf("Unmarshal %s = %+v, %v; want an error", in, got, err)
		}
	}
}

func TestLiteralMarshal(t *testing.T) {
	for _, c := range []struct {
		in   money.Literal
		want string
	}{
		{money.Literal{}, `null`},
		{money.Literal{USD: 5, Text: "5"}, `null`}, // not Known: the rest doesn't count
		{money.Literal{Known: true}, `0.000000`},
		{money.Literal{USD: 97_250, Known: true}, `0.097250`},
		{money.Literal{USD: 58_500, Text: "0.058500000000000003", Known: true}, `0.058500000000000003`},
		{money.Literal{USD: 5 * money.Dollar, Text: "$5", Known: true}, `"$5"`},
	} {
		if b, err := json.Marshal(c.in); err != nil || string(b) != c.want {
			t.Errorf("Marshal %+v = %s, %v; want %s", c.in, b, err, c.want)
		}
	}
	for _, text := range []string{"true", `{"a":1}`, "1,2", "free"} {
		if b, err := json.Marshal(money.Literal{Text: text, Known: true}); err == nil {
			t.Errorf("Marshal of text %q = %s, want an error", text, b)
		}
	}
}
