package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/books"
	"github.com/offpeak/offpeak/tariff"
)

// shownIncidents bounds the open incidents of the page; the shell has all.
const shownIncidents = 20

type dailyView struct {
	Watch     *batch.UsageWatch // nil while nobody has watched
	Main      *batch.AccountWatch
	Others    []batch.AccountWatch // keys of other workers, by the books alone
	Bars      []dayBar
	Wide      int // of the chart
	Last      *batch.WatchedDay
	Incidents []books.Incident
	More      bool
	Works     []work
	Zone      *time.Location
}

// work is what a piece of daily work ended with last.
type work struct {
	Name, Verb string
	Day        string
	At         time.Time // zero while it never ran
	Says       string
}

// dayBar is a day of the chart: its parts in thousandths of the tallest.
type dayBar struct {
	Day             string
	X               int
	Ours, Foreign   int
	OursY, ForeignY int
	Limit           int // where twice the mean is; -1 where there is none
}

// daily is everything that belongs to every morning, by the books alone: what
// was spent, what is wrong, what was kept and deleted.
func (s *site) daily(r *http.Request) (view, error) {
	ctx := r.Context()
	v := dailyView{Zone: pacific()}
	w, err := s.Books.LastWatch(ctx, "")
	switch {
	case err == nil:
		v.watch(w)
	case batch.KindOf(err) != batch.NotFound:
		return view{}, err
	}
	open, err := s.Books.Incidents(ctx, false, shownIncidents, s.Now())
	if err != nil {
		return view{}, err
	}
	v.Incidents, v.More = open.Incidents, open.More
	for _, k := range []struct {
		kind, name, verb string
		says             func(json.RawMessage) (string, error)
	}{
		{batch.DailyExport, "Export of the provider's log", "starter logs export", exportSays},
		{batch.DailyPurge, "Purge of what is old", "starter purge", purgeSays},
	} {
		last, err := s.Books.Dailies(ctx, k.kind, 1)
		if err != nil {
			return view{}, err
		}
		row := work{Name: k.name, Verb: k.verb}
		if len(last) > 0 {
			if row.Says, err = k.says(last[0].Result); err != nil {
				return view{}, err
			}
			row.Day, row.At = last[0].Day, last[0].At.In(v.Zone)
		}
		v.Works = append(v.Works, row)
	}
	return view{Page: "daily", Title: "Every day", Data: v}, nil
}

func exportSays(b json.RawMessage) (string, error) {
	var e batch.LogExport
	err := json.Unmarshal(b, &e)
	return e.String(), err
}

func purgeSays(b json.RawMessage) (string, error) {
	var p batch.Purged
	err := json.Unmarshal(b, &p)
	var parts []string
	for _, sum := range p.Sums {
		of := "1 batch"
		if sum.Batches != 1 {
			of = grouped(sum.Batches) + " batches"
		}
		parts = append(parts, fmt.Sprintf("%s %s of %s", grouped(sum.Items), sum.What, of)) // kinds are plural
	}
	if len(parts) == 0 {
		return "nothing was old enough", err
	}
	return "deleted " + strings.Join(parts, ", "), err
}

// watch is the last usage watch as the page shows it.
func (v *dailyView) watch(w batch.UsageWatch) {
	v.Watch = &w
	if len(w.Accounts) == 0 {
		return
	}
	v.Main = &w.Accounts[0]
	for _, a := range w.Accounts[1:] {
		if len(a.Days) > 0 {
			v.Others = append(v.Others, a)
		}
	}
	days := v.Main.Days
	if len(days) == 0 {
		return
	}
	v.Last = &days[len(days)-1]
	v.Wide = len(days) * 20
	top := money.USD(1)
	for _, d := range days {
		top = max(top, d.Total, limitOf(d))
	}
	for i, d := range days {
		b := dayBar{Day: d.Day, X: i * 20, Ours: thousandths(d.Ours.Dollars, top), Foreign: thousandths(d.Foreign.Dollars, top), Limit: -1}
		b.OursY, b.ForeignY = 1000-b.Ours, 1000-b.Ours-b.Foreign
		if d.Mean != nil {
			b.Limit = 1000 - thousandths(limitOf(d), top)
		}
		v.Bars = append(v.Bars, b)
	}
}

// pacific is where daily work has its days.
func pacific() *time.Location {
	zone, err := tariff.Location(tariff.SwarmsWindow().Zone)
	if err != nil {
		return time.UTC // can't be: the zone database is in the binary
	}
	return zone
}

// limitOf is above what a day is high: twice the mean before it.
func limitOf(d batch.WatchedDay) money.USD {
	if d.Mean == nil {
		return 0
	}
	return d.Mean.Times(2)
}

// thousandths is part of whole for the height of a bar; something never is
// nothing.
func thousandths(part, whole money.USD) int {
	if part <= 0 || whole <= 0 {
		return 0
	}
	return int(max(int64(part)/max(int64(whole)/1000, 1), 1))
}
