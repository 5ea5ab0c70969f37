// Package swiftia is the Swiftia API, which makes shorts of videos, as a
// faithful http.Handler with books, a clock and faults of its own; package
// stage says how a request goes.
//
// A key belongs to an organisation, and the organisation may send one request
// in 2 s, whichever of its keys and routes (app.swiftia.io/docs, Rate
// Limiting). Session authentication isn't limited. A job is submitted, then
// asked for until it is COMPLETED or FAILED; or it calls a webhook. There is
// no idempotency key: who submits twice pays twice.
//
// Guessed, because no public page tells: what a webhook is sent (here the body
// of GET /api/jobs/{id}, once, unsigned), the list of jobs, the name of the
// session cookie, what costBreakDown has in it, that an unfinished job costs 0,
// what a failed one costs, which of the plans has which price (here in the
// order in which they are named), and that a minute is billed by the second.
package swiftia
