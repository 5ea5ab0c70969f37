// Package money is exact dollars. Nothing near a bill is a float: a charge is
// an integer count of micro-dollars, which is the six decimal places that the
// provider rounds to (Swarms API server, calculate_swarm_cost in api/api.py,
// 2025-05-28), and the provider's own literal is kept as text beside it.
//
// Everyone who touches a cent imports this package; it imports nobody.
package money
