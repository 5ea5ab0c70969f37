package money_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/money"
)

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
