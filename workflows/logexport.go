package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// LogExport takes the provider's log into the lake: every morning by a
// schedule, or when a person starts it, with {} or with days. What is in the
// lake already isn't taken again, so that it may be started at any time. When
// it can't be done within half a day, somebody is told; the next one that can
// makes up for it.
func LogExport(ctx workflow.Context, in batch.LogExportInput) (batch.LogExport, error) {
	out, err := ExportLog.Do(ctx, in)
	if err != nil {
		fault := faultOf(err)
		if fault == nil {
			return out, err // cancelled: who did that knows
		}
		if fault.Op == "run the night" { // it has no words of its own
			fault.Op = "export the log"
		}
		if bySchedule(ctx) || fault.Kind != batch.BadInput { // a person who mistypes a day knows, too
			_ = announce(ctx, []batch.Alert{batch.ExportFailed(fault, workflow.Now(ctx))}) // logged there
		}
		show(ctx, "**failed**: "+fault.Error())
		return out, cause(err)
	}
	show(ctx, "**"+out.String()+"**: "+out.URL)
	_ = announce(ctx, []batch.Alert{batch.ExportWorks(out.At)})
	return out, nil
}

// ExportLog does it in one activity, whose attempts go on with each other's
// work. An hour is a gigabyte on a slow line.
var ExportLog = Call[batch.LogExportInput, batch.LogExport]{ExportLogName, func(in batch.LogExportInput) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		Summary:                clipped("The provider's log into the lake"+in.String(), 150),
		StartToCloseTimeout:    4 * time.Hour,
		ScheduleToCloseTimeout: 12 * time.Hour, // of trying: half a day before the next one is due
		HeartbeatTimeout:       time.Minute,
		WaitForCancellation:    true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Minute,
			NonRetryableErrorTypes: final(),
		},
	}
}}
