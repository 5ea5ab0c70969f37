package e2e

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// TestTheExample is README's second step: a worker and a starter of one's own
// run the three digests; a second run sends nothing again.
func TestTheExample(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	text, err := os.ReadFile("../examples/market-digest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// As it stands, but for the two minutes that the real provider's log may take.
	example := h.file("market-digest.yaml", string(text)+"\npolicy: {log_lag: 1s}\n")
	for i := range 2 {
		d := h.starter("run", "--json", h.flag(), example)
		if d.code != 0 {
			t.Fatalf("run %d: exit %d\n%s\n%s", i, d.code, d.out, d.stderr)
		}
		r := d.result(t)
		if r.Jobs.Total != 3 || r.Jobs.Succeeded != 3 || r.Discount.Landed != 3 || r.Discount.Missed != 0 || !r.Audit.Passed {
			t.Errorf("run %d: %+v", i, r)
		}
		if r.Money.Saved <= 0 || r.Money.Billed+r.Money.Saved != r.Money.DayPrice {
			t.Errorf("run %d: money %+v doesn't add up", i, r.Money)
		}
		books := h.books()
		if len(books.posts) != 3 || books.billed != r.Money.Billed {
			t.Errorf("run %d: the provider saw %d requests and billed %s, the report says %s", i, len(books.posts), books.billed, r.Money.Billed)
		}
	}
	id := "market-digest/" + string(h.night())
	report := h.starter("report", id)
	if report.code != 0 || !strings.Contains(report.out, "PASSED") || !strings.Contains(report.out, id) {
		t.Errorf("report: exit %d\n%s\n%s", report.code, report.out, report.stderr)
	}
	for _, name := range []string{"report.txt", "report.json", "report.csv", "report.html"} {
		found, err := filepath.Glob(filepath.Join(h.dir, "archive", "market-digest", string(h.night()), name))
		if err != nil || len(found) != 1 {
			t.Errorf("no %s in the archive", name)
		}
	}
}

// TestCreditsTooLow: refused before a single submit.
func TestCreditsTooLow(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) { o.Accounts[0].Credit = 1_010_000 }})
	h.worker()
	d := h.starter("run", "--json", h.manifest("poor", 60, ""))
	if d.code != batch.ExitMoney || !strings.Contains(d.out+d.stderr, "CreditsTooLow") || !strings.Contains(d.out+d.stderr, "$1.01") {
		t.Errorf("exit %d, want %d\n%s\n%s", d.code, batch.ExitMoney, d.out, d.stderr)
	}
	h.record(h.batchID("poor").WorkflowID(), "nightly-refused")
	if n := len(h.books().posts); n != 0 {
		t.Errorf("%d submits", n)
	}
}

// TestOverBudget: an estimate above the batch's cap is refused too.
func TestOverBudget(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	d := h.starter("run", h.manifest("dear", 60, "budget: {per_job: 1.00, batch: 0.05}"))
	if d.code != batch.ExitMoney || !strings.Contains(d.stderr, "$0.05") {
		t.Errorf("exit %d, want %d\n%s", d.code, batch.ExitMoney, d.stderr)
	}
	if n := len(h.books().posts); n != 0 {
		t.Errorf("%d submits", n)
	}
}

// TestTheAuditFailsTheNight: a discount that didn't land, arithmetic that
// contradicts its flag, a missing bill, an empty night: exit 5, the workflow
// fails with the finding's type, after the report was written.
func TestTheAuditFailsTheNight(t *testing.T) {
	t.Parallel()
	rule := func(r simulator.Rule) func(*simulator.Options) {
		return func(o *simulator.Options) { o.Faults = []simulator.Rule{r} }
	}
	for _, c := range []struct {
		name string
		sim  func(*simulator.Options)
		kind batch.Kind
		jobs []string
	}{
		{"no discount for one job", rule(simulator.Rule{Match: "Job 001", Kind: simulator.KindFullPrice}), batch.DiscountMissed, []string{"Job 001"}},
		{"no discount at all", func(o *simulator.Options) { o.Switches.Discount = "off" }, batch.DiscountMissed, []string{"Job 000", "Job 001", "Job 002"}},
		{"a flag that lies", rule(simulator.Rule{Match: "Job 002", Kind: simulator.KindLie}), batch.DiscountMissed, []string{"Job 002"}},
		{"no bill", rule(simulator.Rule{Match: "Job 000", Kind: simulator.KindNoBilling}), batch.BillingMissing, []string{"Job 000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, want{opens: -time.Minute, sim: c.sim})
			h.worker()
			d := h.starter("run", "--json", h.manifest("audited", 3, ""))
			if d.code != batch.ExitAudit {
				t.Fatalf("exit %d, want %d\n%s\n%s", d.code, batch.ExitAudit, d.out, d.stderr)
			}
			r := d.result(t)
			h.record(r.Batch.WorkflowID(), "nightly-failed")
			h.wantFinding(r, c.kind, c.jobs)
			if got := h.failureType("nightly/" + string(r.Batch)); got != string(c.kind) {
				t.Errorf("the workflow failed with type %q, want %q", got, c.kind)
			}
			h.wantReport(r, string(c.kind))
			if n := len(h.books().posts); n != 3 {
				t.Errorf("%d requests, want 3: a finding must not buy anything again", n)
			}
		})
	}
}

