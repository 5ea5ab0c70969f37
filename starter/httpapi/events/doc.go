// Package events tells clients over HTTP how nights go, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). A Hub looks
// at a night once for all who follow it, and only while somebody does.
// starter/httpapi registers the operation, starter serve makes the Hub.
//
// Three events, each with an id:
//
//	progress   how the night stands, in the shape of the status operation; when something changed
//	state      {"batch", "from", "to"}: it went on from one state to another; its progress follows
//	end        the night is over: as progress, with the result; nothing follows
//
// A client begins with a progress, or the end, of now. One that comes back with
// the Last-Event-ID of the last event it saw gets what it missed: none twice,
// none left out, while the last 256 are kept. An id that is too old, or another
// server's, gets a progress of now. The id of an end is answered with 204, which
// stops an EventSource from coming back; it says by itself that it is an end, so
// that every server behind a balancer knows it.
package events
