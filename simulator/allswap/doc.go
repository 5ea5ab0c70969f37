// Package allswap is the Allswap API, which swaps tokens across chains, as a
// faithful http.Handler with books, a clock and faults of its own; package
// stage says how a request goes.
//
// A swap takes two requests: a quote, good for 30 s, and the swap of that
// quote, which answers with a one-time address to deposit to. A quote can be
// swapped once: a second try is quote_consumed, also when the answer to the
// first was lost. Each key has two limits, requests per minute and quotes per
// month; X-RateLimit-* stand on every answer to a known key, and every error
// has the same envelope with a requestId (allswap.io/docs/errors).
//
// The bucket of requests is a sliding minute, the strictest that fits the
// documentation: who gets along with it gets along with a fixed minute and
// with a bucket that refills.
//
// Guessed, because no public page tells: the wrapper of the tokens, swapId,
// how the address is called, the code of a spent month, what an unknown quote
// or path answers, which of two errors a quote gets that is both used and past
// its time, the look at a swap (GET /v1/swap/{id}, off by default) and its state
// once nobody has deposited in time. Tokens, prices, bounds and fee are made up.
package allswap
