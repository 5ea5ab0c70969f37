// Package glyphmill is an API that doesn't exist, as a faithful http.Handler
// with books, a clock and faults of its own; package stage says how a request
// goes. It reads scanned pages, bills them in cents, and resembles none of the
// real APIs on purpose: a dialect of offpeak's that was written for it shows
// what a dialect can say.
//
// What its documentation would tell:
//
//   - The key goes into the header Glyphmill-Key.
//   - POST /2/readings with {"reference", "language", "document": {"url", "pages"}}
//     is answered 202 with Location; the reading is asked for there until its
//     state is finished or broken, and its text is at its links.text.
//   - A reference is the client's own name for a reading, of 1 to 80 of
//     A-Z a-z 0-9 . _ ~ -, and is taken once: the same again is 409
//     reference-taken with a link to the reading. GET /2/readings?reference=R
//     finds it, from the moment at which it was accepted.
//   - A page costs 3 cents, half of it in the cheap hours: 22:00 to 05:00, and
//     12:00 to 13:30 on Saturdays and Sundays, in UTC. The price is that of the
//     instant of acceptance, rounded up to the cent, and is taken from a prepaid
//     balance then; a reading that breaks is paid back.
//   - An account may send 60 requests in any minute, and 1,000 POSTs in a day
//     that begins at 00:00 UTC: Glyphmill-Day-Limit, -Left and -Resets (ISO 8601)
//     are on every answer to a known key. Refusals carry Retry-After as an HTTP
//     date, and retry_at in the body.
//   - Errors are application/problem+json (RFC 9457), told apart by type.
package glyphmill
