package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/books"
)

// jobsPage is how many jobs a page of the table has.
const jobsPage = 100

// states are those that the table can be filtered by.
var states = []batch.State{
	batch.Succeeded, batch.Rejected, batch.Unknown, batch.Sending, batch.Reserved, batch.Planned, batch.Parked, batch.Skipped, batch.Cancelled,
}

type jobsView struct {
	Batch  batch.ID
	At     string
	Page   books.Page
	States []batch.State
	Wanted map[batch.State]bool
	After  int
	Newer  bool   // it isn't the first page
	Next   string // link to the next one, "" on the last
	First  string
}

// jobs is a page of a night's jobs. The paging is the server's: a batch of a
// hundred thousand is a hundred rows here.
func (s *site) jobs(r *http.Request) (view, error) {
	id, err := id(r)
	if err != nil {
		return view{}, err
	}
	q := r.URL.Query()
	v := jobsView{Batch: id, At: "/nights/" + string(id), States: states, Wanted: map[batch.State]bool{}, After: -1}
	var want []batch.State
	for _, name := range q["state"] {
		if name == "" {
			continue
		}
		st := batch.State(name)
		if !slices.Contains(states, st) {
			return view{}, &batch.Fault{Kind: batch.BadInput, Op: "list jobs", Thing: plain(name), Detail: "it is no state of a job", Hint: "choose one from the list"}
		}
		want, v.Wanted[st] = append(want, st), true
	}
	if after := q.Get("after"); after != "" {
		if v.After, err = strconv.Atoi(after); err != nil || v.After < 0 {
			return view{}, &batch.Fault{Kind: batch.BadInput, Op: "list jobs", Thing: plain(after), Detail: "it is no place in the list", Hint: "begin at the first page"}
		}
		v.Newer = true
	}
	v.Page, err = s.Books.Jobs(r.Context(), string(id), books.Query{After: v.After, Limit: jobsPage, States: want})
	if err != nil {
		return view{}, err
	}
	link := func(after string) string {
		l := url.Values{"state": q["state"]}
		if after != "" {
			l.Set("after", after)
		}
		return v.At + "/jobs?" + l.Encode()
	}
	v.First = link("")
	if v.Page.Next != nil {
		v.Next = link(strconv.Itoa(*v.Page.Next))
	}
	return view{Page: "jobs", Title: "Jobs of " + string(id), Data: v}, nil
}

type jobView struct {
	At    string
	Zone  *time.Location
	Trail books.Trail
}

// job is one job with everything that was sent for it.
func (s *site) job(r *http.Request) (view, error) {
	id, err := id(r)
	if err != nil {
		return view{}, err
	}
	name := r.URL.Query().Get("name")
	t, err := s.Books.Trail(r.Context(), string(id), name)
	if err != nil {
		return view{}, err
	}
	n, err := s.Books.Standing(r.Context(), string(id))
	if err != nil {
		return view{}, err
	}
	return view{Page: "job", Title: name, Data: jobView{"/nights/" + string(id), zoneOf(n.Span), t}}, nil
}

// types of the reports' formats.
var types = map[string]string{
	"html": "text/html; charset=utf-8", "txt": "text/plain; charset=utf-8", "json": "application/json", "csv": "text/csv; charset=utf-8", "md": "text/markdown; charset=utf-8",
}

// report hands a night's report over as the archive has it.
func (s *site) report(r *http.Request) (view, error) {
	id, err := id(r)
	if err != nil {
		return view{}, err
	}
	f := r.PathValue("f")
	format := strings.TrimPrefix(path.Ext(f), ".")
	if types[format] == "" || f != "report."+format {
		return view{}, &batch.Fault{Kind: batch.NotFound, Op: "read report of", Thing: string(id), Detail: plain(f) + " is none of its files", Hint: "report." + strings.Join(books.Formats, ", report.")}
	}
	body, err := s.Books.Report(r.Context(), string(id), format)
	if err != nil {
		return view{}, err
	}
	return view{File: &file{Type: types[format], Name: strings.ReplaceAll(string(id), "/", "-") + "." + format, Body: body}}, nil
}
