package activities_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// price is what one job of manifest costs by night.
const price = money.USD(67_250)

// logDown has the log answer 503.
var logDown = simulator.Rule{Match: "*", Endpoint: swarms.PathLogs, Kind: simulator.KindStatus, Status: 503}

// reconcile asks as the night itself does.
func (w *world) reconcile() batch.Reconciliation {
	w.Helper()
	r, err := w.hands.Reconcile(w.Context(), batch.ReconcileRequest{
		Batch: w.plan.Batch, Span: w.plan.Start.Span, WorkflowID: "nightly/digest/2026-11-22", RunID: "run-1",
	})
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// opened reads the credits as a night does when it opens.
func (w *world) opened() *world {
	w.Helper()
	if _, err := w.hands.CheckCredits(w.Context(), batch.CreditsRequest{Batch: w.plan.Batch, Estimate: w.plan.Estimate, When: "at the opening"}); err != nil {
		w.Fatal(err)
	}
	return w
}

// judged judges a night that is over.
func (w *world) judged(books *batch.Reconciliation) (batch.Result, error) {
	return w.hands.AuditDiscount(w.Context(), batch.AuditRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span, Again: true, Books: books})
}

// bought sends a run as another program with the same key does.
func (w *world) bought(name string) {
	w.Helper()
	payload := fmt.Sprintf(`{"name": %q, "swarm_type": "ConcurrentWorkflow", "task": "x", "agents": [{"agent_name": "A", "model_name": "gpt-4o-mini", "max_tokens": 1024}]}`, name)
	if _, _, err := w.deps.Swarms.Complete(w.Context(), []byte(payload)); err != nil {
		w.Fatal(err)
	}
}

func topics(r batch.Reconciliation) []string {
	all := []string{}
	for _, n := range r.Notes {
		all = append(all, n.Topic)
	}
	return all
}

