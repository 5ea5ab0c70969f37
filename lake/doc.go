// Package lake keeps the provider's log: every row that GET /v1/swarm/logs ever
// showed, redacted, a day and a key apart, in a store that writes a key once
// (archive: a folder, or any bucket that speaks S3).
//
//	logs/key=4b0f7c9e5b1a/day=2026-11-21/part-0001.jsonl.gz    the rows: the truth
//	logs/key=4b0f7c9e5b1a/day=2026-11-21/part-0001.parquet     the same, for warehouses
//	manifests/key=4b0f7c9e5b1a/00000042.json                   makes a part count
//
// A day is a calendar day in Los Angeles, by the row's created_at; rows without
// a readable one are of the day "unknown". The provider's log has no pages,
// brings everything every time in any order, comes late and may lose rows. So
// an export takes what isn't kept yet: the rows of a day become its first part,
// what comes late its second, and a day without news costs one comparison of
// hashes.
//
// A part is written in three steps, each whole or not at all: the JSONL, the
// Parquet, which is made of nothing but that JSONL, and the manifest. A part
// without a manifest doesn't count; the next export finds it, makes it complete
// from what is there, and goes on. The manifests of a key are a chain: each has
// a number, the hash of the one before it, and the hashes of its files. The
// number is the key under which it is written once, so that of two exporters
// one is refused and looks again. Nothing is ever written over.
//
// The activities export, starter/books lists, proves and reads.
package lake
