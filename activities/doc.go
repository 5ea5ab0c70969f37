// Package activities is the hands of the house: what the story in workflows
// only names, these do. worker/host registers the methods of Hands under
// the story's durable names; nobody else calls them.
//
// PlanNight reads the manifest, prices every job, claims the night and writes
// jobs and request ids into the ledger. CheckCredits is the preflight.
// PendingJobs lists what is left of a stretch. SubmitSwarm sends one job, or
// settles the doubt about it; SubmitBatch sends some in one request of the batch
// endpoint; SubmitLane sends many, one by one. Reconcile compares the books with the provider's. AuditDiscount judges the
// night and fails it.
//
// An attempt of an activity may be the second one, may come early, and may
// follow one that died at any line. So each reads from the ledger where things
// stand before it does anything, and the ledger decides. Faults become
// Temporal errors in fault.go and nowhere else.
package activities
