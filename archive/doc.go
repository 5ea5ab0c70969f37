// Package archive keeps what is too large or too private for the books:
// answers, and the reports of the mornings. What was written once is never
// changed: an answer was paid for, and a report was read by somebody.
//
// The activities write; the doors read. It is a thin layer over
// gocloud.dev/blob, on a folder (file:///...) or on a bucket of any store that
// speaks S3 and can refuse to write a key twice (s3://...), with keys that are
// the same in every store:
//
//	market-digest/2026-11-22/answers/4b0f...-....json
//	market-digest/2026-11-22/answers/pack-3KD....txt
//	market-digest/2026-11-22/report.txt
//	market-digest/2026-11-22/results.jsonl
//
// What is no longer to be kept is deleted as a whole (Remove), after the books
// have noted it; nothing is ever deleted by itself.
//
// Contents and credentials are never logged and never part of an error.
package archive
