package notify

import (
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// headline is a note in one line: on which occasion, how grave, what.
func headline(n Note) string {
	return "[" + mark(n) + "] " + title(n.Alert)
}

// title is never empty: a service refuses one that is.
func title(a batch.Alert) string {
	if t := line(a.Title); t != "" {
		return t
	}
	return line(a.Key)
}

// mark is how a note begins: "critical", "still critical", "over".
func mark(n Note) string {
	s := string(n.Alert.Severity)
	switch n.Occasion {
	case batch.Worse:
		return "worse: " + s
	case batch.Lasts:
		return "still " + s
	case batch.IsOver:
		return "over"
	case batch.JustOne:
		return string(n.Alert.Kind)
	}
	return s
}

// fact is one of the details below an alert's text.
type fact struct{ name, value string }

// facts are what an alert is about, besides its text.
func facts(n Note) []fact {
	a := n.Alert
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, line(value)})
		}
	}
	if a.Dollars != 0 && n.Occasion != batch.JustOne {
		add("At stake", a.Dollars.Dollars())
	}
	add("Batch", string(a.Batch))
	add("Key", a.Account)
	noticed := "Noticed"
	if n.Occasion == batch.IsOver {
		noticed = "Over since"
	}
	if !a.At.IsZero() {
		add(noticed, a.At.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if n.Occasion != batch.JustOne {
		add("Incident", a.Key)
	}
	return out
}

// lines are an alert's facts, each one line.
func lines(a batch.Alert) []string {
	var out []string
	for _, l := range a.Lines {
		if l = line(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// plain is a note as text, of at most so many characters: what doesn't fit is
// left out from the lines, never from what is to be done.
func plain(n Note, most int) string {
	head := clip(headline(n), most/3)
	var tail strings.Builder
	if r := line(n.Alert.Remedy); r != "" {
		tail.WriteString("\nDo: " + clip(r, most/4) + "\n")
	}
	var rest []string
	for _, f := range facts(n) {
		rest = append(rest, f.name+": "+clip(f.value, 120))
	}
	if l := link(n.Alert); l != "" {
		rest = append(rest, l)
	}
	if len(rest) > 0 {
		tail.WriteString("\n" + strings.Join(rest, "\n"))
	}
	end := clip(tail.String(), most/2)
	room := most - length(head) - length(end) - 2
	return head + "\n" + fit(lines(n.Alert), "- ", room) + end
}

// fit writes as many lines as there is room for, and says how many are left.
func fit(all []string, before string, room int) string {
	const spare = 24 // "- and 1000 more\n"
	var b strings.Builder
	for i, l := range all {
		l = before + clip(l, 300) + "\n"
		if length(b.String())+length(l) > room-spare {
			if left := len(all) - i; room > spare {
				b.WriteString(before + "and " + strconv.Itoa(left) + " more\n")
			}
			break
		}
		b.WriteString(l)
	}
	return b.String()
}

func length(s string) int { return len([]rune(s)) }

// link is the alert's, if it is one of the web.
func link(a batch.Alert) string {
	if strings.HasPrefix(a.Link, "https://") || strings.HasPrefix(a.Link, "http://") {
		return line(a.Link)
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
