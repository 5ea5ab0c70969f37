package report

import (
	"math/big"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// Percent is part of whole with one decimal, "" when the whole is zero. It
// never rounds up to 100.0: a leak of a cent in a night of thousands is still
// a leak.
func Percent(part, whole money.USD) string {
	if whole <= 0 {
		return ""
	}
	r := new(big.Rat).Mul(new(big.Rat).Quo(part.Rat(), whole.Rat()), big.NewRat(100, 1))
	s := r.FloatString(1)
	if s == "100.0" && part < whole {
		return "99.9"
	}
	return strings.Replace(s, "-0.0", "0.0", 1)
}

// perMinute is n in d as a rate with one decimal, "" when it would say nothing:
// in less than a second, or below one in twenty minutes.
func perMinute(n int, d time.Duration) string {
	if n == 0 || d < time.Second {
		return ""
	}
	r := new(big.Rat).Mul(big.NewRat(int64(n), int64(d)), big.NewRat(int64(time.Minute), 1))
	if s := r.FloatString(1); s != "0.0" {
		return s
	}
	return ""
}

// parts is part of whole in n equal pieces, kept between 0 and n; something is
// never shown as nothing.
func parts(part, whole money.USD, n int64) int64 {
	if whole <= 0 || part <= 0 {
		return 0
	}
	r := new(big.Rat).Mul(new(big.Rat).Quo(part.Rat(), whole.Rat()), big.NewRat(n, 1))
	q := new(big.Int).Quo(r.Num(), r.Denom())
	if !q.IsInt64() || q.Int64() > n {
		return n
	}
	return max(q.Int64(), 1)
}

// grouped is a count for people: "1,200".
func grouped[T int | int64](n T) string { return batch.Grouped(int64(n)) }

// part is n / of of an amount, rounded to the nearest micro-dollar.
func part(whole money.USD, n, of int64) money.USD {
	r := new(big.Rat).Mul(whole.Rat(), big.NewRat(n, of))
	v, err := money.FromRat(r)
	if err != nil {
		return 0 // beyond all dollars: no bill of anybody's
	}
	return v
}
