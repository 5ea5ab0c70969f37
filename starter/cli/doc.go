// Package cli is the command line: validate, estimate, run, start, status,
// report, jobs, ledger, demo. starter/main.go calls Run; tests call it too, with
// streams and an environment of their own.
//
// Results go to standard output, progress and errors to standard error. With
// --json standard output gets exactly one object. Every exit code is one of
// batch's.
package cli
