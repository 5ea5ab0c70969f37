// Package stage is what the simulators of metered APIs have in common: the
// books, faults on cue, switches, the admin endpoint, a listener that stops.
// An API is a [Play]: its routes, its way to authenticate and to limit, its
// error envelope. Packages swiftia, allswap and glyphmill are such plays; the
// Swarms API, which came first and does more, has its own house in package
// simulator.
//
// A request goes this way:
//
//	route 404/405 -> Play.Enter: auth, limits -> body 413
//	-> faults before work -> the route's work -> faults after work -> answer
//
// Every arrival is booked before it is answered, with the instant at which the
// limiter saw it; what was bought is booked when it is bought, and marked as
// lost when its answer didn't go out whole. What the public sources leave open
// is a [Switch].
package stage
