// Package wire is how a paid request leaves: over HTTP/1.1, once, without a
// redirect or a retry, with a record of whether a byte of it reached the
// socket, and with the keys taken out of all that comes back. Every provider's
// client (provider/swarms, provider/dialect) is built on it.
package wire
