// Package batch holds the nouns of the house: a manifest, a job, a batch and
// its id, the plan of a night, an outcome, and the vocabulary of faults. It
// imports the standard library, money and tariff, and outlives the engine that
// runs it. Reading a manifest strictly is batch/manifest's work.
package batch
