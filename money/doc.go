// Package money is exact dollars. Nothing near a bill is a float: a charge is
// an integer count of micro-dollars, which is the six decimal places that the
// provider rounds to (fact sheet swarms.md, 8.2), and the provider's own
// literal is kept as text beside it.
//
// Everyone who touches a cent imports this package; it imports nobody.
package money
