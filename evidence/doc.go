// Package evidence is the file that proves one batch to somebody who has
// neither our books nor our word: what was asked for, what was sent, what came
// back, what it cost, and how it was judged. starter evidence writes one from
// the books, starter evidence verify reads it, without settings or network.
//
// # A bundle
//
// is an uncompressed tar, so that any machine can look into it. Its entries, in
// this order, each there or named in manifest.json as absent:
//
//	manifest.json        what the bundle is: the batch, its terms and sums, each entry's length and SHA-256
//	README.txt           how to check it by hand
//	jobs.jsonl           each job and how it ended
//	pins.jsonl           each request's SHA-256 as it is sent, and what pins its answer: models, temperatures, loops
//	requests.jsonl       the requests themselves, when they were asked for
//	receipts.jsonl       each HTTP request that was made
//	charges.jsonl        each charge in the form that is hashed, and the chain between them
//	provider-log.jsonl   the provider's own rows of these jobs, keys taken out
//	audit.json           the verdict, with the comparison of the books
//	report.json          the morning report, as it was archived
//	answers.jsonl        the answers, when they were asked for
//	signer.pem           the public key of who signed, when somebody did
//	SHA256SUMS           of everything above, for sha256sum -c
//	SHA256SUMS.sig       the Ed25519 signature of SHA256SUMS
//
// The same books make the same bytes: there is no clock in it, rows have the
// order of the manifest, and JSON has one form.
//
// # What covers what
//
// Every byte is one that the verifier would have written itself. Headers and
// padding of the tar are compared with their only form. Contents are hashed,
// twice on record (manifest.json and SHA256SUMS), so that of two that disagree
// it can be said which was changed; manifest.json holds a hash of itself for
// the same reason. JSON is decoded strictly, written again, and compared.
//
// Verify then asks whether what is in it is true of itself: the rules are in
// judge.go and what lies beside it.
package evidence
