package swarms

import (
	"math"
	"math/bits"
)

// Saturating arithmetic for non-negative counts: a ceiling that overflowed
// would be a small number, and let everything through.

func satAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func satMul(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}

// triangle is 0 + 1 + ... + (n-1).
func triangle(n int64) int64 {
	if n <= 1 {
		return 0
	}
	if n%2 == 0 {
		return satMul(n/2, n-1)
	}
	return satMul(n, (n-1)/2)
}
