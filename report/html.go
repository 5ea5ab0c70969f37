package report

import (
	_ "embed"
	"html/template"
	"io"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// What the page shows of long lists; JSON has all of them.
const (
	htmlNames = 100
	htmlLeft  = 500
)

//go:embed page.html.tmpl
var pageText string

// sheet is the page's template. The page is one file without a script, a font
// or an image from anywhere, and says so to the browser by its own policy.
var sheet = template.Must(template.New("page").Funcs(template.FuncMap{
	"plain":    plain,
	"dollars":  money.USD.Dollars,
	"headline": Headline,
	"verdict":  Verdict,
	"tally":    tally,
	"count":    count,
	"grouped":  grouped[int],
	"tokens":   grouped[int64],
	"short":    short,
	"day":      day,
	"second":   second,
	"against":  against,
	"heading":  noteHeading,
	"iso":      func(t time.Time) string { return t.Format(time.RFC3339) },
	"permille": func(part, whole money.USD) int64 { return parts(part, whole, 1000) },
	"rest":     func(n int64) int64 { return 1000 - n },
	"firstNames": func(f batch.Finding) []string {
		return f.Jobs[:min(len(f.Jobs), htmlNames)]
	},
	"moreNames": func(f batch.Finding) int { return f.Count - min(len(f.Jobs), htmlNames) },
	"firstLeft": func(l []Leftover) []Leftover { return l[:min(len(l), htmlLeft)] },
	"moreLeft":  func(l []Leftover) int { return len(l) - min(len(l), htmlLeft) },
}).Parse(pageText))

// HTML writes the report as one self-contained page: light or dark as the
// reader has it, for a phone, a screen or paper.
func HTML(w io.Writer, m Morning) error { return sheet.Execute(w, m) }
