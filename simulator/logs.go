package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/offpeak/offpeak/money"
)

// logRow is a row of GET /v1/swarm/logs. The key is printed in clear, as the
// API does it.
type logRow struct {
	ID        int         `json:"id"`
	CreatedAt string      `json:"created_at"`
	APIKey    string      `json:"api_key"`
	Category  string      `json:"category"`
	Data      *completion `json:"data"`
}

// logs answers all rows of the calling key that show by now: no filter and no
// pages. More than fits a compressed answer is streamed.
func (x *exchange) logs(now string) {
	books := x.s.books
	books.mu.Lock()
	rows := books.rows[:len(books.rows):len(books.rows)] // rows are only ever appended
	books.mu.Unlock()

	at := x.s.clock.Now().UnixNano()
	shows := func(r *row) bool {
		return r.visible <= at && r.run.account == x.acct.id && int(r.run.key) == x.key
	}
	count := "null"
	if x.sw.LogCount == "int" {
		n := 0
		for i := range rows {
			if shows(&rows[i]) {
				n++
			}
		}
		count = strconv.Itoa(n)
	}
	var out bytes.Buffer
	streaming := false
	out.WriteString(`{"status":"success","count":` + count + `,"logs":[`)
	first := true
	for i := range rows {
		r := &rows[i]
		if !shows(r) {
			continue
		}
		b, err := json.Marshal(logRow{i + 1, stamp(time.Unix(0, r.run.ended)), x.acct.keys[x.key], "completion", r.run.render(r.extra)})
		if err != nil { // a bug here; the books can't be shown as they are
			x.fail(http.StatusInternalServerError, "simulator: "+err.Error())
			return
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.Write(b)
		if out.Len() > gzipTo && x.cues.wire == nil {
			if !streaming {
				x.booked(http.StatusOK)
				x.w.Header().Set("Content-Type", "application/json")
				x.w.Header().Set("Date", x.s.clock.Now().UTC().Format(http.TimeFormat))
			}
			streaming = true
			if _, err := out.WriteTo(x.w); err != nil {
				return // it left
			}
		}
	}
	out.WriteString(`],"timestamp":` + strconv.Quote(now) + `}`)
	if streaming {
		out.WriteTo(x.w)
		return
	}
	x.answer(http.StatusOK, "application/json", out.Bytes())
}

// runsOf are an account's runs.
func (b *Books) runsOf(a *account) []*run {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*run
	for _, w := range b.runs {
		if w.account == a.id {
			out = append(out, w)
		}
	}
	return out
}

// day is one line of /v1/usage/report.
type day struct {
	Day      string      `json:"day"`
	Cost     json.Number `json:"total_cost"`
	Input    int64       `json:"input_tokens"`
	Output   int64       `json:"output_tokens"`
	Requests int64       `json:"request_count"`
}

// days adds an account's runs up by UTC day, ascending, without empty days;
// from and to are dates, both included.
func (b *Books) days(a *account, from, to string) []day {
	sums := map[string]*day{}
	costs := map[string]money.USD{}
	for _, w := range b.runsOf(a) {
		date := time.Unix(0, w.ended).UTC().Format(time.DateOnly)
		if date < from || date > to {
			continue
		}
		d := sums[date]
		if d == nil {
			d = &day{Day: date}
			sums[date] = d
		}
		costs[date] += w.price
		d.Input += w.used.in
		d.Output += w.used.out
		d.Requests++
	}
	out := []day{}
	for date, d := range sums {
		d.Cost = dollars(costs[date])
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b day) int { return bytes.Compare([]byte(a.Day), []byte(b.Day)) })
	return out
}
