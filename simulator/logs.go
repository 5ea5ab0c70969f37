package simulator

import (
	"bytes"
	"encoding/json"
	"io"
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
// pages. More than fits a compressed answer is streamed: however long the log
// is, little of it is held.
func (x *exchange) logs(now string) {
	books := x.s.books
	books.mu.Lock()
	rows := books.rows[:len(books.rows):len(books.rows)] // rows are only ever appended
	books.mu.Unlock()

	at := x.s.clock.Now().UnixNano()
	shows := func(r *row) bool {
		return r.visible <= at && r.run.account == x.acct.id && int(r.run.key) == x.key
	}
	n := 0
	for i := range rows {
		if shows(&rows[i]) {
			n++
		}
	}
	count := "null"
	if x.sw.LogCount == "int" {
		count = strconv.Itoa(n)
	}
	out := logStream{x: x}
	out.WriteString(`{"status":"success","count":` + count + `,"logs":[`)
	written := 0
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
		if written > 0 {
			out.WriteByte(',')
		}
		out.Write(b)
		if written++; !out.flush(2*written >= n) {
			return
		}
	}
	out.WriteString(`],"timestamp":` + strconv.Quote(now) + `}`)
	out.end()
}

// logStream holds a log until it is too long to be held.
type logStream struct {
	bytes.Buffer
	x         *exchange
	streaming bool
}

// flush sends what is held when that is much. False: the exchange is over, as
// the client has left, or a fault has ended it past the middle.
func (l *logStream) flush(pastMiddle bool) bool {
	if l.Len() <= gzipTo {
		return true
	}
	x := l.x
	if !l.streaming {
		l.streaming = true
		x.booked(http.StatusOK)
		x.w.Header().Set("Content-Type", "application/json")
		x.w.Header().Set("Date", x.s.clock.Now().UTC().Format(http.TimeFormat))
	}
	if _, err := l.WriteTo(x.w); err != nil {
		return false // it left
	}
	if x.cues.wire == nil || !pastMiddle {
		return true
	}
	switch x.cues.wire.Kind {
	case KindTruncate:
		http.NewResponseController(x.w).Flush()
		panic(http.ErrAbortHandler)
	case KindBadJSON:
		io.WriteString(x.w, "NaN NaN")
		return false
	}
	return true
}

// end sends the rest, or the whole when nothing was sent yet.
func (l *logStream) end() {
	if l.streaming {
		l.WriteTo(l.x.w)
		return
	}
	l.x.answer(http.StatusOK, "application/json", l.Bytes())
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
