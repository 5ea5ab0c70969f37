package batch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offpeak/offpeak/money"
)

// NightEnd is how a night, or a later judgement of it, ended.
type NightEnd struct {
	Subject string // what it is called where its batch isn't known: its schedule, or its workflow
	Batch   ID     // "" when it ended before it was planned
	Result  Result // its judgement; the zero Result when there is none
	Fault   *Fault // why there is none
	Alone   bool   // nobody waits for it: a schedule, cron or the night before started it
	Again   bool   // a later judgement
	At      time.Time
}

// NightAlerts is what people are to be told of a night's end: what is wrong,
// and of everything else that it isn't any more. An end of what never was wrong
// tells nobody.
func NightAlerts(e NightEnd) []Alert {
	if e.Batch == "" {
		e.Batch = e.Result.Batch
	}
	about := string(e.Batch)
	if about == "" {
		about = e.Subject
	}
	n := &nightEnd{e, about, nil}
	switch {
	case e.Result.Elsewhere != "":
		return nil // that one says how it went
	case e.Result.Batch != "":
		n.judged()
	case e.Fault != nil:
		n.refused()
	}
	for i := range n.alerts {
		n.alerts[i].At, n.alerts[i].Batch = e.At, e.Batch
	}
	return n.alerts
}

type nightEnd struct {
	NightEnd

	about  string
	alerts []Alert
}

func (n *nightEnd) key(k AlertKind) string { return string(k) + "/" + n.about }

func (n *nightEnd) add(a Alert) {
	if a.Key == "" {
		a.Key = n.key(a.Kind)
	}
	a.Title = n.about + ": " + a.Title
	n.alerts = append(n.alerts, a)
}

// over ends an incident, if there is one.
func (n *nightEnd) over(k AlertKind, title string) {
	n.add(Alert{Kind: k, Severity: Info, Title: title, Over: true})
}

// judged is a night that has a report.
func (n *nightEnd) judged() {
	r := n.Result
	n.left()
	if !n.Again && n.Subject != "" && n.Subject != n.about {
		for _, k := range []AlertKind{AlertNightFailed, AlertCap, AlertCredits} { // as a refusal before its batch was known names them
			n.alerts = append(n.alerts, Alert{Key: string(k) + "/" + n.Subject, Kind: k, Severity: Info, Over: true, Title: n.Subject + ": the night ran"})
		}
	}
	n.over(AlertCredits, "the night ran")
	if r.Jobs.Skipped > 0 {
		n.add(Alert{
			Kind: AlertCap, Severity: Warning, Title: fmt.Sprintf("%s weren't sent: a cap was reached", jobs(r.Jobs.Skipped)),
			Lines: notEmpty(r.Budget, paid(r)), Remedy: "raise the cap and run the batch again: what was skipped is sent, nothing is bought twice",
		})
	} else {
		n.over(AlertCap, "no job was kept back by a cap")
	}
	n.unknown()
	n.audit()
	n.alerts = append(n.alerts, n.report())
}

// left is a night whose parked jobs nobody sends.
func (n *nightEnd) left() {
	c := n.Result.Carried
	if c == nil || c.WorkflowID != "" || c.Not == NotCancelled || n.Again {
		if !n.Again { // a later judgement sends nothing, and starts nothing
			n.over(AlertNightFailed, "the night ran")
		}
		return
	}
	a := Alert{
		Kind: AlertNightFailed, Severity: Warning, Title: fmt.Sprintf("%s weren't sent, and nothing sends them by itself", jobs(c.Jobs)),
		Lines: notEmpty(c.Not, paid(n.Result)), Remedy: "mend what kept them, then run the batch again: only they are sent",
	}
	if strings.HasPrefix(c.Not, NotStopped) {
		a.Severity = Critical
	}
	n.add(a)
}

func (n *nightEnd) unknown() {
	u := n.Result.Jobs.Unknown
	if u == 0 {
		n.over(AlertUnknown, "no outcome is unknown")
		return
	}
	a := Alert{
		Kind: AlertUnknown, Severity: Warning, Title: jobs(u) + " may have run and may be billed: nobody knows yet",
		Remedy: "starter reconcile " + string(n.Batch) + " when the provider's log answers; they are never sent again unverified",
	}
	for _, f := range n.Result.Audit.Findings {
		if f.Rule == OutcomesUnknown {
			a.Dollars = f.Dollars
			a.Lines = append(a.Lines, finding(f)...)
		}
	}
	if a.Dollars > 0 {
		a.Title = fmt.Sprintf("%s may have run and may be billed, up to %s: nobody knows yet", jobs(u), a.Dollars.Dollars())
	}
	n.add(a)
}

