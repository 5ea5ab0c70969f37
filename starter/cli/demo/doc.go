// Package demo plays a whole night on one machine in about a minute: a real
// Temporal server, a simulator in the provider's place, a worker and a user.
// The command `starter demo` calls Run.
//
// It plays everybody, which is why it may import everything: the worker's host
// for the hands, the simulator for the provider. At the end it holds the two
// sides' books against each other, which is the product's promise in one line.
package demo
