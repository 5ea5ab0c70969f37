package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/report"
)

// hostile draws what a manifest or a provider might say.
func hostile(t *rapid.T, label string) string {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{
			"=cmd|' /C calc'!A0", "@SUM(1+1)", "+1", "-1", "\t=1", "  =1", "\uff1d1", "<script>alert(1)</script>", `" onload="x`, "</style>",
			"\x1b[31m", "\x1b]0;owned\x07", "\r\n", "\n", "\u2028", "\u0085", "\x00", "\u202e", "\u2066", "\u200f", "\U000e0041", "\u00ad",
			"日本語", "👨\u200d👩\u200d👧", "ש", "e\u0301", strings.Repeat("\u0301", 300), strings.Repeat("x", 300), `","`, `"`, "\\", "{{.}}", "&lt;",
		}),
		rapid.StringN(0, 20, 80),
	)
	return strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, label), "")
}

func hostileNight(t *rapid.T) (report.Morning, []report.Row) {
	name, why := hostile(t, "name"), hostile(t, "why")
	jobs, charges := book(batch.Succeeded, batch.Parked)
	for i := range jobs {
		jobs[i].Name, jobs[i].Why = name, why
	}
	charges[0].Name, charges[0].Source = name, ledger.FromLog
	f := facts(batch.Result{Jobs: batch.Counts{Total: 2, Succeeded: 1, Parked: 1}})
	f.Result.Audit.Findings = []batch.Finding{{Rule: batch.BooksDisagree, Jobs: []string{name, why}, Count: 2, Cause: why, Remedy: why}}
	f.Leaks = []batch.Leak{{Cause: why, Jobs: 1, Note: why}}
	f.Warnings, f.Stop = []string{why}, "by "+why
	return build(f, jobs, charges), rows(jobs, charges)
}

// inert fails for a character that a terminal or a reader of lines acts on.
func inert(t *rapid.T, format, s string) {
	if !utf8.ValidString(s) {
		t.Fatalf("%s: not UTF-8", format)
	}
	for _, r := range s {
		if r != '\n' && r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Fatalf("%s: has %U in %q", format, r, s)
		}
	}
}

func TestHostileNamesInText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, _ := hostileNight(t)
		var b strings.Builder
		if err := report.Text(&b, m); err != nil {
			t.Fatal(err)
		}
		inert(t, "text", b.String())
		for line := range strings.Lines(b.String()) {
			columns := 0
			for _, r := range strings.TrimSuffix(line, "\n") {
				if !unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
					columns++
				}
			}
			if columns > 80 || len(line) > 3000 {
				t.Fatalf("%d columns, %d bytes: %q", columns, len(line), line)
			}
		}
		if !strings.HasPrefix(b.String(), "market-digest/2026-11-22: FAILED, paid $0.00") || strings.Count(b.String(), "\nLEFT OVER\n") != 1 {
			t.Fatalf("the layout gave way:\n%s", b.String())
		}
	})
}

func TestHostileNamesInCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, rows := hostileNight(t)
		var b bytes.Buffer
		if err := report.CSV(&b, each(rows)); err != nil {
			t.Fatal(err)
		}
		inert(t, "csv", b.String())
		if n := strings.Count(b.String(), "\n"); n != 3 {
			t.Fatalf("%d lines, want 3: %q", n, b.String())
		}
		records, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records[1:] {
			for i, cell := range rec {
				if text := strings.TrimSpace(cell); text != "" && strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20", []rune(text)[0]) {
					t.Fatalf("%s would be run as a formula: %q", records[0][i], cell)
				}
			}
		}
	})
}

func TestHostileNamesInJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, _ := hostileNight(t)
		var b bytes.Buffer
		if err := report.JSON(&b, m); err != nil {
			t.Fatal(err)
		}
		for _, r := range b.String() {
			if r == '<' || (r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf)) {
				t.Fatalf("has %U", r)
			}
		}
		var back report.Morning
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(m.Left[0].Name, "\ufffd"); utf8.ValidString(m.Left[0].Name) && back.Left[0].Name != want {
			t.Fatalf("the name came back as %q, was %q", back.Left[0].Name, want)
		}
	})
}

func TestHostileNamesInHTML(t *testing.T) {
	m, _ := passed()
	var clean strings.Builder
	if err := report.HTML(&clean, m); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(clean.String(), "http://") || strings.Contains(clean.String(), "https://") || strings.Contains(clean.String(), "<script") {
		t.Error("the page names another host or a script")
	}
	rapid.Check(t, func(t *rapid.T) {
		m, _ := hostileNight(t)
		var b strings.Builder
		if err := report.HTML(&b, m); err != nil {
			t.Fatal(err)
		}
		inert(t, "html", b.String())
		// The same night with harmless strings has exactly the same tags.
		for i := range m.Left {
			m.Left[i].Name, m.Left[i].Why = "a", "b"
		}
		m.Audit.Findings[0].Jobs, m.Audit.Findings[0].Cause, m.Audit.Findings[0].Remedy = []string{"a", "b"}, "c", "d"
		m.Leaks[0].Cause, m.Leaks[0].Note, m.Warnings, m.Stop = "a", "b", []string{"c"}, "d"
		var tame strings.Builder
		if err := report.HTML(&tame, m); err != nil {
			t.Fatal(err)
		}
		if a, b := tags(b.String()), tags(tame.String()); !slices.Equal(a, b) {
			t.Fatalf("the names changed the page's tags: %d of them, want %d", len(a), len(b))
		}
	})
}

// tags are a page's tags with their attributes, as a browser finds them.
func tags(page string) (all []string) {
	for {
		_, rest, ok := strings.Cut(page, "<")
		if !ok {
			return all
		}
		tag, rest, _ := strings.Cut(rest, ">")
		all, page = append(all, tag), rest
	}
}

func TestWritersPassErrorsOn(t *testing.T) {
	m, _ := passed()
	boom := errors.New("disk full")
	for name, err := range map[string]error{
		"text": report.Text(failing{boom}, m), "json": report.JSON(failing{boom}, m), "html": report.HTML(failing{boom}, m),
		"csv": report.CSV(failing{boom}, each([]report.Row{{}})),
		"csv rows": report.CSV(io.Discard, func(yield func(report.Row, error) bool) {
			_ = yield(report.Row{}, nil) && yield(report.Row{}, boom)
		}),
	} {
		if !errors.Is(err, boom) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// In a chat nothing of a name or a message marks text up, links or calls people.
func TestHostileNamesInMarkdown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, _ := hostileNight(t)
		var b strings.Builder
		if err := report.Markdown(&b, m); err != nil {
			t.Fatal(err)
		}
		inert(t, "markdown", b.String())
		if len(b.String()) > 20_000 {
			t.Fatalf("%d bytes for a chat", len(b.String()))
		}
		lines := 0
		for line := range strings.Lines(b.String()) {
			lines++
			spans := strings.Split(line, "`")
			if len(spans)%2 == 0 {
				t.Fatalf("a code span stays open: %q", line)
			}
			for i := 0; i < len(spans); i += 2 { // what stands outside of code
				text := strings.ReplaceAll(strings.TrimPrefix(spans[i], "- "), "**", "")
				if strings.ContainsAny(text, "<>*_~[]|\\@!") || strings.Contains(strings.ReplaceAll(text, "&#", ""), "#") {
					t.Fatalf("marks up: %q", line)
				}
			}
		}
		if lines > 24 {
			t.Fatalf("%d lines for one finding", lines)
		}
	})
}
