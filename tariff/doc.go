// Package tariff answers two questions: what does this cost if it ends then,
// and when is it cheap? A rate card is the first answer's data, a price window
// the second's. All of it is pure: the instant is an argument, the zone
// database is embedded in the binary (time/tzdata), and the same question
// always gets the same answer.
package tariff
