// Package dialect reads the declaration of a metered HTTP API and speaks it.
//
// A declaration is one strict YAML document: how the API authenticates, what
// its limits are and who shares them, how it says them in headers, what its
// errors look like, what to do about each, and the steps that a job is made
// of. Parse reads it and says all that is wrong at once. A Client is a
// declaration with its secrets: Do makes the one HTTP request of one step and
// leaves one receipt, like every client of a provider here. It never retries,
// never waits and knows no books.
//
// Swiftia and Allswap are built in (builtin/*.yaml); docs/adding-a-provider.md
// goes through a third.
package dialect
