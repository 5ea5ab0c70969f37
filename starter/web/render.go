package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

//go:embed templates
var templates embed.FS

// page makes one page of a request.
type page func(*http.Request) (view, error)

// view is a page before it is written.
type view struct {
	Page  string // its template
	Title string
	Bare  bool   // without the frame: a piece of another page
	To    string // go there instead
	File  *file  // or hand this over instead
	Data  any

	// The frame's own.
	Path, Version string
	Signed        bool // in, so that there is a way out
	Operate       bool
	Now           time.Time
}

// file is something to be handed over as it is.
type file struct {
	Type, Name string
	Body       []byte
}

type pages map[string]*template.Template

// parse reads each page's template into the frame's.
func parse() pages {
	all := pages{}
	for _, name := range []string{"nights", "night", "live", "jobs", "job", "estimate", "schedules", "spend", "daily", "login", "problem"} {
		t := template.New("frame.html.tmpl").Funcs(funcs)
		all[name] = template.Must(t.ParseFS(templates, "templates/frame.html.tmpl", "templates/live.html.tmpl", "templates/parts.html.tmpl", "templates/"+name+".html.tmpl"))
	}
	return all
}

// show writes what a page makes: whole, or not at all.
func (s *site) show(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := p(r)
		switch {
		case err != nil:
			s.refuse(w, r, problem.Of(err).Status, err)
		case v.To != "":
			http.Redirect(w, r, v.To, http.StatusSeeOther)
		case v.File != nil:
			w.Header().Set("Content-Type", v.File.Type)
			w.Header().Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", v.File.Name))
			_, _ = w.Write(v.File.Body) // who went away isn't told
		default:
			s.write(w, r, http.StatusOK, v)
		}
	}
}

func (s *site) write(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Path, v.Version, v.Operate, v.Now = r.URL.Path, s.Version, s.may(r), s.Now()
	v.Signed = !s.open() && v.Page != "login"
	var b bytes.Buffer
	name := "frame.html.tmpl"
	if v.Bare {
		name = v.Page
	}
	if err := s.pages[v.Page].ExecuteTemplate(&b, name, v); err != nil {
		s.Log.Error("a page can't be written", zap.String("page", v.Page), zap.Error(err))
		http.Error(w, "this page can't be shown: its maker is at fault, and the server's log says how", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who went away isn't told
}

// refuse says what is wrong and what to do, in words.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	var f *batch.Fault
	if !errors.As(err, &f) || f.Kind == batch.Internal {
		s.Log.Error("a page failed", zap.String("path", r.URL.Path), zap.Error(err))
	}
	p := problem.Of(err)
	s.write(w, r, status, view{Page: "problem", Title: p.Title, Data: p})
}

// missing is the page for a path that there isn't.
func (s *site) missing(r *http.Request) (view, error) {
	return view{}, &batch.Fault{Kind: batch.NotFound, Op: "open", Thing: r.URL.Path, Detail: "there is no such page", Hint: "begin at /"}
}

var funcs = template.FuncMap{
	"plain":   plain,
	"dollars": money.USD.Dollars,
	"grouped": func(n any) (string, error) {
		switch n := n.(type) {
		case int:
			return grouped(n), nil
		case int64:
			return grouped(n), nil
		}
		return "", fmt.Errorf("%T is no count", n)
	},
	"count":    count,
	"share":    report.Percent,
	"permille": permille,
	"lasting":  lasting,
	"in":       func(z *time.Location, t time.Time) time.Time { return t.In(z) },
	"took":     func(d time.Duration) string { return d.Round(time.Millisecond).String() },
	"clock":    func(t time.Time) string { return t.Format("15:04") },
	"day":      func(t time.Time) string { return t.Format("Mon 2 Jan 2006 15:04 MST") },
	"second":   func(t time.Time) string { return t.Format("15:04:05 MST") },
	"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"json":     asJSON,
	"gone":     books.Gone,
	"sub":      func(a, b money.USD) money.USD { return a - b },
	"add":      func(a, b int64) int64 { return a + b },
	"last":     func(days []batch.WatchedDay) int { return len(days) - 1 },
	"until":    func(now, t time.Time) string { return lasting(max(t.Sub(now), 0)) },
	"lower":    strings.ToLower,
	"under":    func(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") },
}

// asJSON is data for the charts' script, inside a script element that no
// browser runs.
func asJSON(v any) (template.JS, error) {
	b, err := json.Marshal(v)  // escapes <, > and &
	return template.JS(b), err // made by json.Marshal, which leaves nothing that ends the element
}

// plain shows what isn't printable, or reorders a line, as a sign of its own.
func plain(v any) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsGraphic(r) || r == '\u200c' || r == '\u200d' {
			return r
		}
		return '\uFFFD'
	}, fmt.Sprint(v))
}

// grouped is a count for people: "1,200".
func grouped[T int | int64](n T) string { return batch.Grouped(int64(n)) }

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(n) + " " + what
}

// permille is n of whole in thousandths, for the width of a bar.
func permille(n, whole int) int {
	if whole <= 0 || n <= 0 {
		return 0
	}
	return max(int(int64(n)*1000/int64(whole)), 1)
}

// lasting is a duration for people: "3 h 05 min", "40 s".
func lasting(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %02d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= 10*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
