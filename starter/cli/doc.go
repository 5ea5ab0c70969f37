// Package cli is the command line. starter/main.go calls Run; tests call it too,
// with streams and an environment of their own. docs/cli.md is generated from
// the commands; what their help says beside their own text is in manual.go.
//
// Results go to standard output, progress and errors to standard error. With
// --json standard output gets exactly one object. Every exit code is one of
// batch's.
package cli
