// Package gate is the one judgement that every send passes: may this job
// leave now, and if not, when? The ledger calls Decide inside the transaction
// that also writes its verdict, so what was read can't change before it is
// acted on; people see the verdict's Reason and Detail.
//
// Decide is pure. It asks its rules in one fixed order, from what ends a job's
// night to what delays it by milliseconds, and the first rule that speaks
// against the send decides:
//
//	stopped    the batch was stopped                          cancel
//	key        the key was refused (401, 403)                 cancel
//	budget     a cap has no room                              skip, or wait for a settlement
//	window     not open yet; or could not end in time         wait; park
//	credits    the account is out of credits (402)            wait
//	retry      the job's own backoff                          wait
//	floor      Retry-After, and a paced release behind it     wait
//	pilot      one request goes ahead until the key is proven wait
//	quota      a rate-limit window is full                    wait
//	slow-down  the last tenth of a window is spread           wait
//
// Before a job is asked about, the worker finds it a place among its requests
// in flight, of which Flow says how many there may be:
//
//	strain     the provider errs or slows down                wait
//
// Windows are kept by the ledger's own count. Who shares the key shows in the
// provider's count, of which the worker tells their part (Foreign): the window
// then has room for what they leave. Where that isn't known, after a restart,
// the provider's count holds beside ours until it is too old.
//
// A wait that would end too late for the run to finish by the deadline is no
// wait: the job is parked at once, with the reason of the wait.
package gate
