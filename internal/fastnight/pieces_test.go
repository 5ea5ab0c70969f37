package fastnight_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/offpeak/offpeak/internal/fastnight"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// Another provider's cheap hours: twenty minutes in the evening and a quarter
// of an hour later that night, on working days, at a quarter of the day price.
// The same text is the manifest's window and the provider's.
const quarterHours = `{"buffer": "1m", "multiplier": "0.25", "weekdays": ["mon", "tue", "wed", "thu", "fri"],
	"intervals": [{"open": "21:00", "close": "21:20"}, {"open": "22:30", "close": "22:45"}]}`

// A batch that is too large for a Friday's two stretches of cheap hours: sending
// goes on in the second, what is left is sent in Monday's, no run ends outside
// of a stretch, none runs twice, and the audit finds the quarter price on every
// charge.
func TestNightInPieces(t *testing.T) {
	t.Parallel()
	pacific, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	hours := tariff.Several("America/Los_Angeles",
		tariff.Interval{Open: 21 * 3600, Close: 21*3600 + 20*60}, tariff.Interval{Open: 22*3600 + 30*60, Close: 22*3600 + 45*60})
	hours.Weekdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	hours.Multiplier = money.One / 4
	s := size{Closing: fastnight.Closing{
		Options: fastnight.Options{
			Jobs: 480, Width: 60, Speed: 300, Switches: strict, Limits: limits(15, 10_000), Window: hours, Timeout: 2 * time.Minute,
			Latency: simulator.Latency{Kind: "uniform", Low: 10 * time.Second, High: 40 * time.Second},
		},
		Asked:  time.Date(2026, 11, 20, 12, 0, 0, 0, pacific), // a Friday
		Window: quarterHours,
		End:    90 * time.Second, EndSpeed: 60,
	}}
	c := s.play(t)
	if len(c.Nights) < 2 {
		t.Fatalf("%d nights, want one that is too short and another", len(c.Nights))
	}
	for i, night := range []tariff.Night{"2026-11-20", "2026-11-23"} {
		if got := c.Nights[i].Span; got.Night != night || len(got.Pieces) != 2 {
			t.Errorf("night %d is %+v, want that of %s in two pieces", i+1, got, night)
		}
	}
	first := c.Nights[0]
	if first.Result.Jobs.Parked == 0 || first.Result.Carried == nil {
		t.Errorf("the first night left %+v over and carries %+v", first.Result.Jobs, first.Result.Carried)
	}
	for _, n := range c.Nights {
		wantInPieces(t, n, pacific)
	}
	wantPaidOnce(t, c)
	last := c.Nights[len(c.Nights)-1].Result
	// By the night-mode guide's run, two thirds of it: $0.039 and $0.0555 of tokens, by a quarter, and a cent for the agent.
	const each = 33_625 * money.Micro
	if !last.Audit.Passed || last.Jobs.Succeeded != s.Jobs || last.Discount.Landed != s.Jobs || last.Money.Billed != each.Times(int64(s.Jobs)) {
		t.Errorf("in the end: %+v, audit %+v; want %s a job", last.Jobs, last.Audit, each)
	}
}

// wantInPieces wants every run of a night to end in the minutes that the window
// names, by the clock and the calendar on a Pacific wall, and some to have run
// in each stretch.
func wantInPieces(t *testing.T, n fastnight.Night, pacific *time.Location) {
	t.Helper()
	in := map[int]int{}
	for _, a := range n.Sent {
		if !a.Executed {
			continue
		}
		end := a.Ended.In(pacific)
		began := a.At.In(pacific)
		at, day := end.Hour()*60+end.Minute(), end.Weekday()
		switch {
		case day == time.Saturday || day == time.Sunday || a.Status != http.StatusOK || !a.Discounted:
			t.Errorf("%s ended at %s with %d, discounted %t", a.Name, end, a.Status, a.Discounted)
		case at >= 21*60 && at < 21*60+20 && began.Hour() == 21:
			in[0]++
		case at >= 22*60+30 && at < 22*60+45 && began.Hour() == 22:
			in[1]++
		default:
			t.Errorf("%s began at %s and ended at %s", a.Name, began, end)
		}
	}
	t.Logf("night of %s: %d runs in the first stretch, %d in the second", n.Span.Night, in[0], in[1])
	if left := n.Result.Jobs.Parked; in[0] == 0 || in[1] == 0 && left > 0 {
		t.Errorf("night of %s: %d runs in the first stretch and %d in the second, with %d left over", n.Span.Night, in[0], in[1], left)
	}
}
