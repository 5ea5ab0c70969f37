//go:build !race

package evidence_test

// stride is which bytes TestEveryByte changes: each.
const stride = 1
