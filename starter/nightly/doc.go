// Package nightly starts, follows, steers and reads nights from Go: the door for
// other services, and the one that the command line and the HTTP API go through.
// It needs Temporal and nothing else: no database, no API key, no globals.
//
// # Starting and following
//
// A [Client] is made by [Dial], or by [New] of a connection that a service has
// already. [Client.Start] hands a manifest over and returns as soon as Temporal
// has it; the night then runs without the caller. It is asked for as often as
// one likes: a batch has one night a date, and who asks again is attached to it.
//
//	c, err := nightly.Dial(ctx, client.Options{})
//	night, err := c.Start(ctx, nightly.Request{Manifest: manifest})
//	result, err := night.Watch(ctx, 5*time.Second, func(v nightly.View) { ... })
//
// Asked for by day, a night waits for the cheap hours; [Night.Start] says when it
// begins. [Night.Wait] waits for its end, [Night.Watch] shows how it stands
// meanwhile. Days later, or in another process, a batch id is all that is needed:
// [Client.Status], [Client.Watch], [Client.Wait], [Client.Report].
//
// # Results
//
// Dollars, counts and findings are in the [batch.Result]. The answers themselves
// are in the ledger and the archive and not in Temporal: [Client.WithBooks] hands
// those to a client, [Client.Results] writes them as JSON Lines.
//
// # Steering
//
// [Client.Pause], [Client.Resume], [Client.Cancel] and [Client.RaiseBudget] need
// a worker that polls, and a name of who orders it. When one returns without an
// error, every worker keeps it.
//
// # By the clock
//
// [Client.CreateSchedule] has Temporal start a night every night, or the
// comparison of last night's books every morning, by the calendar of the
// window's own zone. [Client.Schedules] lists those there are, whoever made them.
// [Client.Reconcile] and [Client.ReconcileNight] compare books at once.
//
// # Errors
//
// Every error is a [*batch.Fault]: errors.As finds it, [batch.KindOf] says its
// kind, [batch.Kind.ExitCode] translates it. A night that failed its audit gives
// its result and the fault, both: what was bought was bought. One that was refused
// before anything was sent gives a fault alone. When the caller's context ends
// first, the kind is Cancelling, and the night goes on.
package nightly