// A true night: ledger, log and credits say the same, and nothing is said.
func TestReconcileATrueNight(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(3, "")).opened()
	for seq := range 3 {
		w.send(seq)
	}
	r := w.reconcile()
	want := batch.Reconciliation{
		Batch: w.plan.Batch, Span: w.plan.Start.Span, At: w.clock.Now(), Rows: 3, Runs: 3, Logged: 3 * price, Charged: 3 * price,
		Credits:  batch.Drawdown{From: nine, To: w.clock.Now(), Before: 1000 * money.Dollar, After: 1000*money.Dollar - 3*price},
		Findings: []batch.Finding{}, Notes: []batch.Note{},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	result, err := w.judged(&r)
	if err != nil || !result.Audit.Passed || result.Reconciled == nil || !reflect.DeepEqual(result.Span, w.plan.Start.Span) {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

// Each way in which the provider's log can disagree fails the night, by a
// micro-dollar too, with the jobs' names; what it merely leaves out doesn't.
func TestTheLogDisagrees(t *testing.T) {
	for name, c := range map[string]struct {
		kind    string
		dollars money.USD
		finding string
		topics  []string
	}{
		"twice in the log":    {simulator.KindDupLog, price, "same run more than once", []string{batch.NoteCredits}},
		"a micro-dollar more": {simulator.KindWrongLog, 1, "$0.067251 instead of $0.06725", []string{batch.NoteCredits}},
		"not in the log":      {simulator.KindGhost, 0, "", []string{batch.NoteGhosts, batch.NoteCredits}},
		"not in the log yet":  {simulator.KindLateLog, 0, "", []string{batch.NoteCredits}},
	} {
		t.Run(name, func(t *testing.T) {
			rule := simulator.Rule{Match: "job-1", Kind: c.kind}
			if c.kind == simulator.KindLateLog {
				rule.Delay = simulator.Duration(time.Minute)
			}
			w := newWorld(t, nil).faults(rule).planned(manifest(3, "")).opened()
			for _, seq := range []int{0, 2, 1} {
				w.send(seq)
			}
			if c.kind == simulator.KindGhost {
				_ = w.clock.Wait(t.Context(), w.plan.Policy.LogLag)
			}
			r := w.reconcile()
			if diff := cmp.Diff(c.topics, topics(r)); diff != "" {
				t.Errorf("%s%+v", diff, r.Notes)
			}
			_, err := w.judged(&r)
			if c.finding == "" {
				if len(r.Findings) > 0 || err != nil {
					t.Errorf("%+v, %v", r.Findings, err)
				}
				w.honest()
				return
			}
			if len(r.Findings) != 1 || r.Findings[0].Dollars != c.dollars || !slices.Equal(r.Findings[0].Jobs, []string{"job-1"}) || !strings.Contains(r.Findings[0].Cause, c.finding) {
				t.Errorf("%+v", r.Findings)
			}
			if kindOf(t, err) != batch.BooksDisagree || !strings.Contains(err.Error(), c.finding) || !strings.Contains(err.Error(), "job-1") {
				t.Errorf("%v", err)
			}
			w.honest()
		})
	}
}

// Spend on the same key that isn't from these books is named, and another
// batch's of the same ledger isn't taken for it.
func TestForeignSpend(t *testing.T) {
	w := newWorld(t, nil).opened() // a reading that is too old to count
	w.bought("before the night opened, in its first minute")
	w.planned(strings.Replace(manifest(1, ""), `"digest"`, `"other"`, 1))
	w.send(0)
	w.planned(manifest(1, "")).opened()
	w.send(0)
	w.bought("scraper")
	w.bought("scraper")
	w.bought("report [00000000-0000-4000-8000-000000000000]")
	r := w.reconcile()
	if r.Rows != 6 || r.Runs != 1 || r.Foreign.Runs != 4 || r.Logged != price || !slices.Equal(topics(r), []string{batch.NoteForeign}) {
		t.Fatalf("%+v", r)
	}
	n := r.Notes[0]
	if n.Count != 4 || n.Dollars != r.Foreign.Dollars || !strings.HasSuffix(n.Jobs[0], ", 2 runs: scraper (ConcurrentWorkflow)") {
		t.Errorf("%+v", n)
	}
	if fell := r.Credits.Before - r.Credits.After; fell <= r.Logged || !r.Credits.From.After(nine) {
		t.Errorf("the credits fell by %s since %s", fell, r.Credits.From)
	}
	if _, err := w.judged(&r); err != nil {
		t.Errorf("%v: somebody else's spend is no fault of the night", err)
	}
}

// A log that can't be read, or that is an hour late: jobs end unknown, the
// audit fails and names them, and a later reconciliation closes them without
// sending anything.
func TestALaterReconciliation(t *testing.T) {
	down := []simulator.Rule{lostAnswer("job-0"), logDown}
	for name, late := range map[string]bool{"a log that is down": false, "a log that is an hour late": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(o *simulator.Options) {
				if late {
					o.Switches.LogLag = simulator.Duration(time.Hour)
				}
			})
			if late {
				w.faults(lostAnswer("job-0"))
			} else {
				w.faults(down...)
			}
			w.planned(manifest(3, `"policy": {"on_unknown": "hold"},`)).opened()
			for seq := range 3 {
				w.send(seq)
			}
			_ = w.clock.Wait(t.Context(), w.plan.Policy.LogLag)
			sent := len(w.posts())
			r := w.reconcile()
			if r.Found+r.Absent+r.Late != 0 || (r.Log == "") != late || !late && !slices.Contains(topics(r), batch.NoteLog) {
				t.Errorf("%+v", r)
			}
			if _, err := w.judged(&r); kindOf(t, err) != batch.OutcomesUnknown || !strings.Contains(err.Error(), "job-0") {
				t.Errorf("%v", err)
			}
			w.faults() // the log is back
			_ = w.clock.Wait(t.Context(), time.Hour)
			r = w.reconcile()
			if r.Found != 1 || r.Runs != 3 || r.Logged != r.Charged || len(r.Notes) != 0 || len(r.Findings) != 0 {
				t.Errorf("%+v", r)
			}
			result, err := w.judged(&r)
			if err != nil || result.Jobs.Succeeded != 3 || !strings.HasSuffix(result.Report, "report-2") {
				t.Errorf("%+v, %v", result, err)
			}
			if n := len(w.posts()); n != sent || n != 3 {
				t.Errorf("%d requests, %d before", n, sent)
			}
			if _, err := w.store.Get(t.Context(), w.job(0).Output); err != nil {
				t.Errorf("the answer from the log: %v", err)
			}
			w.honest()
		})
	}
}

// What provably didn't run is put off, and nothing is sent for it.
func TestReconcileDeclaresAbsent(t *testing.T) {
	w := newWorld(t, nil).faults(simulator.Rule{Match: "job-0", Kind: simulator.KindStatus, Status: 503}).planned(manifest(2, ""))
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown {
		t.Fatal(err)
	}
	if early := w.reconcile(); early.Absent != 0 || w.job(0).State != batch.Unknown {
		t.Errorf("before the lag has passed: %+v", early)
	}
	_ = w.clock.Wait(t.Context(), w.plan.Policy.LogLag)
	w.send(1)
	r := w.reconcile()
	if r.Absent != 1 || r.Found != 0 {
		t.Errorf("%+v", r)
	}
	if j := w.job(0); j.State != batch.Parked || !strings.HasPrefix(j.Why, "proven not to have run; run the batch again") {
		t.Errorf("%+v", j)
	}
	if again := w.reconcile(); again.Absent != 0 || len(w.posts()) != 2 {
		t.Errorf("%+v after %d requests", again, len(w.posts()))
	}
	w.honest()
}

