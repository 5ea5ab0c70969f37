// Package workflows is the story of a night: deterministic, and readable
// without knowing any store. NightlyBatch plans, checks the credits, waits for
// the window, fans out to NightlyShard children whose every job is one
// SubmitSwarm activity, or goes with others in a SubmitBatch, compares the books
// with the provider's once its log has caught up, and ends with the audit.
// ReconcileBatch and ReconcileNight do these last two steps again, later.
//
// It knows the hands only by name and type (calls.go); worker/host binds a
// name to a function. What the story decides from the clock and the zone
// database is recorded in its history, so that neither a new zone database nor
// a new binary changes the past.
package workflows
