package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// textColumns is the width of the terminal that the text is for.
const textColumns = 80

// page is text being laid out.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { p.WriteString(fmt.Sprintf(format, args...) + "\n") }

func (p *page) head(title string) { p.line("\n%s", title) }

// wrap writes words after first, and what doesn't fit into the columns on
// lines of its own after rest. A word that is too long is cut: it came from
// elsewhere.
func (p *page) wrap(first, rest, text string) {
	at := width(first)
	p.WriteString(first)
	empty := true
	for _, word := range strings.Fields(text) {
		word = clip(plain(word), textColumns-width(rest)-1)
		if w := width(word); !empty && at+1+w > textColumns {
			p.WriteString("\n" + rest)
			at = width(rest) + w
		} else {
			if !empty {
				p.WriteByte(' ')
				at++
			}
			at += w
		}
		p.WriteString(word)
		empty = false
	}
	p.WriteByte('\n')
}

func (p *page) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.head(title)
	for _, l := range lines {
		p.wrap("  - ", "    ", l)
	}
}

// aligned are amounts for people, padded so that their points stand in one
// column.
func aligned(amounts []money.USD) []string {
	before, after := 0, 0
	cut := func(u money.USD) (string, string) {
		whole, frac, _ := strings.Cut(u.Dollars(), ".")
		return whole, frac
	}
	for _, u := range amounts {
		whole, frac := cut(u)
		before, after = max(before, len(whole)), max(after, len(frac))
	}
	all := make([]string, len(amounts))
	for i, u := range amounts {
		whole, frac := cut(u)
		all[i] = fmt.Sprintf("%*s.%-*s", before, whole, after, frac)
	}
	return all
}

func meter(n, of int64) string {
	return strings.Repeat("#", int(n)) + strings.Repeat(".", int(of-n))
}

func of(share, what string) string {
	if share == "" {
		return ""
	}
	return share + " % " + what
}

func tally(c batch.Counts) string {
	all := []string{grouped(c.Succeeded) + " succeeded"}
	for _, s := range []struct {
		n    int
		what string
	}{
		{c.Rejected, "rejected"},
		{c.Unknown, "unknown"},
		{c.Parked, "parked"},
		{c.Skipped, "skipped"},
		{c.Cancelled, "cancelled"},
		{c.Pending(), "unfinished"},
	} {
		if s.n > 0 {
			all = append(all, grouped(s.n)+" "+s.what)
		}
	}
	return strings.Join(all, ", ") + " of " + grouped(c.Total)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(n) + " " + what
}

func day(t time.Time) string    { return t.Format("Mon 2 Jan 2006 15:04 MST") }
func second(t time.Time) string { return t.Format("15:04:05 MST") }

// short drops the zero minutes and seconds of a duration: "10h0m0s" is "10h".
func short(d string) string {
	if s, ok := strings.CutSuffix(d, "m0s"); ok {
		if h, ok := strings.CutSuffix(s, "h0"); ok {
			return h + "h"
		}
		return s + "m"
	}
	return d
}
