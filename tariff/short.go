package tariff

import (
	"math"
	"math/bits"

	"github.com/offpeak/offpeak/money"
)

// trillion is how many parts of a micro-dollar the sums of a short price are
// counted in: tokens times micro-dollars per million times a ratio's
// millionths come out whole.
const trillion = 1_000_000 * int64(money.One)

// short is Price in machine words, as exact and rounded in the same places.
// False: the amounts are below zero, or above the two dollars that fit;
// then fractions of any size are worth what they cost, which is hundreds of
// times as much. A night prices each run several times.
func (c Card) short(u Usage, m money.Ratio) (Price, bool) {
	in, ok1 := product(u.InputTokens, int64(c.InputPerMillion), int64(m))
	out, ok2 := product(u.OutputTokens, int64(c.OutputPerMillion), int64(m))
	agents, ok3 := product(u.Agents, int64(c.PerAgent), trillion)
	if !ok1 || !ok2 || !ok3 {
		return Price{}, false
	}
	return Price{Input: nearest(in), Output: nearest(out), Agents: nearest(agents), Total: nearest(in + out + agents)}, true
}

// product is count x a x b, with a count below zero taken for zero. False: a
// factor is below zero, or the product isn't small enough to add three.
func product(count, a, b int64) (uint64, bool) {
	if a < 0 || b < 0 {
		return 0, false
	}
	n := uint64(max(count, 0))
	for _, f := range []int64{a, b} {
		over, low := bits.Mul64(n, uint64(f))
		if over > 0 || low > math.MaxInt64/4 {
			return 0, false
		}
		n = low
	}
	return n, true
}

// nearest rounds to whole micro-dollars, half to even.
func nearest(parts uint64) money.USD {
	q, rest := parts/uint64(trillion), parts%uint64(trillion)
	if twice := 2 * rest; twice > uint64(trillion) || twice == uint64(trillion) && q%2 == 1 {
		q++
	}
	return money.USD(q)
}
