// Package archive keeps what is too large or too private for the books:
// answers, and the reports of the mornings. What was written once is never
// changed: an answer was paid for, and a report was read by somebody.
//
// The activities write; the doors read. It is a thin layer over
// gocloud.dev/blob, today on a folder (file:///...), with keys that are the
// same in every store:
//
//	market-digest/2026-11-22/answers/4b0f...-....json
//	market-digest/2026-11-22/report.txt
//
// Contents are never logged and never part of an error.
package archive
