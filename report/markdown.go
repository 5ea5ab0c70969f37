package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// What the Markdown shows of long lists: a chat wants the news, and where the
// rest is.
const (
	chatFindings = 5
	chatNames    = 5
	chatLeaks    = 4
	chatColumns  = 300 // of one sentence that came from elsewhere
)

// Markdown writes the report for a chat: the verdict, the money, what the audit
// found and what to do, in lines that read well where Markdown is shown and
// where it isn't. It has no tables and no headings, which many chats don't
// show, and nothing in a name or a message can mark text up or call people.
func Markdown(w io.Writer, m Morning) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("**%s: %s**", quiet(string(m.Batch)), Verdict(m))
	line("")
	if m.Discount.None {
		line("- paid **%s**; this provider has no prices by day and by night", m.Money.Billed.Dollars())
	} else {
		line("- paid **%s**, by day %s%s", m.Money.Billed.Dollars(), m.Money.DayPrice.Dollars(), saved(m))
	}
	line("- %s", tally(m.Jobs))
	if m.Discount.Missed > 0 {
		line("- discount **missed** on %s, landed on %s", count(m.Discount.Missed, "charge"), grouped(m.Discount.Landed))
	}
	if h := m.Window; !h.Opens.IsZero() {
		line("- night %s to %s (%s)", day(h.Opens), day(h.Closes), h.Open())
	}
	if m.Budget != "" {
		line("- budget: %s", quiet(clip(plain(m.Budget), chatColumns)))
	}
	if m.Stop != "" {
		line("- stopped: %s", quiet(clip(plain(m.Stop), chatColumns)))
	}
	if m.Carried != nil {
		line("- %s", quiet(m.Carried.Text(m.Batch, m.Window.Opens.Location())))
	}
	chatFinds(line, m.Audit.Findings)
	if len(m.Leaks) > 0 {
		line("")
		line("Where saving went:")
		line("")
		for _, l := range m.Leaks[:min(len(m.Leaks), chatLeaks)] {
			line("- %s %s, %s: %s", l.Dollars.Dollars(), quiet(plain(l.Cause)), count(l.Jobs, "job"), quiet(clip(plain(l.Note), chatColumns)))
		}
	}
	if m.Report != "" {
		line("")
		line("Report: `%s`", code(m.Report+".html"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func saved(m Morning) string {
	s := ", saved **" + m.Money.Saved.Dollars() + "**"
	if m.Shares.OfDayPrice != "" {
		s += " (" + m.Shares.OfDayPrice + " %)"
	}
	if m.Shares.Realised != "" {
		s += ", " + m.Shares.Realised + " % of what the night could save"
	}
	return s
}

func chatFinds(line func(string, ...any), all []batch.Finding) {
	if len(all) == 0 {
		return
	}
	line("")
	line("%s:", count(len(all), "finding"))
	line("")
	for i, f := range all[:min(len(all), chatFindings)] {
		title := "**" + quiet(string(f.Rule)) + "**"
		if f.Count > 0 {
			title += ", " + count(f.Count, "job")
		}
		if f.Dollars != 0 {
			title += ", " + f.Dollars.Dollars()
		}
		line("%d. %s: %s", i+1, title, quiet(clip(plain(f.Cause), chatColumns)))
		if f.Remedy != "" {
			line("   do: %s", quiet(clip(plain(f.Remedy), chatColumns)))
		}
		if len(f.Jobs) > 0 {
			shown := f.Jobs[:min(len(f.Jobs), chatNames)]
			quoted := make([]string, len(shown))
			for i, n := range shown {
				quoted[i] = "`" + code(clip(plain(n), textName)) + "`"
			}
			more := ""
			if n := f.Count - len(shown); n > 0 {
				more = " and " + grouped(n) + " more"
			}
			line("   jobs: %s%s", strings.Join(quoted, ", "), more)
		}
	}
	if more := len(all) - chatFindings; more > 0 {
		line("")
		line("and %s more in the report", count(more, "finding"))
	}
}

// quiet is text in which nothing marks up and nobody is called: the signs of
// Markdown and of the chats' own dialects are entities, which all of them show
// as the sign.
func quiet(s string) string { return quieter.Replace(s) }

var quieter = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "&#42;", "_", "&#95;", "~", "&#126;", "`", "&#96;",
	"[", "&#91;", "]", "&#93;", "|", "&#124;", "\\", "&#92;", "#", "&#35;", "@", "&#64;", "!", "&#33;",
)

// code is text for the inside of a code span, in which only its end is a sign.
func code(s string) string { return strings.ReplaceAll(s, "`", "'") }
