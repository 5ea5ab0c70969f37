package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/starter/nightly"
	"github.com/offpeak/offpeak/tariff"
	"github.com/offpeak/offpeak/workflows"
)

// kept compares with a file of testdata; go test -update writes it.
func kept(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", name, d)
	}
}

// scene is a moment of a night, and what was known of it then.
type scene struct {
	name string
	at   time.Time
	view nightly.View
}

// aNightsScenes are looks at one night as a person would take them, from its
// plan to its end, with what can hold it up. Times are as they come out of
// JSON: with an offset and no zone.
func aNightsScenes(t *testing.T) []scene {
	t.Helper()
	w := tariff.SwarmsWindow()
	s, err := w.Next(time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	bare := time.FixedZone("", -8*3600)
	for _, at := range []*time.Time{&s.Opens, &s.Closes, &s.StartAt, &s.Deadline, &s.Earliest} {
		*at = at.In(bare)
	}
	from := s.StartAt
	p := batch.Progress{
		Batch: "market-digest/2026-11-22", State: workflows.StateSending, Span: s, Jobs: batch.Counts{Total: 4000},
		Estimate: 20 * money.Dollar, Ceiling: 60 * money.Dollar, Cap: 50 * money.Dollar,
	}
	with := func(change func(*batch.Progress)) nightly.View {
		q := p
		change(&q)
		return nightly.View{Night: nightly.Night{Batch: p.Batch, WorkflowID: "nightly/market-digest/2026-11-22"}, Progress: q}
	}
	sending := func(succeeded int, more func(*batch.Progress)) nightly.View {
		return with(func(q *batch.Progress) {
			q.Jobs.Succeeded = succeeded
			q.Billed, q.DayPrice = money.USD(succeeded)*5_000, money.USD(succeeded)*8_000
			q.InFlight = 12
			if more != nil {
				more(q)
			}
		})
	}
	over := sending(3990, func(q *batch.Progress) { q.State = workflows.StateDone })
	over.Closed = true
	over.Result = batch.Result{
		Batch: p.Batch, Night: s.Night, State: workflows.StateFailed, Span: s, Jobs: batch.Counts{Total: 4000, Succeeded: 3990, Rejected: 7, Parked: 3},
		Money:    batch.Money{Billed: 1995 * money.Cent, DayPrice: 3192 * money.Cent, Saved: 1197 * money.Cent, Ceiling: 60 * money.Dollar},
		Discount: batch.Discount{Landed: 3988, Missed: 2}, Report: "s3://nights/market-digest/2026-11-22/report",
		Audit: batch.Audit{Findings: []batch.Finding{{
			Rule: batch.DiscountMissed, Jobs: []string{"EU", "US"}, Count: 2, Dollars: money.Cent, Cause: "ended after the close", Remedy: "lower window.finish_by",
		}}},
	}
	refused := with(func(q *batch.Progress) { q.State = workflows.StateRefused })
	refused.Closed = true
	refused.Fault = &batch.Fault{Kind: batch.CreditsTooLow, Op: "check credits of", Thing: string(p.Batch), Detail: "$12.00, and 1.5 x the estimate is $30.00", Hint: "add credits and start again; nothing was sent"}
	alone := with(func(*batch.Progress) {})
	alone.NoWorker = true
	return []scene{
		{"planning", from.Add(-9 * time.Hour), with(func(q *batch.Progress) { *q = batch.Progress{Batch: p.Batch, State: workflows.StatePlanning} })},
		{"waiting", from.Add(-9 * time.Hour), with(func(q *batch.Progress) {
			q.State, q.Waiting, q.Warnings = workflows.StateWaiting, from, []string{"2 jobs without expect: priced by a guess"}
		})},
		{"first", from, sending(0, func(q *batch.Progress) {
			q.InFlight = 1
			q.Waits = []batch.Wait{{Reason: "pilot", Detail: "the night's first request goes ahead until the key is proven", Jobs: 499}}
		})},
		{"sending", from.Add(30 * time.Second), sending(60, nil)},
		{"full", from.Add(60 * time.Second), sending(120, func(q *batch.Progress) {
			q.Waits = []batch.Wait{
				{Reason: "quota", Detail: "100 of 100 requests per minute are used; one frees at 21:01:04 PST", Until: from.Add(64 * time.Second), Jobs: 380},
				{Reason: "retry", Detail: "their next try, or their next look into the provider's log", Until: from.Add(70 * time.Second), Jobs: 3},
			}
		})},
		{"slower", from.Add(120 * time.Second), sending(126, func(q *batch.Progress) { q.Jobs.Rejected = 1 })},
		{"floor", from.Add(150 * time.Second), sending(126, func(q *batch.Progress) {
			q.Jobs.Rejected, q.InFlight = 1, 0
			q.Waits = []batch.Wait{{Reason: "floor", Detail: "nothing is sent before 22:00:00 PST: Retry-After", Until: from.Add(time.Hour), Jobs: 500}}
		})},
		{"paused", from.Add(180 * time.Second), sending(126, func(q *batch.Progress) {
			q.Jobs.Rejected, q.InFlight = 1, 0
			q.Paused = batch.Pause{By: "ada", Why: "look at \x1b[31mthis", At: from.Add(170 * time.Second)}
			q.Waits = []batch.Wait{{Reason: "paused", Detail: "the batch is paused by ada", Jobs: 500}}
		})},
		{"alone", from.Add(200 * time.Second), alone},
		{"log", from.Add(7 * time.Hour), sending(3990, func(q *batch.Progress) {
			q.State, q.Waiting, q.InFlight = workflows.StateReconciling, from.Add(7*time.Hour+2*time.Minute), 0
		})},
		{"auditing", from.Add(7*time.Hour + 3*time.Minute), sending(3990, func(q *batch.Progress) { q.State, q.InFlight = workflows.StateAuditing, 0 })},
		{"over", from.Add(7*time.Hour + 4*time.Minute), over},
		{"refused", from, refused},
	}
}

// TestFollowGolden is what a person sees of a night, word for word: the lines
// where there is no terminal, the bar's two lines on one that is 100 columns
// wide, and starter status of each moment.
func TestFollowGolden(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var now time.Time
	var out, errs bytes.Buffer
	a := &app{World: World{Out: &out, Err: &errs, Now: func() time.Time { return now }, Local: berlin, Width: 100}}
	l, b := &lines{app: a}, &bar{app: a}
	var beside, status strings.Builder
	for _, s := range aNightsScenes(t) {
		now = s.at
		if s.name != "refused" { // it is another night
			l.see(s.view)
			b.view = s.view
			b.pace.see(s.view, now)
			fmt.Fprintf(&beside, "%-8s  [====] %s\n%s", s.name, b.text(), b.below())
		}
	}
	kept(t, "follow-lines", errs.String())
	kept(t, "follow-bar", beside.String())
	for line := range strings.Lines(beside.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, s := range aNightsScenes(t) {
		out.Reset()
		errs.Reset()
		now = s.at
		a.writeStatus(s.view)
		fmt.Fprintf(&status, "=== %s\n%s--- standard error\n%s", s.name, out.String(), errs.String())
	}
	kept(t, "status", status.String())
}

// TestBar draws frames of the bar as a terminal gets them: two lines, drawn
// over each other, and nothing left at the end.
func TestBar(t *testing.T) {
	var errs bytes.Buffer
	scenes := aNightsScenes(t)
	now := scenes[0].at
	a := &app{World: World{Out: &errs, Err: &errs, Now: func() time.Time { return now }, Local: time.UTC, Width: 100}}
	b := newBar(a)
	for _, s := range scenes[:5] {
		now = s.at
		b.see(s.view)
	}
	b.close()
	got := errs.String()
	if want := "waiting for the night: 4,000 jobs, estimate $20.00, begins Sun 2026-11-22 21:00 PST"; !strings.Contains(got, want) {
		t.Errorf("%q isn't above the bar: %q", want, got)
	}
	if !strings.Contains(got, "note: 2 jobs without expect: priced by a guess\n") {
		t.Errorf("a note is missing: %q", got)
	}
}
