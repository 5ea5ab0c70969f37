// Package ledger keeps every cent promised, spent, returned or in doubt, and
// the identity of every job. The rules are here, written once; ledger/sqlite
// and ledger/postgres hold SQL and nothing else, and sit the same exam
// (ledger/ledgertest).
package ledger
