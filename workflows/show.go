package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

var (
	attrBatch = temporal.NewSearchAttributeKeyKeyword(AttrBatch)
	attrNight = temporal.NewSearchAttributeKeyKeyword(AttrNight)
	attrState = temporal.NewSearchAttributeKeyKeyword(AttrState)
)

// enter moves the night into a state and shows it where people look: in the
// query, in the Temporal UI's details and in the search attributes. The
// attributes are upserted only here, a handful of times a night.
func (n *night) enter(ctx workflow.Context, state string) {
	n.progress.State = state
	workflow.SetCurrentDetails(ctx, n.details())
	if !n.planned || !n.terms.Attributes {
		return
	}
	err := workflow.UpsertTypedSearchAttributes(ctx,
		attrBatch.ValueSet(string(n.terms.Batch)),
		attrNight.ValueSet(string(n.terms.Batch.Night())),
		attrState.ValueSet(n.shown()))
	if err != nil {
		n.log.Warn("search attributes not set", "error", err)
	}
}

// shown is the state as it can be searched for: a pause shows, whatever it
// holds up.
func (n *night) shown() string {
	if n.progress.Paused.On() && (n.progress.State == StateWaiting || n.progress.State == StateSending) {
		return StatePaused
	}
	return n.progress.State
}

// details is the night in Markdown, for the Temporal UI.
func (n *night) details() string {
	p := n.progress
	if w := n.terms.Elsewhere; w != "" {
		return fmt.Sprintf("**%s**: runs already, as %s\n\n- the schedule had nothing to do\n", n.terms.Batch, w)
	}
	if !n.planned {
		return "**" + p.State + "**"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s\n\n", p.Batch, p.State)
	if n.shown() == StatePaused {
		fmt.Fprintf(&b, "- **paused** since %s %s\n", p.Paused.At.UTC().Format("15:04 UTC"), p.Paused)
	}
	if n.cancelled {
		fmt.Fprintf(&b, "- **%s**\n", n.stop)
	}
	switch {
	case p.Waiting.IsZero():
	case p.State == StateReconciling:
		fmt.Fprintf(&b, "- the provider's log may take until %s (%s) to show every run\n", p.Waiting.In(n.span.Opens.Location()).Format("15:04:05"), p.Waiting.UTC().Format("15:04:05 UTC"))
	default:
		fmt.Fprintf(&b, "- starts %s (%s)\n", p.Waiting.Format("Mon 15:04"), p.Waiting.UTC().Format("15:04 UTC"))
	}
	fmt.Fprintf(&b, "- window %s to %s %s, last job ends by %s\n",
		clock(n.span.Opens), clock(n.span.Closes), n.terms.Window.Zone, clock(n.span.Deadline))
	fmt.Fprintf(&b, "- %d jobs, %d to send: estimate %s, by day %s, at most %s\n",
		n.terms.Jobs, n.terms.Pending, n.terms.Estimate.Dollars(), n.terms.DayPrice.Dollars(), n.terms.Ceiling.Dollars())
	if n.terms.Budget.Batch > 0 {
		fmt.Fprintf(&b, "- cap %s\n", n.terms.Budget.Batch.Dollars())
	}
	if p.State == StateDone || p.State == StateFailed {
		fmt.Fprintf(&b, "- %d succeeded, %d rejected, %d unknown, %d parked, %d skipped, %d cancelled; paid %s\n",
			p.Jobs.Succeeded, p.Jobs.Rejected, p.Jobs.Unknown, p.Jobs.Parked, p.Jobs.Skipped, p.Jobs.Cancelled, p.Billed.Dollars())
	}
	for _, w := range n.terms.Warnings {
		fmt.Fprintf(&b, "- note: %s\n", w)
	}
	return b.String()
}

// clock is an instant's time of day in the window's zone: a span keeps its
// offset through JSON, though not the zone's name.
func clock(t time.Time) string { return t.Format("15:04") }
