package report_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/report"
	"github.com/offpeak/offpeak/tariff"
)

var update = flag.Bool("update", false, "write the golden files anew")

var pacific = func() *time.Location {
	loc, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(err)
	}
	return loc
}()

func at(h, m, s int) time.Time {
	d := 22
	if h < 12 {
		d = 23
	}
	return time.Date(2026, time.November, d, h, m, s, 0, pacific)
}

func facts(r batch.Result) report.Facts {
	r.Batch, r.Night, r.State = "market-digest/2026-11-22", "2026-11-22", "done"
	r.Report = "file:///var/lib/offpeak/market-digest/2026-11-22/report"
	return report.Facts{
		Batch: ledger.Batch{ID: r.Batch, Provider: "swarms", Card: tariff.Swarms()},
		Span: tariff.Span{
			Night: "2026-11-22", Opens: at(20, 0, 0), Earliest: at(20, 15, 0), StartAt: at(21, 0, 0), Deadline: at(5, 0, 0), Closes: at(6, 0, 0),
		},
		Result: r,
	}
}

// book is the jobs and charges of a night: the guide's run (0.09725 by night,
// 0.1445 by day) for each job that succeeded.
func book(states ...batch.State) (jobs []ledger.Job, charges []ledger.Charge) {
	for i, s := range states {
		j := ledger.Job{
			Seq: i, Name: fmt.Sprintf("Digest %d", i+1), RequestID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i),
			State: s, Attempts: 1, Ceiling: 5 * money.Dollar,
		}
		if s == batch.Succeeded {
			charges = append(charges, ledger.Charge{
				Seq: i, Name: j.Name, RequestID: j.RequestID, Source: ledger.FromAnswer, Total: 97_250, DayPrice: 144_500, NightPrice: 97_250,
				InputTokens: 6000, OutputTokens: 3000, HasTokens: true, Agents: 5,
				SentAt: at(21, 0, 3), EndedAt: at(21, 0, 48+i),
			})
		}
		jobs = append(jobs, j)
	}
	return jobs, charges
}

func build(f report.Facts, jobs []ledger.Job, charges []ledger.Charge) report.Morning {
	d := report.New(f)
	for _, j := range jobs {
		d.Job(j)
	}
	for _, c := range charges {
		d.Charge(c)
	}
	return d.Build()
}

// passed is a night of three, all as it should be.
func passed() (report.Morning, []report.Row) {
	jobs, charges := book(batch.Succeeded, batch.Succeeded, batch.Succeeded)
	f := facts(batch.Result{
		Jobs:     batch.Counts{Total: 3, Succeeded: 3},
		Money:    batch.Money{Billed: 291_750, DayPrice: 433_500, Saved: 141_750, Ceiling: 15 * money.Dollar},
		Discount: batch.Discount{Landed: 3},
		Audit:    batch.Audit{Passed: true},
	})
	f.Result.Reconciled = &batch.Reconciliation{
		Batch: f.Batch.ID, Span: f.Span, At: at(5, 2, 0).UTC(), Rows: 1210, Runs: 3, Logged: 291_750, Charged: 291_750, Found: 1,
		Credits:  batch.Drawdown{From: at(21, 0, 0).UTC(), To: at(5, 2, 3).UTC(), Before: 100 * money.Dollar, After: 100*money.Dollar - 291_750},
		Findings: []batch.Finding{}, Notes: []batch.Note{},
	}
	f.Possible, f.Realised = 141_750, 141_750
	f.Leaks = []batch.Leak{{Cause: batch.LeakAgentFee, Jobs: 3, Dollars: 75_000, Note: "the agent fee dominates: it is more than half of what was paid, and no night discounts it; fewer agents a job would save more ($0.15 of $0.29175)"}}
	return build(f, jobs, charges), rows(jobs, charges)
}

