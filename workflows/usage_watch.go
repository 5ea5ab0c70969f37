package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// UsageWatch judges what was spent on the last calendar day that is over, and
// on every day since the last watch. A schedule starts it every morning, with
// {} or nothing; {"day": "2026-11-21"} looks at a day that has been. Yesterday
// is meant from when the schedule was due.
//
// It ends well whatever it finds: what there is to tell is told by Announce.
func UsageWatch(ctx workflow.Context, in batch.WatchInput) (batch.UsageWatch, error) {
	out, err := WatchUsage.Do(ctx, batch.WatchRequest{Day: in.Day, Asked: due(ctx), RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID})
	if err != nil {
		return out, cause(err)
	}
	show(ctx, watched(out))
	_ = announce(ctx, out.Alerts) // logged there; the result holds them
	workflow.GetLogger(ctx).Info("usage watched", "day", out.Day, "alerts", len(out.Alerts), "differences", len(out.Differences))
	return out, nil
}

// watched is a watch in Markdown, for the Temporal UI.
func watched(w batch.UsageWatch) string {
	var b strings.Builder
	for _, a := range w.Accounts {
		if n := len(a.Days); n > 0 {
			d := a.Days[n-1]
			fmt.Fprintf(&b, "**%s** key %s: %s, %s", d.Day, a.Account, d.Total.Dollars(), d.State)
			if d.Mean != nil {
				fmt.Fprintf(&b, "; %s a day in the week before", d.Mean.Dollars())
			}
			if d.Foreign.Runs > 0 {
				fmt.Fprintf(&b, "; %s of it not from these books", d.Foreign.Dollars.Dollars())
			}
			b.WriteString("\n\n")
		}
	}
	if w.Log != "" {
		fmt.Fprintf(&b, "The provider's log couldn't be read: %s\n\n", w.Log)
	}
	for _, a := range w.Alerts {
		if !a.Over {
			fmt.Fprintf(&b, "- **%s** %s\n", a.Severity, a.Title)
		}
	}
	for _, d := range w.Differences {
		fmt.Fprintf(&b, "- %s %s: %s says %s, %s %s\n", d.Day, d.Zone, d.First.Source, d.First.Dollars.Dollars(), d.Second.Source, d.Second.Dollars.Dollars())
	}
	return b.String()
}

// WatchUsage reads ledger, log, usage report and credits, and judges the days.
var WatchUsage = Call[batch.WatchRequest, batch.UsageWatch]{WatchUsageName, func(in batch.WatchRequest) workflow.ActivityOptions {
	day := in.Day
	if day == "" {
		day = batch.Yesterday
	}
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             "What was spent up to " + clipped(day, 40),
		StartToCloseTimeout: 30 * time.Minute, // three readings of a log of a gigabyte
		HeartbeatTimeout:    30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			// Tomorrow's watch judges today's day, too: after some hours there is no
			// point in going on.
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute, MaximumAttempts: 60,
			NonRetryableErrorTypes: final(),
		},
	}
}}
