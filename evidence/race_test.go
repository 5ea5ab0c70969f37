//go:build race

package evidence_test

// stride is which bytes TestEveryByte changes under the race detector, which
// makes them ten times as dear and has nothing to find there: a verification is
// one goroutine.
const stride = 13