// Every form of the report says when the window was open in a night of several
// pieces, in the zone of whoever reads it, and how long in all.
func TestNightInPieces(t *testing.T) {
	jobs, charges := book(batch.Succeeded)
	f := facts(batch.Result{Jobs: batch.Counts{Total: 1, Succeeded: 1}})
	f.Span.Pieces = []tariff.Piece{{Opens: at(20, 0, 0), Closes: at(22, 30, 0)}, {Opens: at(2, 0, 0), Closes: at(6, 0, 0)}}
	m := build(f, jobs, charges)
	if m.Window.Length != "6h30m0s" || len(m.Window.Pieces) != 2 {
		t.Errorf("%+v", m.Window)
	}
	utc := m.In(time.UTC)
	for zone, says := range map[*report.Morning]string{&m: "6h30m, 20:00 to 22:30 and 02:00 to 06:00", &utc: "6h30m, 04:00 to 06:30 and 10:00 to 14:00"} {
		var text, chat, page bytes.Buffer
		if err := errors.Join(report.Text(&text, *zone), report.Markdown(&chat, *zone), report.HTML(&page, *zone)); err != nil {
			t.Fatal(err)
		}
		for form, out := range map[string]string{"text": strings.Join(strings.Fields(text.String()), " "), "markdown": chat.String(), "page": page.String()} {
			if !strings.Contains(out, says) {
				t.Errorf("%s doesn't say %q:\n%s", form, says, out)
			}
		}
	}
}

// hard is a night on which most things went wrong.
func hard() (report.Morning, []report.Row) {
	states := []batch.State{batch.Succeeded, batch.Succeeded, batch.Rejected, batch.Unknown, batch.Skipped, batch.Cancelled}
	for range 30 {
		states = append(states, batch.Parked)
	}
	jobs, charges := book(states...)
	charges[1].Total, charges[1].EndedAt = 144_500, at(6, 2, 10)
	jobs[0].Attempts = 3
	jobs[2].Why = "HTTP 400: Model gpt-9 is not available. Check https://litellm.io for available models."
	jobs[3].Why = "HTTP 502 after 41 s: may have run"
	jobs[4].Why = "may cost $5.00: no room under the batch's cap of $1.00 with $0.24175 charged"
	jobs[5].Why = "cancelled by ada"
	jobs[6].Name = "=cmd|' /C calc'!A0"
	jobs[7].Name = "<script>alert(1)</script>"
	jobs[8].Name = "red \x1b[31malert\x1b[0m\nPASSED\r\x00"
	jobs[9].Name = "\u202Egnp.exe \u2066evil\u2069 \u200fx"
	jobs[10].Name = "日本の市場まとめ、とても長い名前のジョブです。全部は表示されません"
	jobs[11].Name = "broken \xff\xfe utf-8"
	for i := range jobs {
		if jobs[i].State == batch.Parked {
			jobs[i].Attempts, jobs[i].Why = 0, "could not end by 05:00 PST: may take 10m0s"
		}
	}
	var parked []string
	for _, j := range jobs[6:] {
		parked = append(parked, j.Name)
	}
	f := facts(batch.Result{
		Jobs:     batch.Counts{Total: 36, Succeeded: 2, Rejected: 1, Unknown: 1, Parked: 30, Skipped: 1, Cancelled: 1},
		Money:    batch.Money{Billed: 241_750, DayPrice: 289_000, Saved: 47_250, Ceiling: 180 * money.Dollar},
		Discount: batch.Discount{Landed: 1, Missed: 1},
	})
	f.Possible, f.Realised = 94_500, 47_250
	f.All = []batch.Finding{
		{Rule: batch.DiscountMissed, Jobs: []string{"Digest 2"}, Count: 1, Dollars: 47_250, Cause: "ended after the close at 06:00 PST, the last one at 06:02:10 PST", Remedy: "the price is decided when a run ends: lower window.finish_by, start earlier, or send fewer jobs a night"},
		{Rule: batch.BooksDisagree, Jobs: parked, Count: len(parked), Cause: "unfinished", Remedy: "run the batch again"},
		{Rule: batch.BooksDisagree, Jobs: []string{}, Dollars: 1, Cause: "the ledger's running sum says $0.241751 charged, its rows add up to $0.24175", Remedy: "keep the database as it is"},
	}
	f.Leaks = []batch.Leak{
		{Cause: batch.LeakParked, Jobs: 30, Dollars: 1234 * money.Dollar, Note: "put off to another night: their saving isn't lost"},
		{Cause: batch.LeakLate, Jobs: 1, Dollars: 47_250, Note: "ended after the close and paid the day price"},
	}
	f.Result.Reconciled = &batch.Reconciliation{
		Batch: f.Batch.ID, Span: f.Span, At: at(5, 20, 0), Rows: 12, Runs: 1, Logged: 97_251, Charged: 241_750, Absent: 2, Late: 1,
		Foreign:  batch.Spend{Runs: 3, Dollars: 60_000},
		Credits:  batch.Drawdown{From: at(21, 0, 0), To: at(5, 20, 3), Before: 100 * money.Dollar, After: 150 * money.Dollar},
		Findings: []batch.Finding{},
		Notes: []batch.Note{
			{Topic: batch.NoteGhosts, Jobs: []string{"Digest 2"}, Count: 1, Dollars: 144_500, Text: "charged by their answers and not in the provider's log", Remedy: "nothing"},
			{Topic: batch.NoteForeign, Jobs: []string{"$0.05, 2 runs: <b>scraper</b>\u202E (HeavySwarm)", "$0.01, 1 run: =1+1"}, Count: 3, Dollars: 60_000, Text: "runs on this key that aren't from these books"},
			{Topic: batch.NoteCredits, Dollars: 50 * money.Dollar, Text: "the account's credits rose by $50.00 while the log's runs on this key cost $0.16: $50.16 less: a top-up"},
		},
	}
	f.Stop = "stopped by ada\nat 05:10"
	f.Warnings = []string{"the rate card couldn't be read: the built-in one of 2026-07-09 is used"}
	d := report.New(f)
	for _, j := range jobs {
		d.Job(j)
	}
	for _, c := range charges {
		d.Charge(c)
	}
	for _, k := range []batch.Kind{batch.RateLimited, batch.RateLimited, ""} {
		d.Attempt(ledger.Attempt{Outcome: k})
	}
	return d.Build(), rows(jobs, charges)
}

