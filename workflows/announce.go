package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
)

// Announce tells people what there is to tell. The books decide what of it is
// news (RaiseAlerts); each telling to each sink is then an activity of its own,
// so that a sink that is down holds up no other. Any workflow starts it, as a
// detached child, by announce.
//
// It ends when every telling was taken, dropped for newer news or given up
// after a day; of those given up the first one's fault is its end.
func Announce(ctx workflow.Context, in batch.Announcement) (batch.Announced, error) {
	out := batch.Announced{Alerts: len(in.Alerts)}
	raised, err := RaiseAlerts.Do(ctx, batch.RaiseRequest{By: workflow.GetInfo(ctx).WorkflowExecution.RunID, Alerts: in.Alerts})
	if err != nil {
		return out, cause(err)
	}
	out.Told = len(raised.Tellings)
	var (
		pick   = workflow.NewSelector(ctx)
		failed error
	)
	for _, t := range raised.Tellings {
		future := DeliverAlert.Start(ctx, t)
		pick.AddFuture(future.Future, func(workflow.Future) {
			d, err := future.Get(ctx)
			switch {
			case err != nil:
				out.Failed++
				if failed == nil {
					failed = cause(err)
				}
			case d.State == batch.DeliveryDropped:
				out.Dropped++
			default:
				out.Sent++
			}
			show(ctx, announced(in, out))
		})
	}
	show(ctx, announced(in, out))
	for range raised.Tellings {
		pick.Select(ctx)
	}
	return out, failed
}

// announced is the announcement in Markdown, for the Temporal UI.
func announced(in batch.Announcement, out batch.Announced) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%d of %d told**", out.Sent+out.Dropped, out.Told)
	if out.Failed > 0 {
		fmt.Fprintf(&b, ", %d given up", out.Failed)
	}
	b.WriteString("\n\n")
	for i, a := range in.Alerts {
		if i == many {
			fmt.Fprintf(&b, "- and %d more\n", len(in.Alerts)-many)
			break
		}
		if a.Over {
			fmt.Fprintf(&b, "- %s: over, if it was open\n", a.Key)
			continue
		}
		fmt.Fprintf(&b, "- **%s** %s: %s\n", a.Severity, a.Key, a.Title)
	}
	return b.String()
}

// announce has alerts told by a workflow of its own, which outlives the caller
// and holds up nothing: once per run of a workflow. Without any, nothing is
// started. That it can't be started is logged and never fails what the caller
// does; its error is for a caller who wants to say so.
func announce(ctx workflow.Context, alerts []batch.Alert) error {
	if len(alerts) == 0 {
		return nil
	}
	if ctx.Err() != nil { // also a cancelled run has news
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	info := workflow.GetInfo(ctx).WorkflowExecution
	err := Tell.Detach(ctx, batch.Announcement{Alerts: alerts}, batch.AnnounceID(info.ID, info.RunID))
	if err != nil {
		workflow.GetLogger(ctx).Error("alerts can't be told", "alerts", len(alerts), "first", alerts[0].Title, "error", err)
	}
	return err
}

// Tell is Announce as a child workflow.
var Tell = Child[batch.Announcement, batch.Announced]{AnnounceName, func(in batch.Announcement) workflow.ChildWorkflowOptions {
	o := workflow.ChildWorkflowOptions{TaskQueue: TaskQueue, StaticSummary: "Nothing to tell"}
	if n := len(in.Alerts); n > 0 {
		o.StaticSummary = clipped(in.Alerts[0].Key, 150)
		if n > 1 {
			o.StaticSummary += fmt.Sprintf(" and %d more", n-1)
		}
	}
	return o
}}

// RaiseAlerts enters alerts into the books, which say what is to be told.
var RaiseAlerts = Call[batch.RaiseRequest, batch.Raised]{RaiseAlertsName, func(in batch.RaiseRequest) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             fmt.Sprintf("What of %d alerts is news", len(in.Alerts)),
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         patient(),
	}
}}

// DeliverAlert tells one sink, with one request. When it is given up the hands
// decide, by how long ago it was due: there is no end here, so that workers
// that were down for two days still try once.
var DeliverAlert = Call[batch.Telling, batch.Delivered]{DeliverAlertName, func(in batch.Telling) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           TaskQueue,
		Summary:             clipped(string(in.Occasion)+" to "+in.Place+": "+in.Title, 150),
		StartToCloseTimeout: time.Minute, // a request may take 30 s
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			// 2, 4, 8 s ... 10 min: some 150 attempts in the day that a sink has to
			// come back. A sink's own Retry-After goes before.
			InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Minute,
			NonRetryableErrorTypes: final(),
		},
	}
}}

// clipped cuts a text for a summary, of which Temporal takes 200 characters.
func clipped(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
