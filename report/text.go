package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// What the text shows of long lists; JSON has all of them.
const (
	textNames = 8  // names in one finding
	textLeft  = 12 // reasons why jobs are left over
	textName  = 40 // columns of one name
)

// Text writes the report for a terminal of 80 columns, without colours: first
// the verdict in one line, then money, jobs, findings with what to do, how the
// books stand against the provider's, leaks and what is left over.
func Text(w io.Writer, m Morning) error {
	p := &page{}
	p.wrap("", "    ", Headline(m))
	p.night(m)
	p.money(m)
	p.findings(m)
	p.books(m.Reconciled)
	p.leaks(m)
	p.leftovers(m)
	p.list("WARNINGS", m.Warnings)
	p.list("ADVICE", m.Advice)
	_, err := io.WriteString(w, p.String())
	return err
}

// Headline is the night in one line: "market-digest/2026-11-22: PASSED, paid
// $0.20, saved $0.10 (32.7 %)".
func Headline(m Morning) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, paid %s", plain(string(m.Batch)), Verdict(m), m.Money.Billed.Dollars())
	if !m.Discount.None {
		b.WriteString(", saved " + m.Money.Saved.Dollars())
	}
	if m.Shares.OfDayPrice != "" && !m.Discount.None {
		fmt.Fprintf(&b, " (%s %%)", m.Shares.OfDayPrice)
	}
	if n := len(m.Left); n > 0 {
		fmt.Fprintf(&b, ", %s left over", count(n, "job"))
	}
	return b.String()
}

// Verdict is the audit in one word.
func Verdict(m Morning) string {
	if m.Audit.Passed {
		return "PASSED"
	}
	return "FAILED"
}

func (p *page) night(m Morning) {
	h := m.Window
	p.line("")
	p.wrap("  night     ", "            ", fmt.Sprintf("%s to %s (%s)", day(h.Opens), day(h.Closes), h.Open()))
	w := m.Work
	if !w.Began.IsZero() && !w.Ended.IsZero() {
		p.line("  work      %s to %s", second(w.Began), second(w.Ended))
	}
	done := []string{count(m.Jobs.Total, "job"), count(w.Requests, "request")}
	if w.PerMinute != "" {
		done = append(done, w.PerMinute+" jobs a minute")
	}
	if w.Limited > 0 {
		done = append(done, grouped(w.Limited)+" met a rate limit")
	}
	p.wrap("  sent      ", "            ", strings.Join(done, ", "))
	if m.Budget != "" {
		p.wrap("  budget    ", "            ", m.Budget)
	}
	if m.Stop != "" {
		p.wrap("  stopped   ", "            ", m.Stop)
	}
	if m.Report != "" {
		p.line("  report    %s", plain(m.Report)) // never cut: it is there to be copied
	}
}

func (p *page) money(m Morning) {
	p.head("MONEY")
	const bar = 40
	rows := []struct {
		what   string
		amount money.USD
		note   string
	}{
		{"by day", m.Money.DayPrice, meter(bar, bar)},
		{"paid", m.Money.Billed, meter(parts(m.Money.Billed, m.Money.DayPrice, bar), bar)},
		{"saved", m.Money.Saved, of(m.Shares.OfDayPrice, "of the day price")},
		{"possible", m.Shares.Possible, of(m.Shares.Realised, "of it was saved")},
		{"at risk", m.Money.Ceiling, "the most that could have been spent"},
	}
	if m.Discount.None {
		rows = append(rows[1:2:2], rows[4])
		rows[0].note = ""
	} else if m.Money.DayPrice <= 0 {
		rows[0].note, rows[1].note = "", ""
	}
	amounts := make([]money.USD, len(rows))
	for i, r := range rows {
		amounts[i] = r.amount
	}
	for i, a := range aligned(amounts) {
		p.line("%s", strings.TrimRight(fmt.Sprintf("  %-9s %s  %s", rows[i].what, a, rows[i].note), " "))
	}
	p.head("JOBS")
	p.wrap("  ", "  ", tally(m.Jobs))
	if m.Discount.None {
		p.wrap("  ", "  ", "no discount to judge: this provider has no prices by day and by night")
		return
	}
	p.wrap("  ", "  ", fmt.Sprintf("discount landed on %s, missed on %s", count(m.Discount.Landed, "charge"), grouped(m.Discount.Missed)))
}

func (p *page) findings(m Morning) {
	if len(m.Audit.Findings) == 0 {
		return
	}
	p.head("FINDINGS")
	for i, f := range m.Audit.Findings {
		title := string(f.Rule)
		if f.Count > 0 {
			title += ": " + count(f.Count, "job")
		}
		if f.Dollars != 0 {
			title += ", " + f.Dollars.Dollars()
		}
		p.wrap(fmt.Sprintf("  %d. ", i+1), "     ", title)
		p.wrap("     cause   ", "             ", f.Cause)
		p.wrap("     do      ", "             ", f.Remedy)
		if len(f.Jobs) > 0 {
			p.wrap("     jobs    ", "             ", names(f.Jobs, f.Count))
		}
	}
}

// names lists the first of n jobs, quoted so that one can't look like two.
func names(jobs []string, n int) string {
	shown := jobs[:min(len(jobs), textNames)]
	quoted := make([]string, len(shown))
	for i, name := range shown {
		quoted[i] = `"` + clip(plain(name), textName) + `"`
	}
	s := strings.Join(quoted, ", ")
	if more := n - len(shown); more > 0 {
		s += fmt.Sprintf(" and %s more", grouped(more))
	}
	return s
}

func (p *page) leaks(m Morning) {
	if len(m.Leaks) == 0 {
		return
	}
	p.head("WHERE SAVING WENT")
	amounts := make([]money.USD, len(m.Leaks))
	for i, l := range m.Leaks {
		amounts[i] = l.Dollars
	}
	for i, a := range aligned(amounts) {
		l := m.Leaks[i]
		first := fmt.Sprintf("  %s  %-14s ", a, clip(plain(l.Cause), 14))
		p.wrap(first, strings.Repeat(" ", width(first)), fmt.Sprintf("%s: %s", count(l.Jobs, "job"), l.Note))
	}
}

// leftovers are shown by reason: a night that ends early leaves hundreds of
// jobs over for the same one.
func (p *page) leftovers(m Morning) {
	if len(m.Left) == 0 {
		return
	}
	p.head("LEFT OVER")
	if m.Carried != nil {
		p.wrap("  ", "            ", m.Carried.Text(m.Batch, m.Window.Opens.Location()))
	}
	type reason struct {
		state batch.State
		why   string
	}
	var order []reason
	jobs := map[reason][]string{}
	for _, l := range m.Left {
		r := reason{l.State, l.Why}
		if len(jobs[r]) == 0 {
			order = append(order, r)
		}
		jobs[r] = append(jobs[r], l.Name)
	}
	for _, r := range order[:min(len(order), textLeft)] {
		what := count(len(jobs[r]), "job")
		if r.why != "" {
			what += ": " + clip(r.why, 3*textColumns)
		}
		p.wrap(fmt.Sprintf("  %-9s ", r.state), "            ", what)
		p.wrap("            ", "            ", names(jobs[r], len(jobs[r])))
	}
	if more := len(order) - textLeft; more > 0 {
		p.line("  and %s more; the CSV and JSON reports name every job", count(more, "reason"))
	}
}
