// Package offpeak is the map of the house; it holds no code.
//
// offpeak runs batches of paid API jobs in the provider's cheap hours, durably,
// on Temporal. A folder is one of six things:
//
//   - nouns: batch, money, tariff
//   - outside parties: provider (its wire, its dialects), ledger (and its stores),
//     archive, lake (the provider's log, kept), notify (who is told), codec (what
//     Temporal sees of a payload); simulator plays the providers, with books of
//     its own
//   - pure judgements: gate (may this job leave now?), audit (did the discount
//     land?), watch (is yesterday's spend usual?), advice (what would cost less?),
//     report (the morning, for people and machines), evidence (a file that proves
//     a batch, and its verifier)
//   - the story: workflows, deterministic
//   - the hands: activities, each attempt does one outside thing
//   - doors: worker (go run ./worker) and starter (go run ./starter)
//
// imports_test.go says who may import whom, and why. Begin with
// workflows/nightly.go: it reads like the night it runs.
package offpeak
