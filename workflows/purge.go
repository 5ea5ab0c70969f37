package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// Purge deletes what is older than the worker's settings let it be kept
// (OFFPEAK_KEEP_PROMPTS and its neighbours): a schedule starts it every day
// with {}. With {"dry_run": true} nothing is deleted and all is said; with a
// batch its texts go now, whatever their age. The books stay whole: money,
// states, digests and times are never deleted, and each deletion has its note.
//
// It is one activity, whose attempts go on where the one before ended. When it
// can't be done somebody is told, and the next one makes up for it.
func Purge(ctx workflow.Context, in batch.PurgeInput) (batch.Purged, error) {
	out, err := PurgeOld.Do(ctx, batch.PurgeRequest{PurgeInput: in, Asked: due(ctx)})
	daily := !in.DryRun && in.Batch == "" // else a person waits for the answer
	if err != nil {
		fault := purgeFault(err)
		show(ctx, "**failed**: "+fault.Error())
		if daily && ctx.Err() == nil {
			_ = announce(ctx, []batch.Alert{batch.PurgeFailed(fault, workflow.Now(ctx))}) // it logs why it couldn't
		}
		return out, cause(err)
	}
	show(ctx, purgeShown(out))
	if daily {
		_ = announce(ctx, []batch.Alert{batch.PurgeWorks(out.At)})
	}
	return out, nil
}

// PurgeOld deletes. What it has deleted is noted in the books, so that an
// attempt that dies costs the time of what it was at.
var PurgeOld = Call[batch.PurgeRequest, batch.Purged]{PurgeOldName, func(in batch.PurgeRequest) workflow.ActivityOptions {
	summary := "Delete what is no longer to be kept"
	if in.Batch != "" {
		summary = "Delete the texts of " + string(in.Batch)
	}
	if in.DryRun {
		summary = strings.Replace(summary, "Delete", "What it would be to delete", 1)
	}
	return workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		Summary:                clipped(summary, 150),
		StartToCloseTimeout:    4 * time.Hour,  // the first purge of years of nights
		ScheduleToCloseTimeout: 12 * time.Hour, // of trying: half a day before the next one is due
		HeartbeatTimeout:       30 * time.Second,
		WaitForCancellation:    true,
		RetryPolicy:            purgeRetries(in),
	}
}}

// purgeRetries: where somebody waits at a prompt, 1 + 2 + 4 s, and then what is
// wrong is said; else 5, 10, 20 s ... 10 min for half a day.
func purgeRetries(in batch.PurgeRequest) *temporal.RetryPolicy {
	if in.DryRun || in.Batch != "" {
		return &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 4, NonRetryableErrorTypes: final()}
	}
	return &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Minute, NonRetryableErrorTypes: final()}
}

// purgeFault is the fault with which it ended; of a timeout what its last
// attempt said.
func purgeFault(err error) *batch.Fault {
	f := &batch.Fault{Kind: batch.OutOfReach, Op: "purge", Detail: err.Error()}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		var told batch.Fault
		if app.HasDetails() && app.Details(&told) == nil && told.Kind != "" {
			return &told
		}
		f.Kind, f.Detail = batch.Kind(app.Type()), app.Message()
	}
	return f
}

// purgeShown is the result in Markdown, for the Temporal UI.
func purgeShown(p batch.Purged) string {
	var b strings.Builder
	if p.DryRun {
		b.WriteString("**Nothing was deleted**: a dry run\n\n")
	} else {
		b.WriteString("**Deleted**\n\n")
	}
	for _, s := range p.Sums {
		fmt.Fprintf(&b, "- %s: %d of %d batches, %d bytes\n", s.What, s.Items, s.Batches, s.Bytes)
	}
	if len(p.Sums) == 0 {
		b.WriteString("- nothing is older than it may be\n")
	}
	for i, h := range p.Held {
		if i == many {
			fmt.Fprintf(&b, "- and %d more that are held\n", len(p.Held)-many)
			break
		}
		fmt.Fprintf(&b, "- %s is kept: %s\n", h.Batch, h.Why)
	}
	return b.String()
}