// audit tells what the audit holds against a night. What is unknown has an
// incident of its own.
func (n *nightEnd) audit() {
	var (
		a     = Alert{Kind: AlertAudit, Severity: Warning}
		rules []string
		sum   money.USD
	)
	for _, f := range n.Result.Audit.Findings {
		if f.Rule == OutcomesUnknown {
			continue
		}
		if f.Rule == DiscountMissed || f.Rule == BooksDisagree {
			a.Severity = Critical // the next night may lose money as well
		}
		if !slices.Contains(rules, string(f.Rule)) {
			rules = append(rules, string(f.Rule))
		}
		sum += f.Dollars
		a.Lines = append(a.Lines, finding(f)...)
		if a.Remedy == "" {
			a.Remedy = f.Remedy
		}
	}
	if len(rules) == 0 {
		n.over(AlertAudit, "the audit passes")
		return
	}
	a.Title = "the audit failed: " + strings.Join(rules, ", ")
	if sum > 0 {
		a.Dollars = sum
		a.Title += ", " + sum.Dollars()
	}
	a.Lines = append(a.Lines, notEmpty(paid(n.Result), written(n.Result))...)
	n.add(a)
}

// report is how a night went, for those who want to hear that every morning.
func (n *nightEnd) report() Alert {
	r := n.Result
	night := string(r.Span.Night)
	if night == "" {
		night = string(r.Night)
	}
	a := Alert{
		Key: string(AlertReport) + "/" + string(r.Batch) + "/" + night, Kind: AlertReport, Severity: Info, Dollars: r.Money.Saved,
		Title: fmt.Sprintf("%s: %s of %s succeeded for %s, saved %s", r.Batch, Grouped(int64(r.Jobs.Succeeded)), jobs(r.Jobs.Total), r.Money.Billed.Dollars(), r.Money.Saved.Dollars()),
		Lines: notEmpty(fmt.Sprintf("discount: landed on %d charges, missed on %d", r.Discount.Landed, r.Discount.Missed), counted(r.Jobs), written(r)),
	}
	if !r.Audit.Passed {
		a.Title += "; the audit failed"
	}
	return a
}

// refused is a night that didn't run, or couldn't be judged.
func (n *nightEnd) refused() {
	f := n.Fault
	a := Alert{Kind: AlertNightFailed, Severity: Warning, Remedy: f.Hint}
	if n.Alone || f.Kind == KeyRefused || f.Kind == CreditsTooLow || f.Kind == OutOfReach || f.Kind == Internal {
		a.Severity = Critical
	}
	why, rest, _ := strings.Cut(f.Detail, "\n")
	if why == "" {
		why = f.Op + " " + f.Thing
	}
	for l := range strings.Lines(rest) {
		a.Lines = append(a.Lines, strings.TrimSpace(l))
	}
	what := "the night doesn't run"
	switch {
	case f.Kind == NightClaimed || f.Kind == Cancelling || n.Again && f.Kind == NotFound:
		return // another run has it, or a person wanted it so
	case n.Again:
		a.Kind, a.Severity, what = AlertAudit, Warning, "it couldn't be judged again"
	case f.Kind == CreditsTooLow:
		a.Kind, what = AlertCredits, "the night doesn't run: credits are too low"
	case f.Kind == OverBudget:
		a.Kind = AlertCap
	}
	a.Title = fmt.Sprintf("%s (%s): %s", what, f.Kind, why)
	n.add(a)
}

// finding is one of the audit's in a few lines.
func finding(f Finding) []string {
	head := fmt.Sprintf("%s: %s", f.Rule, jobs(f.Count))
	if f.Dollars > 0 {
		head += ", " + f.Dollars.Dollars()
	}
	if f.Cause != "" {
		head += ": " + f.Cause
	}
	lines := []string{head}
	if len(f.Jobs) > 0 {
		names := strings.Join(f.Jobs[:min(len(f.Jobs), 5)], ", ")
		if more := f.Count - min(len(f.Jobs), 5); more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, names)
	}
	return lines
}

func paid(r Result) string {
	return fmt.Sprintf("%s of %s succeeded, paid %s", Grouped(int64(r.Jobs.Succeeded)), jobs(r.Jobs.Total), r.Money.Billed.Dollars())
}

func written(r Result) string {
	if r.Report == "" {
		return ""
	}
	return "report: " + r.Report + ".txt"
}

// counted names what didn't succeed; "" when all did.
func counted(c Counts) string {
	var parts []string
	for _, p := range []struct {
		n    int
		name string
	}{{c.Rejected, "rejected"}, {c.Unknown, "unknown"}, {c.Parked, "parked"}, {c.Skipped, "skipped"}, {c.Cancelled, "cancelled"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.name))
		}
	}
	return strings.Join(parts, ", ")
}

func jobs(n int) string {
	if n == 1 {
		return "1 job"
	}
	return Grouped(int64(n)) + " jobs"
}

func notEmpty(lines ...string) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return l == "" })
}
