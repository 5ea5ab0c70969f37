package simulator

import (
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// A bill is computed in units of 10^-18 dollars: tokens x micro-dollars per
// million tokens x parts per million is a whole number of them. The integers
// are wide enough for 10^15 tokens at once. tariff computes the same with
// fractions; neither knows of the other.

// atto is a number of 10^-18 dollars.
type atto struct{ hi, lo uint64 }

const attoPerMicro = 1_000_000_000_000

func attoOf(tokens int64, perMillion money.USD, m money.Ratio) atto {
	hi, lo := bits.Mul64(uint64(tokens), uint64(perMillion))
	h2, lo := bits.Mul64(lo, uint64(m))
	return atto{hi: hi*uint64(m) + h2, lo: lo}
}

func (a atto) plus(b atto) atto {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return atto{hi, lo}
}

// micro rounds half to even at six places, as Python's round does.
func (a atto) micro() money.USD {
	q, rem := bits.Div64(a.hi, a.lo, attoPerMicro)
	if rem > attoPerMicro/2 || (rem == attoPerMicro/2 && q&1 == 1) {
		q++
	}
	return money.USD(q)
}

// text is the exact decimal.
func (a atto) text() string {
	micros, rest := bits.Div64(a.hi, a.lo, attoPerMicro)
	tail := strconv.FormatUint(attoPerMicro+rest, 10)[1:]
	return pythonic(money.USD(micros).String() + tail)
}

// bill is what one run costs and how the answer shows it.
type bill struct {
	Input, Output, Agents, Total money.USD
	exact                        [4]atto
}

// priceOf is the formula of the pricing page: tokens at the card's rates
// times the multiplier, and the agents' fee at full price.
func priceOf(c *tariff.Card, in, out, agents int64, m money.Ratio) bill {
	var b bill
	b.exact[0] = attoOf(in, c.InputPerMillion, m)
	b.exact[1] = attoOf(out, c.OutputPerMillion, m)
	b.exact[2] = attoOf(agents, c.PerAgent*money.Dollar, money.One)
	b.exact[3] = b.exact[0].plus(b.exact[1]).plus(b.exact[2])
	b.Input, b.Output, b.Agents = b.exact[0].micro(), b.exact[1].micro(), b.exact[2].micro()
	b.Total = b.exact[3].micro()
	return b
}

// Ways to print an amount.
const (
	NumbersSixPlaces = "six_places"    // 0.02775, as round(x, 6) prints
	NumbersFloats    = "python_floats" // 0.027750000000000003: the same amount with a float's noise
	NumbersUnrounded = "unrounded"     // all places of the exact amount
)

// literal prints one amount; noise picks the noise.
func literal(rounded money.USD, exact atto, style string, noise uint64) json.Number {
	switch style {
	case NumbersUnrounded:
		return json.Number(exact.text())
	case NumbersFloats:
		hi, lo := bits.Mul64(uint64(rounded), attoPerMicro)
		if off := noise%7 + 1; noise&8 == 0 || (hi == 0 && lo == 0) {
			return json.Number(atto{hi, lo}.plus(atto{0, off}).text())
		} else {
			low, borrow := bits.Sub64(lo, off, 0)
			return json.Number(atto{hi - borrow, low}.text())
		}
	}
	return json.Number(pythonic(rounded.String()))
}

// pythonic writes a plain decimal as Python writes a float: no trailing
// zeros, at least one place, and an exponent below 0.0001.
func pythonic(s string) string {
	s = strings.TrimRight(s, "0")
	if strings.HasSuffix(s, ".") {
		return s + "0"
	}
	digits, ok := strings.CutPrefix(s, "0.0000")
	if !ok {
		return s
	}
	lead := strings.TrimLeft(digits, "0")
	exp := strconv.Itoa(5 + len(digits) - len(lead))
	if len(exp) < 2 {
		exp = "0" + exp
	}
	if len(lead) > 1 {
		lead = lead[:1] + "." + lead[1:]
	}
	return lead + "e-" + exp
}

// cheap is the server's own rule, hour >= 20 or hour < 6 by the wall clock of
// the zone (night-mode guide), for any hours and weekdays of the night, and any
// number of intervals.
func cheap(w *tariff.Window, zone *time.Location, t time.Time) bool {
	t = t.In(zone)
	hour, minute, second := t.Clock()
	at := tariff.Clock(hour*3600 + minute*60 + second)
	if len(w.Intervals) == 0 {
		return w.Always || inside(w.Open, w.Close, w.Weekdays, at, t.Weekday())
	}
	for _, i := range w.Intervals {
		days := i.Weekdays
		if len(days) == 0 {
			days = w.Weekdays
		}
		if inside(i.Open, i.Close, days, at, t.Weekday()) {
			return true
		}
	}
	return false
}

func inside(open, shut tariff.Clock, days []time.Weekday, at tariff.Clock, day time.Weekday) bool {
	switch {
	case open < shut:
		if at < open || at >= shut {
			return false
		}
	case at < shut:
		day = (day + 6) % 7 // the night began yesterday
	case at < open:
		return false
	}
	return len(days) == 0 || slices.Contains(days, day)
}
