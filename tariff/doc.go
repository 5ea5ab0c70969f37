// Package tariff answers two questions: what does this cost if it ends then,
// and when is it cheap? A [Card] of rates is the first answer's data, a price
// [Window] the second's.
//
// Planning asks [Window.Decide] when a night begins and [Card.Day] and
// [Card.AtNight] what it costs; the gate keeps every send inside the [Span]
// that was decided; the audit asks [Window.Cheap] and the card again in the
// morning.
//
// All of it is pure: the instant is an argument and nothing is contacted. The
// one thing read from outside is the time zone database. A copy is linked into
// the binary (time/tzdata), so that no zone is ever missing; where the machine
// has a database of its own, Go reads that one first. A night that was decided
// is therefore kept as a Span of instants and never worked out a second time.
package tariff
