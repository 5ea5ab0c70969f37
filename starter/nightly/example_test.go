package nightly_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// Another service hands a batch over, follows it and acts on how it ended.
func Example() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt})
	if err != nil {
		fmt.Println(err) // kind OutOfReach: Temporal isn't there
		return
	}
	defer c.Close()

	night, err := c.Start(ctx, nightly.Request{Manifest: open("example")})
	if err != nil {
		fmt.Println(err) // kind BadInput: the manifest, with line and column
		return
	}
	result, err := night.Watch(ctx, time.Second, func(v nightly.View) {
		_ = v.Progress.Jobs.Succeeded // for a page, a metric, a log line
	})
	var fault *batch.Fault
	switch {
	case errors.As(err, &fault) && result.Batch != "":
		fmt.Println("the audit failed:", fault.Kind, result.Audit.Findings)
	case err != nil:
		fmt.Println("refused before anything was sent:", err)
	default:
		fmt.Println("paid", result.Money.Billed.Dollars(), "and saved", result.Money.Saved.Dollars())
	}
	// Output: paid $1.20 and saved $0.80
}

// Coming back to a night later, by its batch id.
func ExampleClient_Report() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	_, err = c.Report(ctx, "never-asked-for/2026-11-22")
	fmt.Println(batch.KindOf(err), batch.KindOf(err).ExitCode())
	// Output: NotFound 2
}

// The morning after: what the provider's log couldn't tell at night, it may
// tell by now. Nothing is sent.
func ExampleClient_Reconcile() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	again, err := c.Reconcile(ctx, "market-digest/2026-01-02")
	if err != nil {
		fmt.Println(err) // kind OutOfReach: Temporal isn't there
		return
	}
	result, err := again.Wait(ctx)
	var fault *batch.Fault
	switch {
	case errors.As(err, &fault) && result.Batch != "":
		fmt.Println("the audit still fails:", fault.Kind, result.Audit.Findings)
	case err != nil:
		fmt.Println("not compared:", err) // kind NightClaimed: the night still runs
	default:
		fmt.Println("passed;", result.Reconciled.Found, "unknown job found in the provider's log")
	}
	// Output: passed; 1 unknown job found in the provider's log
}

// Every morning, for all batches of the night that is over; a schedule of
// Temporal does the same with the workflow ReconcileNight.
func ExampleClient_ReconcileNight() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	morning, err := c.ReconcileNight(ctx, "yesterday")
	if err != nil {
		fmt.Println(err)
		return
	}
	books, err := morning.Wait(ctx)
	if err != nil {
		fmt.Println(err) // the gravest kind, naming every batch that didn't pass
	}
	fmt.Println(len(books.Batches), "batches judged,", len(books.Failed), "failed")
	// Output: 0 batches judged, 0 failed
}
