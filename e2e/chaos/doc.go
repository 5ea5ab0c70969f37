// Package chaos is nights that go wrong on purpose: [Draw] makes one from a
// seed, [Plan.Story] tells it, and [Judge] compares all books after it. The
// tests of e2e live through them with real processes; nothing here does
// anything. The same seed is always the same plan, and what each event meets
// depends on the machine: a seed that failed once is tried again a few times.
package chaos
