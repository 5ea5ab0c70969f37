// Package manifest reads what a user hands over: strictly, once, and saying
// everything that is wrong with it at once, each with its line and column.
//
// YAML and JSON become one small tree (node.go), which one walker judges
// (read.go, job.go, swarmsjob.go): the two forms can't drift apart. Numbers
// are kept as they were written, from the file to the provider; none passes
// through a float.
//
// The doors call JSON to turn a file into the one JSON value that a workflow
// takes, and Read or Problems to tell people what to correct. The planning
// activity calls Ref and Read on that value, Stream on the file that jobs_from
// names, and a Digester over both.
//
// A provider's request passes through: fields that are known are checked for
// their type, fields that aren't known are neither checked nor changed. All
// other objects are closed, and an unknown field in them is an error.
package manifest
