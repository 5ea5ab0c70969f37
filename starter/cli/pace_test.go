package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// TestPace is what a person reads beside the bar, look by look.
func TestPace(t *testing.T) {
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 22, 22, 0, 0, 0, pacific)
	span := tariff.Span{Deadline: time.Date(2026, 11, 23, 5, 0, 0, 0, pacific), Zone: "America/Los_Angeles"}
	look := func(over, total int, change func(*batch.Progress)) nightly.View {
		p := batch.Progress{State: workflows.StateSending, Span: span, Jobs: batch.Counts{Total: total, Succeeded: over}}
		if change != nil {
			change(&p)
		}
		return nightly.View{Progress: p}
	}
	for _, c := range []struct {
		name  string
		looks []nightly.View // 10 s apart
		want  string
	}{
		{"one look", []nightly.View{look(0, 9, nil)}, ""},
		{"it fits", []nightly.View{look(0, 3000, nil), look(2, 3000, nil), look(4, 3000, nil)}, "12 a minute, done about 02:10 PST, 2 h 50 min before 05:00 PST"},
		{"it doesn't", []nightly.View{look(0, 6000, nil), look(1, 6000, nil)}, "6 a minute, won't all fit: about 3,500 will be parked at 05:00 PST"},
		{"nearly done", []nightly.View{look(0, 12, nil), look(10, 12, nil)}, "60 a minute, done within a minute"},
		{"done", []nightly.View{look(0, 12, nil), look(12, 12, nil)}, ""},
		{"only the last minute counts", []nightly.View{
			look(0, 100, nil), look(50, 100, nil), look(51, 100, nil), look(52, 100, nil), look(53, 100, nil),
			look(54, 100, nil), look(55, 100, nil), look(56, 100, nil),
		}, "6 a minute, done about 22:09 PST, 6 h 51 min before 05:00 PST"},
		{"standing still", []nightly.View{look(5, 9, nil), look(5, 9, func(p *batch.Progress) {
			p.InFlight = 1
			p.Waits = []batch.Wait{{Reason: "floor", Detail: "nothing is sent before 22:30:00 PST: \x1b[31mHTTP 429", Jobs: 4}}
		})}, "1 in flight, none ended in the last 10 s; 4 jobs wait: nothing is sent before 22:30:00 PST: \ufffd[31mHTTP 429"},
		{"paused", []nightly.View{look(1, 9, nil), look(5, 9, func(p *batch.Progress) { p.Paused = batch.Pause{By: "ada", At: from} })}, ""},
		{"auditing", []nightly.View{look(1, 9, nil), look(5, 9, func(p *batch.Progress) { p.State = workflows.StateAuditing })}, ""},
		{"begun anew", []nightly.View{look(8, 9, nil), look(1, 9, nil)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p pace
			var got string
			for i, v := range c.looks {
				at := from.Add(time.Duration(i) * 10 * time.Second)
				p.see(v, at)
				speed, waits := p.text(v, at)
				got = strings.Trim(speed+"; "+waits, "; ")
			}
			if got != c.want {
				t.Errorf("want %q\n got %q", c.want, got)
			}
		})
	}
}

func TestPaidAgainstTheCap(t *testing.T) {
	a := &app{}
	v := nightly.View{Progress: batch.Progress{Billed: money.Dollar, DayPrice: 2 * money.Dollar, Cap: 50 * money.Dollar}}
	if got, want := a.paid(v), ", paid $1.00 of at most $50.00, by day $2.00"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}
