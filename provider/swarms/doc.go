// Package swarms speaks the Swarms API (https://api.swarms.world): it sends
// paid runs, reads credits, prices, limits and the log, and says of every
// request what came of it. The activities call it; nothing else does.
//
// One method is one HTTP request and leaves one [provider.Receipt], also when
// it fails. Nothing is retried here, and net/http is kept from retrying as
// well, because a POST that is repeated is a run that is paid for twice. For
// the same reason no Idempotency-Key header is sent: the API doesn't know it,
// and net/http takes it as permission to re-send.
//
// Every error is a [batch.Fault] that says whether money may have moved:
//
//	what came back                          kind                     money moved
//	2xx, unreadable or cut short            OutcomeUnknown           yes, amount unknown
//	429, or a 5xx that wraps it             RateLimited              no
//	402                                     CreditsTooLow            no
//	5xx whose detail starts with "402:"     CreditsTooLow            maybe
//	401, 403                                KeyRefused               no
//	other 4xx, or a 5xx that wraps one      RejectedByAPI            no
//	408, 499, 303                           OutcomeUnknown           maybe
//	other 3xx                               RejectedByAPI            no
//	other 5xx                               OutcomeUnknown           maybe
//	written, no answer                      OutcomeUnknown           maybe
//	not written: dial, DNS, TLS             NotSent                  no
//	not written: cancelled by the caller    Cancelling               no
//
// A read (credits, log, limits) moves no money: where a paid run would be of
// unknown outcome, a read is merely OutOfReach.
package swarms