// A log that lacks what was answered longer ago than its lag is behind: what it
// doesn't show may have run all the same, and stays unknown.
func TestReconcileTrustsNoLogThatIsBehind(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.LogLag = simulator.Duration(time.Hour) })
	w.jitter = func(most time.Duration) time.Duration { return most - time.Millisecond } // too long to wait for it in process
	w.faults(lostAnswer("job-0")).unread(manifest(2, ""))
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown {
		t.Fatal(err)
	}
	_ = w.clock.Wait(t.Context(), w.plan.Policy.LogLag)
	w.send(1)
	if r := w.reconcile(); r.Absent != 0 || w.job(0).State != batch.Unknown || len(r.Notes) != 0 {
		t.Errorf("a log that shows nothing yet: %+v", r)
	}
	_ = w.clock.Wait(t.Context(), 2*w.plan.Policy.LogLag)
	if r := w.reconcile(); r.Absent != 0 || w.job(0).State != batch.Unknown || !slices.Equal(topics(r), []string{batch.NoteGhosts}) {
		t.Errorf("%+v", r)
	}
	_ = w.clock.Wait(t.Context(), time.Hour)
	if r := w.reconcile(); r.Found != 1 || len(r.Notes) != 0 {
		t.Errorf("%+v", r)
	}
	w.honest()
}

// A run that ends, or shows, after it had been declared absent, as only credits
// that say nothing let it be, is booked and named: as the answer of a job that wasn't sent again, as a second charge of
// one that was.
func TestLateArrivals(t *testing.T) {
	lost := []simulator.Rule{
		{Match: "job-0", Kind: simulator.KindStatus, Status: 503, AfterWork: true, Attempts: firstTry},
		{Match: "job-0", Kind: simulator.KindLateLog, Delay: simulator.Duration(3 * time.Hour), Attempts: firstTry},
	}
	t.Run("not sent again", func(t *testing.T) {
		w := newWorld(t, nil).faults(append(lost, logDown)...).unread(manifest(2, ""))
		if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown {
			t.Fatal(err)
		}
		w.faults(lost...)
		_ = w.clock.Wait(t.Context(), w.plan.Policy.LogLag)
		w.send(1)
		if r := w.reconcile(); r.Absent != 1 || w.job(0).State != batch.Parked {
			t.Fatalf("%+v", r)
		}
		_ = w.clock.Wait(t.Context(), 3*time.Hour)
		r := w.reconcile()
		if r.Late != 1 || len(r.Findings) != 0 || !slices.Equal(topics(r), []string{batch.NoteLate}) || r.Notes[0].Dollars != price || r.Notes[0].Jobs[0] != "job-0" {
			t.Errorf("%+v", r)
		}
		result, err := w.judged(&r)
		if err != nil || result.Jobs.Succeeded != 2 || result.Money.Billed != 2*price {
			t.Errorf("%+v, %v", result, err)
		}
		if _, err := w.store.Get(t.Context(), w.job(0).Output); err != nil {
			t.Errorf("its answer: %v", err)
		}
		if again := w.reconcile(); again.Late != 0 || again.Charged != 2*price {
			t.Errorf("%+v", again)
		}
		w.honest()
	})
	t.Run("sent again", func(t *testing.T) {
		w := newWorld(t, nil).faults(lost...).unread(manifest(2, ""))
		w.jitter = func(most time.Duration) time.Duration { return most - time.Millisecond } // too long to wait for it in process
		if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown {
			t.Fatal(err)
		}
		for _, seq := range []int{1, 0} {
			w.send(seq)
		}
		_ = w.clock.Wait(t.Context(), 3*time.Hour)
		r := w.reconcile()
		if r.Late != 1 || r.Charged != 3*price || r.Logged != 3*price || len(r.Findings) != 1 || r.Findings[0].Dollars != price || !strings.Contains(r.Findings[0].Cause, "more than one run") {
			t.Errorf("%+v", r)
		}
		if _, err := w.judged(&r); kindOf(t, err) != batch.BooksDisagree || !strings.Contains(err.Error(), "job-0") {
			t.Errorf("%v", err)
		}
		if totals, err := w.books.Totals(t.Context(), w.plan.Batch); err != nil || totals.Charged != w.api.Books().Totals().Billed {
			t.Errorf("%+v, %v", totals, err)
		}
	})
}

