package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
)

// nightsPage is how many nights the front page lists.
const nightsPage = 50

type nightsView struct {
	Nights books.Nights
	Name   string
	Rows   []nightRow
	Next   string
	First  bool
}

type nightRow struct {
	books.Night
	At       string
	Class    string
	Segments []segment
}

// nights is the front page: what ran and what runs, the newest first.
func (s *site) nights(r *http.Request) (view, error) {
	q := r.URL.Query()
	v := nightsView{Name: strings.TrimSpace(q.Get("name")), First: q.Get("after") == ""}
	c := books.Choice{Name: batch.Name(v.Name), After: batch.ID(q.Get("after")), Limit: nightsPage}
	if v.Name != "" {
		if err := c.Name.Valid(); err != nil {
			return view{}, &batch.Fault{Kind: batch.BadInput, Op: "find nights of", Thing: plain(v.Name), Err: err, Hint: "write a manifest's whole name"}
		}
	}
	if c.After != "" {
		if _, err := batch.ParseID(string(c.After)); err != nil {
			return view{}, &batch.Fault{Kind: batch.BadInput, Op: "list nights", Thing: plain(c.After), Err: err, Hint: "begin at the first page"}
		}
	}
	var err error
	if v.Nights, err = s.Books.Nights(r.Context(), c, s.Now()); err != nil {
		return view{}, err
	}
	for _, n := range v.Nights.Batches {
		row := nightRow{Night: n, At: "/nights/" + string(n.Batch), Class: "soft", Segments: segments(n.Jobs, nil)}
		switch {
		case n.Passed != nil && !*n.Passed:
			row.Class = "bad"
		case n.Passed != nil && n.Jobs.Succeeded < n.Jobs.Total, n.State == books.Unfinished, n.Paused.On():
			row.Class = "warn"
		case n.Passed != nil:
			row.Class = "good"
		case n.State == "sending" || n.State == "auditing":
			row.Class = "busy"
		}
		v.Rows = append(v.Rows, row)
	}
	if v.Nights.Next != nil {
		v.Next = "/?after=" + string(*v.Nights.Next)
		if v.Name != "" {
			v.Next += "&name=" + v.Name
		}
	}
	return view{Page: "nights", Title: "Nights", Data: v}, nil
}

// spendNights is how many nights the spend is shown of.
const spendNights = 30

type spendView struct {
	Usage books.Usage
	Chart spendChart
	Alarm string // of the last night
}

// spendChart is what the script draws: dollars as numbers of its own kind, for
// the height of a bar and nothing else. The table has the exact ones.
type spendChart struct {
	X     []int      `json:"x"`
	Names []string   `json:"names"`
	Paid  []dollars  `json:"paid"`
	Day   []dollars  `json:"day"`
	Band  []*dollars `json:"band"`
}

// dollars are written as a JSON number, which a script reads as a float.
type dollars money.USD

// MarshalJSON writes "1.250000" without quotes.
func (d dollars) MarshalJSON() ([]byte, error) { return []byte(money.USD(d).String()), nil }

// spend is what the last thirty nights cost, with the band above which a night
// is an anomaly: twice the mean of the seven before it.
func (s *site) spend(r *http.Request) (view, error) {
	u, err := s.Books.Usage(r.Context(), spendNights, s.Now())
	if err != nil {
		return view{}, err
	}
	v := spendView{Usage: u}
	type sum struct {
		paid, day, mean money.USD
		known           bool
	}
	byNight := map[string]*sum{}
	for _, d := range u.Days {
		name := string(d.Night)
		if byNight[name] == nil {
			byNight[name] = &sum{}
			v.Chart.Names = append(v.Chart.Names, name)
		}
		n := byNight[name]
		n.paid += d.Money.Billed
		n.day += d.Money.DayPrice
		if d.Mean != nil {
			n.mean, n.known = n.mean+*d.Mean, true
		}
	}
	slices.Reverse(v.Chart.Names)
	for i, name := range v.Chart.Names {
		n := byNight[name]
		v.Chart.X = append(v.Chart.X, i)
		v.Chart.Paid, v.Chart.Day = append(v.Chart.Paid, dollars(n.paid)), append(v.Chart.Day, dollars(n.day))
		var band *dollars
		if n.known {
			b := dollars(n.mean.Times(2))
			band = &b
		}
		v.Chart.Band = append(v.Chart.Band, band)
		if last := i == len(v.Chart.Names)-1; last && n.known && n.mean > 0 && n.paid > n.mean.Times(2) {
			v.Alarm = "The night of " + name + " cost " + n.paid.Dollars() + ", more than twice the mean of the seven nights before it, " + n.mean.Dollars() + "."
		}
	}
	return view{Page: "spend", Title: "Spend", Data: v}, nil
}
