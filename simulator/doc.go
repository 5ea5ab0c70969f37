// Package simulator is the Swarms API as a faithful http.Handler: the same
// paths, bodies, headers, limits and bills, with books, a clock and faults of
// its own. offpeak is demonstrated, tested and benchmarked against it, and
// nobody pays for it.
//
// It is a witness. It prices every run by its own arithmetic and its own
// reading of the wall clock, and books every arrival before it answers, so
// that what offpeak believes can be compared with what happened. Hence it
// never imports the ledger, and uses of tariff only the data.
//
// A request goes this way:
//
//	auth 401/403 -> premium endpoint 403 -> credits 402     the auth layer
//	-> limiter 429 -> schema 422 -> content 400, model 403
//	-> faults before work -> the work takes its time -> price at its end
//	-> charge, book, log, count -> faults after work -> answer
//
// What the public sources leave open, or say differently at different dates,
// is a switch (see [Switches]); the default follows the newest statement.
//
// [New] makes one, [Server.Serve] runs it on a listener until its context
// ends, and cmd/simulator puts it behind flags. Tests give it to
// httptest.NewServer and ask [Server.Books].
package simulator
