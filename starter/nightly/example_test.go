package nightly_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/workflows"
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

// Starting needs a moment of a caller's time, and the same request as often as
// one likes: a cron job that is run twice, two services with the same idea.
func ExampleClient_Start() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	tonight := nightly.Request{Manifest: shut("example-start")} // its window opens in some hours
	first, err := c.Start(ctx, tonight)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := c.Start(ctx, tonight)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("waits for the cheap hours:", first.Start.At.After(time.Now()))
	fmt.Println("one night:", first.Batch == again.Batch && first.RunID == again.RunID, "was running:", again.Running)
	// Output:
	// waits for the cheap hours: true
	// one night: true was running: true
}

// A night that is under way takes orders from whoever says who he is.
func ExampleClient_Pause() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	night, err := c.Start(ctx, nightly.Request{Manifest: shut("example-steer")})
	if err != nil {
		fmt.Println(err)
		return
	}
	paused := false
	result, err := night.Watch(ctx, 50*time.Millisecond, func(v nightly.View) {
		if paused || v.Progress.State != workflows.StateWaiting {
			return // while it is being planned it takes no orders
		}
		p, err := c.Pause(ctx, night.Batch, "ada", "the answers look wrong")
		paused = err == nil
		fmt.Println("paused", p.Paused, err)
		if _, err := c.Cancel(ctx, night.Batch, "ada", "wrong file"); err != nil {
			fmt.Println(err)
		}
	})
	fmt.Println(result.Jobs.Cancelled, "job cancelled, exit code", result.ExitCode(), err)
	// Output:
	// paused by ada: the answers look wrong <nil>
	// 1 job cancelled, exit code 3 <nil>
}

// Answers are in the ledger and the archive: a client that is handed books
// writes them. In a service, books are opened by books.Open(ctx, os.Environ())
// of starter/books.
func ExampleClient_Results() {
	c := nightly.New(nil, "").WithBooks(shelf{}) // results need no Temporal
	if err := c.Results(context.Background(), "market-digest/2026-11-22", os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output: {"job":"EU Market Digest","state":"succeeded","billed":"0.019250","output":"Three rounds ..."}
}

// shelf is somebody's own books.
type shelf struct{}

func (shelf) WriteResults(_ context.Context, _ batch.ID, w io.Writer) error {
	_, err := fmt.Fprintln(w, `{"job":"EU Market Digest","state":"succeeded","billed":"0.019250","output":"Three rounds ..."}`)
	return err
}

// Every night but those of the weekend, at 21:00 Pacific whatever the clocks do.
func ExampleClient_CreateSchedule() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt, Namespace: lonely})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	s, err := c.CreateSchedule(ctx, nightly.ScheduleRequest{
		Night: nightly.Request{Ref: "file:///srv/nights/digest.yaml", Name: "digest"}, // read anew each night
		Days:  []time.Weekday{time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday},
	})
	if errors.Is(err, nightly.ErrScheduleExists) {
		s, err = c.Schedule(ctx, "digest")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.ID, "starts at", s.At, s.Zone, s.Days, "up to", s.CatchUp, "late")
	for _, at := range s.Next[:1] {
		fmt.Println(at.Format("15:04:05"), at.Location())
	}
	// Output:
	// digest starts at 21:00 America/Los_Angeles [sun mon tue wed thu] up to 6h0m0s late
	// 21:00:00 America/Los_Angeles
}

// What is wrong with a request is said at once, at its fields, before anything
// is made.
func ExampleProblems() {
	ctx := context.Background()
	c, err := nightly.Dial(ctx, client.Options{HostPort: temporalAt})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_, err = c.CreateSchedule(ctx, nightly.ScheduleRequest{
		Night: nightly.Request{Ref: "file:///srv/nights/digest.yaml", Name: "digest"}, At: "25:00", CatchUp: time.Second,
	})
	var problems nightly.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Println(p.Field + ": " + p.Message)
		}
	}
	fmt.Println(batch.KindOf(err))
	// Output:
	// at: is no time of day: write it as 21:00 or 21:00:30, from 00:00 to 23:59:59
	// catch_up: too short: Temporal takes 10s or more
	// BadInput
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