// A job that a dead worker left sending is settled like any other.
func TestReconcileAfterACrash(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	w.send(1)
	j := w.job(0)
	ask := ledger.Ask{Batch: w.plan.Batch, Seq: 0, Span: w.plan.Start.Span, Slow: w.plan.Policy.RequestTimeout}
	if v, _, err := w.books.Admit(t.Context(), ask, func(s ledger.Standing) ledger.Verdict { return gate.Decide(s, gate.Rules{}) }); err != nil || v.Action != ledger.Go {
		t.Fatalf("%+v, %v", v, err)
	}
	payload, err := swarms.Payload(j.Request, j.Name, j.RequestID)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.deps.Swarms.Complete(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	w.newHands(w.server.URL)
	if r := w.reconcile(); r.Found != 1 || w.job(0).State != batch.Succeeded {
		t.Errorf("%+v", r)
	}
	w.honest()
}

// A night that another run has in hand is left alone; one whose run has ended
// isn't.
func TestReconcileLeavesARunningNightAlone(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(1, ""))
	w.send(0)
	running := true
	w.deps.Running = func(_ context.Context, workflowID, runID string) (bool, error) {
		if workflowID != "nightly/digest/2026-11-22" || runID != "run-1" {
			t.Errorf("asked for %s, %s", workflowID, runID)
		}
		return running, nil
	}
	w.hands = activities.New(w.deps)
	ask := batch.ReconcileRequest{Batch: w.plan.Batch, WorkflowID: "reconcile/digest/2026-11-22", RunID: "run-9"}
	_, err := w.hands.Reconcile(t.Context(), ask)
	if kindOf(t, err) != batch.NightClaimed || !applicationError(t, err).NonRetryable() || !strings.Contains(err.Error(), "run-1") {
		t.Errorf("%v", err)
	}
	running = false
	r, err := w.hands.Reconcile(t.Context(), ask)
	if err != nil || r.Runs != 1 || !r.Span.Opens.Equal(w.plan.Start.Span.Opens) {
		t.Errorf("%+v, %v", r, err)
	}
	ask.Batch = "digest/2026-11-21"
	if _, err := w.hands.Reconcile(t.Context(), ask); kindOf(t, err) != batch.NotFound {
		t.Errorf("%v", err)
	}
}

func TestNightBatches(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(1, ""))
	w.planned(strings.Replace(manifest(1, ""), `"digest"`, `"other"`, 1))
	pacific := w.plan.Start.Span.Location()
	both := []batch.ID{"digest/2026-11-22", "other/2026-11-22"}
	for name, c := range map[string]struct {
		night string
		asked time.Time
		want  []batch.ID
	}{
		"by date":            {"2026-11-22", nine, both},
		"in the morning":     {"yesterday", time.Date(2026, 11, 23, 7, 0, 0, 0, pacific), both},
		"as it closes":       {"yesterday", time.Date(2026, 11, 23, 6, 0, 0, 0, pacific), both},
		"while it runs":      {"yesterday", time.Date(2026, 11, 23, 5, 59, 59, 0, pacific), []batch.ID{}},
		"in the next night":  {"yesterday", time.Date(2026, 11, 23, 23, 0, 0, 0, pacific), both},
		"after another one":  {"yesterday", time.Date(2026, 11, 24, 7, 0, 0, 0, pacific), []batch.ID{}},
		"whatever zone asks": {"yesterday", time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC), both},
	} {
		got, err := w.hands.NightBatches(t.Context(), batch.NightRequest{Night: c.night, Asked: c.asked})
		if err != nil || got == nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := w.hands.NightBatches(t.Context(), batch.NightRequest{Night: "2026-11-21", Asked: nine}); kindOf(t, err) != batch.NotFound || !strings.Contains(err.Error(), "2026-11-21") {
		t.Errorf("a date without batches: %v", err)
	}
	if _, err := w.hands.NightBatches(t.Context(), batch.NightRequest{Night: "tonight", Asked: nine}); kindOf(t, err) != batch.BadInput {
		t.Errorf("%v", err)
	}
}

// A log that is down for a moment is asked again; it is a free question.
func TestReconcileAsksAgain(t *testing.T) {
	blip := logDown
	blip.Times = 2
	w := newWorld(t, nil).planned(manifest(1, ""))
	w.send(0)
	w.faults(blip)
	if r := w.reconcile(); r.Log != "" || r.Rows != 1 || r.Runs != 1 {
		t.Errorf("%+v", r)
	}
	blip.Times = 3
	w.faults(blip)
	r := w.reconcile()
	if !strings.Contains(r.Log, "503") || r.Rows != 0 || len(r.Findings) != 0 || !slices.Equal(topics(r), []string{batch.NoteLog}) {
		t.Errorf("%+v", r)
	}
	if _, err := w.judged(&r); err != nil {
		t.Errorf("%v: what was answered is proven without the log", err)
	}
}
