package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

var (
	attrBatch = temporal.NewSearchAttributeKeyKeyword(AttrBatch)
	attrNight = temporal.NewSearchAttributeKeyKeyword(AttrNight)
	attrState = temporal.NewSearchAttributeKeyKeyword(AttrState)
)

// enter moves the night into a state and shows it where people look: in the
// queries, in the Temporal UI's details and in the search attributes. The
// attributes are upserted only here, a handful of times a night.
func (n *night) enter(ctx workflow.Context, state string) {
	n.progress.State = state
	n.show(ctx)
	if !n.planned || !n.terms.Attributes {
		return
	}
	err := attributes(ctx, n.terms.Batch, n.shown())
	if err != nil {
		n.log.Warn("search attributes not set", "error", err)
	}
}

// attributes say which batch a run is about, and how it stands, to whoever
// searches.
func attributes(ctx workflow.Context, id batch.ID, state string) error {
	return workflow.UpsertTypedSearchAttributes(ctx,
		attrBatch.ValueSet(string(id)), attrNight.ValueSet(string(id.Night())), attrState.ValueSet(state))
}

// show hands the details to the Temporal UI. A worker answers for them: they
// write no history.
func (n *night) show(ctx workflow.Context) { show(ctx, n.details()) }

// show hands Markdown to the Temporal UI, which takes what stands between two
// dollar signs for a formula, and cuts off the last line where lines wrap.
func show(ctx workflow.Context, markdown string) {
	workflow.SetCurrentDetails(ctx, strings.ReplaceAll(markdown, "$", `\$`)+"\n\u00a0\n")
}

// shown is the state as it can be searched for: a pause shows, whatever it
// holds up.
func (n *night) shown() string {
	if n.progress.Paused.On() && (n.progress.State == StateWaiting || n.progress.State == StateSending) {
		return StatePaused
	}
	return n.progress.State
}

// details is the night in Markdown, for the Temporal UI and the query summary.
func (n *night) details() string {
	p := n.progress
	var b strings.Builder
	if !n.planned {
		fmt.Fprintf(&b, "**%s**\n\n", p.State)
		tellFault(&b, n.fault, n.result.Audit.Findings)
		return b.String()
	}
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
	looked := n.tellLook(&b)
	fmt.Fprintf(&b, "- window %s %s, last job ends by %s\n", open(n.span), n.terms.Window.Zone, clock(n.span.Deadline))
	fmt.Fprintf(&b, "- %d jobs, %d to send: estimate %s, by day %s, at most %s\n",
		n.terms.Jobs, n.terms.Pending, n.terms.Estimate.Dollars(), n.terms.DayPrice.Dollars(), n.terms.Ceiling.Dollars())
	if n.terms.Budget.Batch > 0 && !looked {
		fmt.Fprintf(&b, "- cap %s\n", n.terms.Budget.Batch.Dollars())
	}
	if p.State == StateDone || p.State == StateFailed {
		fmt.Fprintf(&b, "- %s; paid %s, by day %s\n", outcomes(p.Jobs), p.Billed.Dollars(), p.DayPrice.Dollars())
	}
	if n.result.Report != "" {
		fmt.Fprintf(&b, "- report %s.txt\n", n.result.Report)
	}
	for _, w := range n.terms.Warnings {
		fmt.Fprintf(&b, "- note: %s\n", w)
	}
	tellFault(&b, n.fault, n.result.Audit.Findings)
	return b.String()
}

// tellLook is how far the night is while it sends, if somebody has looked.
func (n *night) tellLook(b *strings.Builder) bool {
	l := n.look
	if n.progress.State != StateSending || l.At.IsZero() {
		return false
	}
	at := l.At.In(n.span.Opens.Location())
	j := l.Jobs
	over := j.Succeeded + j.Rejected + j.Parked + j.Skipped + j.Cancelled
	fmt.Fprintf(b, "- at %s: **%d of %d jobs are over**, %d in flight, %d unknown", at.Format("15:04:05"), over, n.terms.Jobs, l.Sending, j.Unknown)
	if rest := n.span.Deadline.Sub(l.At); rest > 0 {
		fmt.Fprintf(b, "; %s left until the last one has to end", rest.Round(time.Second))
	}
	b.WriteString("\n")
	if over > 0 {
		fmt.Fprintf(b, "- %s\n", outcomes(j))
	}
	fmt.Fprintf(b, "- **paid %s** so far, by day %s; %s more is set aside", l.Billed.Dollars(), l.DayPrice.Dollars(), l.Held.Dollars())
	if most := n.terms.Budget.Batch; most > 0 {
		fmt.Fprintf(b, ", of %s in all", most.Dollars())
	}
	b.WriteString("\n")
	if w := l.Wait; w.Reason != "" {
		fmt.Fprintf(b, "- the gate waits for **%s**, until %s at the latest: %s\n", w.Reason, w.Until.In(at.Location()).Format("15:04:05"), w.Detail)
	}
	return true
}

// tellFault is why a workflow failed, and what to do: each mistake of a
// manifest, each finding of the audit.
func tellFault(b *strings.Builder, fault error, findings []batch.Finding) {
	if fault == nil {
		return
	}
	var (
		app *temporal.ApplicationError
		f   batch.Fault
	)
	if !errors.As(fault, &app) || !app.HasDetails() || app.Details(&f) != nil || f.Kind == "" {
		fmt.Fprintf(b, "\n%s\n", cause(fault))
		return
	}
	if len(findings) > 0 {
		for _, v := range findings {
			fmt.Fprintf(b, "\n**%s**: %s, %s. %s\n\n*%s*\n\n", v.Rule, jobs(v.Count), v.Dollars.Dollars(), v.Cause, v.Remedy)
			for _, name := range v.Jobs[:min(len(v.Jobs), fewJobs)] {
				fmt.Fprintf(b, "- %s\n", name)
			}
			if more := v.Count - fewJobs; more > 0 && len(v.Jobs) > 0 {
				fmt.Fprintf(b, "- and %d more\n", more)
			}
		}
		return
	}
	fmt.Fprintf(b, "\n**%s**\n\n", f.Kind)
	for line := range strings.Lines(f.Detail) {
		fmt.Fprintf(b, "- %s\n", strings.TrimSpace(line))
	}
	if f.Hint != "" {
		fmt.Fprintf(b, "\n*%s*\n", f.Hint)
	}
}

// fewJobs is how many jobs of a finding are named: the report names all.
const fewJobs = 5

// outcomes counts jobs by how they ended; what there is none of is left out.
func outcomes(c batch.Counts) string {
	var all []string
	for _, s := range []struct {
		n    int
		word string
	}{
		{c.Succeeded, "succeeded"},
		{c.Rejected, "rejected"},
		{c.Unknown, "unknown"},
		{c.Parked, "parked"},
		{c.Skipped, "skipped"},
		{c.Cancelled, "cancelled"},
	} {
		if s.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", s.n, s.word))
		}
	}
	if len(all) == 0 {
		return "none is over"
	}
	return strings.Join(all, ", ")
}

func jobs(n int) string {
	if n == 1 {
		return "1 job"
	}
	return fmt.Sprintf("%d jobs", n)
}

// open is when the window is: "20:00 to 06:00", "00:00 to 06:00 and 12:00 to 14:00".
func open(s tariff.Span) string {
	var all []string
	for _, p := range s.Parts() {
		all = append(all, clock(p.Opens)+" to "+clock(p.Closes))
	}
	return strings.Join(all, " and ")
}

// clock is an instant's time of day in the window's zone: a span keeps its
// offset through JSON, though not the zone's name.
func clock(t time.Time) string { return t.Format("15:04") }
