// Package ledger keeps every cent promised, spent, returned or in doubt, and
// the identity of every job. The activities write it, the gate judges what it
// shows them, and the audit, the report and every status read it.
//
// The rules are here, written once; ledger/sqlite and ledger/postgres hold SQL
// and nothing else, and sit the same exam (ledger/ledgertest).
//
// # A job's states
//
//	planned --> reserved --> sending --> succeeded
//	               ^            |------> rejected   (refused for good; its reservation is returned)
//	               |            |------> reserved   (429, or provably not sent; its reservation stands)
//	               |            '------> unknown --- found in the log ---> succeeded
//	               '----- proven absent ----' '----- can't tell: stays, and is named by the audit
//	planned, reserved --> parked (next night) | skipped (no budget) | cancelled
//
// Admit goes through reserved to sending in one transaction, which is on the
// disk before the first byte leaves. So a job that is found sending by someone
// who didn't send it has met a crash, and is unknown (Crashed). Nothing is sent
// from unknown.
//
// # Money
//
// A ceiling is set aside while a job is reserved, sending or unknown, and
// replaced by the charge when it succeeds. Held + charged never passes the
// batch's cap: judge and writing share a transaction, and all writers take
// turns. Charges form a chain, each with the hash of the one before (Canonical);
// running sums are kept beside, and Verify adds everything up again.
//
// # Reading on
//
// records.go has the nouns, claim.go and plan.go the evening, admit.go and
// closing.go the night, unknown.go what a crash or a timeout leaves, key.go and
// quota.go what all batches of one API key share, chain.go and verify.go the
// proof. work.go and commit.go are how many callers share one transaction, and
// store.go is what a database has to know.
package ledger