// empty is a night on which nothing was even planned.
func empty() (report.Morning, []report.Row) {
	f := facts(batch.Result{Audit: batch.Audit{Findings: []batch.Finding{{
		Rule: batch.NothingToJudge, Jobs: []string{}, Cause: "the batch has no jobs", Remedy: "an empty night proves nothing",
	}}}})
	return build(f, nil, nil), nil
}

func rows(jobs []ledger.Job, charges []ledger.Charge) []report.Row {
	var all []report.Row
	for _, j := range jobs {
		r := report.Row{Job: j}
		for _, c := range charges {
			if c.RequestID == j.RequestID {
				r.Charge, r.Discount = &c, "landed"
				if c.Total > c.NightPrice {
					r.Discount = "missed"
				}
			}
		}
		all = append(all, r)
	}
	return all
}

func each(rows []report.Row) iter.Seq2[report.Row, error] {
	return func(yield func(report.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestGolden(t *testing.T) {
	for name, night := range map[string]func() (report.Morning, []report.Row){"passed": passed, "hard": hard, "empty": empty} {
		m, rows := night()
		for ext, write := range map[string]func(*bytes.Buffer) error{
			"txt":  func(b *bytes.Buffer) error { return report.Text(b, m) },
			"json": func(b *bytes.Buffer) error { return report.JSON(b, m) },
			"html": func(b *bytes.Buffer) error { return report.HTML(b, m) },
			"md":   func(b *bytes.Buffer) error { return report.Markdown(b, m) },
			"csv":  func(b *bytes.Buffer) error { return report.CSV(b, each(rows)) },
		} {
			t.Run(name+"."+ext, func(t *testing.T) {
				var b bytes.Buffer
				if err := write(&b); err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", name+"."+ext), b.Bytes())
			})
		}
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update to write it", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-want +got, -update writes it anew):\n%s", path, diff)
	}
}
