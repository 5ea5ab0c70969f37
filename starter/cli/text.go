package cli

import (
	"fmt"
	"io"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// printable keeps what came from elsewhere from moving the cursor or
// reordering a line: names are a user's and messages a provider's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// percent is part of whole with one decimal, "32.7"; "" when whole is zero.
func percent(part, whole money.USD) string {
	if whole == 0 {
		return ""
	}
	r := new(big.Rat).Quo(part.Rat(), whole.Rat())
	return r.Mul(r, big.NewRat(100, 1)).FloatString(1)
}

// plural is "1 job", "2 jobs".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

// grouped is "12,345".
func grouped(n int) string { return batch.Grouped(int64(n)) }

// counts is where jobs stand, only what there is: "37 succeeded, 3 to go of 40".
func counts(c batch.Counts) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{c.Succeeded, "succeeded"},
		{c.Rejected, "rejected"},
		{c.Unknown, "unknown"},
		{c.Parked, "parked"},
		{c.Skipped, "skipped"},
		{c.Cancelled, "cancelled"},
		{c.Pending(), "to go"},
	} {
		if p.n > 0 {
			parts = append(parts, grouped(p.n)+" "+p.what)
		}
	}
	if len(parts) == 0 {
		return grouped(c.Total)
	}
	return strings.Join(parts, ", ") + " of " + grouped(c.Total)
}

// table prints aligned rows of a name and a value.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t table) row(name string, cells ...string) {
	fmt.Fprintf(t.w, "%s\t%s\n", name, strings.Join(cells, "\t"))
}

func (t table) flush() { _ = t.w.Flush() } // to a terminal: nothing to be done about it

// verdict is a night's result in one line.
func (a *app) verdict(r batch.Result) string {
	word := a.paint(red, "FAILED")
	if r.Audit.Passed {
		word = a.paint(green, "PASSED")
	}
	s := fmt.Sprintf("%s: %s, paid %s, saved %s", r.Batch, word, r.Money.Billed.Dollars(), r.Money.Saved.Dollars())
	if p := percent(r.Money.Saved, r.Money.DayPrice); p != "" {
		s += " (" + p + " %)"
	}
	return s
}

// writeResult prints a night's result for people.
func (a *app) writeResult(r batch.Result) {
	w := a.Out
	fmt.Fprintf(w, "%s\n\n", a.verdict(r))
	t := newTable(w)
	byDay := ", by day " + r.Money.DayPrice.Dollars()
	if r.Discount.None {
		byDay = ""
	}
	t.row("money", fmt.Sprintf("paid %s%s, at most %s was at risk", r.Money.Billed.Dollars(), byDay, r.Money.Ceiling.Dollars()))
	t.row("jobs", counts(r.Jobs))
	if r.Carried != nil {
		t.row("parked", printable(r.Carried.Text(r.Batch, r.Span.Location())))
	}
	if r.Budget != "" {
		t.row("budget", printable(r.Budget))
	}
	if r.Discount.None {
		t.row("discount", "none to judge: this provider has no tariff")
	} else {
		t.row("discount", fmt.Sprintf("%s of %s at the night price", grouped(r.Discount.Landed), plural(r.Discount.Landed+r.Discount.Missed, "charge")))
	}
	if r.Reconciled != nil {
		a.against(t, r.Reconciled)
	}
	if r.Report != "" {
		t.row("report", where(r.Report)+".txt (.json, .csv, .html beside it)")
	}
	t.flush()
	for _, f := range r.Audit.Findings {
		fmt.Fprintf(w, "\nfinding: %s: %s, %s\n", f.Rule, plural(f.Count, "job"), f.Dollars.Dollars())
		for _, line := range []struct{ name, text string }{
			{"jobs", listed(f)}, {"cause", f.Cause}, {"do", f.Remedy},
		} {
			if line.text != "" {
				fmt.Fprintf(w, "  %-6s %s\n", line.name, printable(line.text))
			}
		}
	}
	if r.Reconciled != nil {
		a.writeNotes(r.Reconciled)
	}
}

const (
	red   = "31"
	green = "32"
)

// paint colours a word where the terminal shows colours.
func (a *app) paint(color, word string) string {
	if !a.Color {
		return word
	}
	return "\x1b[" + color + "m" + word + "\x1b[0m"
}

// listed names a finding's first jobs.
func listed(f batch.Finding) string {
	const most = 5
	s := strings.Join(f.Jobs[:min(most, len(f.Jobs))], ", ")
	if more := f.Count - min(most, len(f.Jobs)); more > 0 && s != "" {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// where is a URL of the archive as a path where it is one.
func where(ref string) string {
	if u, err := url.Parse(ref); err == nil && u.Scheme == "file" {
		return filepath.FromSlash(u.Path)
	}
	return printable(ref)
}

// archived is the whole written report, where this machine has it.
func archived(r batch.Result) (string, bool) {
	u, err := url.Parse(r.Report)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	b, err := os.ReadFile(filepath.FromSlash(u.Path) + ".txt")
	return string(b), err == nil
}
