// Package server is what stands around the operations of the HTTP API: who may
// come in, how much and how fast, over what kind of connection, and how it ends.
// starter serve makes one; starter/httpapi has the operations.
//
// A request passes, in this order: the access log and the net for panics
// (log.go); security headers, the Host check of a server without keys, CORS
// (guard.go); /healthz and /readyz (ready.go); the key and its rate (auth.go);
// the number of requests at once (bounds.go); the body's size and pace
// (body.go). What is refused on the way is a problem as any other
// (starter/httpapi/problem). Nothing that matters is kept in memory: several
// servers behind a balancer are one.
package server
