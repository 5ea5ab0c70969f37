// Package audit judges a night when it is over: ledger against rate card, and
// the ledger against itself. It proves in dollars that the discount landed,
// that each paid run belongs to exactly one job, and that all sums agree; a
// night that proves nothing doesn't pass. The activity that ends a night feeds
// a [Judge] with every job and charge and raises [Fault] when it doesn't pass.
//
// It is pure, reads a night as a stream (100,000 charges fit in some tens of
// megabytes) and gives the same verdict for any order of the stream.
package audit