// TestAnEmptyNightFails: a generator that produced nothing must not look like
// a good night.
func TestAnEmptyNightFails(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker()
	h.file("none.jsonl", "\n")
	d := h.starter("run", "--json", h.file("empty.yaml", "name: empty\n"+h.terms("jobs_from: none.jsonl\n")))
	if d.code != batch.ExitAudit {
		t.Fatalf("exit %d, want %d\n%s\n%s", d.code, batch.ExitAudit, d.out, d.stderr)
	}
	h.wantFinding(d.result(t), batch.NothingToJudge, nil)
}

// TestTheNightWaits: asked for before the window, it begins when the window
// opens, not before.
func TestTheNightWaits(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: 12 * time.Second})
	h.worker()
	d := h.starter("run", "--json", h.manifest("waits", 3, ""))
	if d.code != 0 {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	span, err := h.window.On(h.night())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range h.books().posts {
		if p.At.Before(span.Opens) {
			t.Errorf("a request left %s before the window opened", span.Opens.Sub(p.At))
		}
		if p.At.After(span.Opens.Add(10 * time.Second)) {
			t.Errorf("a request left %s after the window opened", p.At.Sub(span.Opens))
		}
	}
	if !strings.Contains(d.stderr, "wait") {
		t.Errorf("nothing says that it waits:\n%s", d.stderr)
	}
}

func (h *house) wantFinding(r batch.Result, kind batch.Kind, jobs []string) {
	h.t.Helper()
	if r.Audit.Passed {
		h.t.Fatalf("the audit passed: %+v", r)
	}
	for _, f := range r.Audit.Findings {
		if f.Rule != kind {
			continue
		}
		if f.Cause == "" || f.Remedy == "" {
			h.t.Errorf("%s names no cause or remedy: %+v", kind, f)
		}
		if len(jobs) > 0 && fmt.Sprint(f.Jobs) != fmt.Sprint(jobs) {
			h.t.Errorf("%s names %v, want %v", kind, f.Jobs, jobs)
		}
		if len(jobs) > 0 && f.Dollars <= 0 {
			h.t.Errorf("%s names no dollars", kind)
		}
		return
	}
	h.t.Errorf("no finding %s in %+v", kind, r.Audit.Findings)
}

// wantReport makes sure that the report was written although the night failed.
func (h *house) wantReport(r batch.Result, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, "archive", filepath.FromSlash(string(r.Batch)), "report.txt")
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), text) {
		h.t.Errorf("the written report doesn't name %s: %v\n%s", text, err, data)
	}
}

// seen is what the simulator's own books say.
type seen struct {
	posts  []simulator.Arrival // of paid requests, in order
	billed money.USD
}

func (h *house) books() seen {
	h.t.Helper()
	var s seen
	for a := range h.sim.Books().Arrivals() {
		if strings.HasSuffix(a.Path, "/completions") {
			s.posts = append(s.posts, a)
			s.billed += a.Billed
		}
	}
	return s
}

// of are the requests for one job.
func (s seen) of(job string) []simulator.Arrival {
	var out []simulator.Arrival
	for _, a := range s.posts {
		if strings.HasPrefix(a.Name, job+" [") {
			out = append(out, a)
		}
	}
	return out
}

// boughtTwice names jobs whose work was done more than once.
func (s seen) boughtTwice() []string {
	runs := map[string]int{}
	var twice []string
	for _, a := range s.posts {
		if !a.Executed {
			continue
		}
		if runs[a.RequestID]++; runs[a.RequestID] == 2 {
			twice = append(twice, a.Name)
		}
	}
	return twice
}

// states reads how each job ended from the written report.
func (h *house) states(name string) map[string]string {
	h.t.Helper()
	path := filepath.Join(h.dir, "archive", name, string(h.night()), "report.csv")
	f, err := os.Open(path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		h.t.Fatalf("%s: %d rows: %v", path, len(rows), err)
	}
	at := map[string]int{}
	for i, column := range rows[0] {
		at[column] = i
	}
	states := map[string]string{}
	for _, r := range rows[1:] {
		states[r[at["name"]]] = r[at["state"]]
	}
	return states
}

// failureType is the error type with which a workflow failed.
func (h *house) failureType(id string) string {
	h.t.Helper()
	err := h.client.GetWorkflow(h.t.Context(), id, "").Get(h.t.Context(), nil)
	var app *temporal.ApplicationError
	var act *temporal.ActivityError
	if !errors.As(err, &app) || errors.As(err, &act) {
		h.t.Errorf("%s ended with %v, want an application error of its own", id, err)
		return ""
	}
	return app.Type()
}
