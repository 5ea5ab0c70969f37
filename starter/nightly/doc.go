// Package nightly starts, follows and reads nights from Go: the door for other
// services, and the one that the command line goes through. It needs Temporal
// and nothing else: no database, no API key.
//
//	c, err := nightly.Dial(ctx, client.Options{})
//	night, err := c.Start(ctx, nightly.Request{Manifest: manifest})
//	result, err := night.Watch(ctx, 5*time.Second, func(v nightly.View) { ... })
//
// Every error is a *batch.Fault. A night that failed its audit gives its result
// and the fault, both.
package nightly
