package activities_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/activities"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// hopeful is a manifest whose jobs say that they use next to nothing.
func hopeful(n int, budget string) string {
	m := manifest(n, `"budget": `+budget+`,`)
	return strings.Replace(m, `"expect": {"input_tokens": 6000, "output_tokens": 3000}`, `"expect": {"input_tokens": 1, "output_tokens": 1}`, 1)
}

// A runaway: the estimate fits, the jobs cost more. It stops at or under its
// cap, says which, and the rest is skipped without a wait for each.
func TestRunaway(t *testing.T) {
	w := newWorld(t, nil)
	w.planned(hopeful(200, `{"per_job": 1.00, "batch": 4.50}`))
	began := w.clock.Now()
	skipped := 0
	for seq, o := range w.crowd(2) {
		switch o.State {
		case batch.Skipped:
			skipped++
			if !strings.Contains(o.Why, "the batch's cap of $4.50") {
				t.Errorf("job %d: %s", seq, o.Why)
			}
		case batch.Succeeded:
		default:
			t.Errorf("job %d: %+v", seq, o)
		}
	}
	billed := w.api.Books().Totals().Billed
	if skipped == 0 || billed > 4_500_000 || billed < 4*money.Dollar {
		t.Errorf("%d skipped, %s billed under a cap of $4.50", skipped, billed.Dollars())
	}
	if took := w.clock.Now().Sub(began); took > time.Hour {
		t.Errorf("it took %s", took)
	}
	result, err := w.audit()
	if err != nil || result.ExitCode() != batch.ExitMoney || result.Jobs.Skipped != skipped {
		t.Errorf("%+v, %v", result, err)
	}
	for _, want := range []string{"jobs were skipped for want of budget", "the batch's cap of $4.50 with " + billed.Dollars() + " charged"} {
		if !strings.Contains(result.Budget, want) {
			t.Errorf("%q isn't said in %q", want, result.Budget)
		}
	}
	report, err := w.store.Get(t.Context(), strings.TrimPrefix(result.Report, w.store.URL(""))+".txt")
	if err != nil || !strings.Contains(string(report), "for want of budget") {
		t.Errorf("%s, %v", report, err)
	}
	// Raised, what was skipped is sent after all.
	steered, err := w.hands.SteerNight(t.Context(), batch.Steer{Batch: w.plan.Batch, Do: batch.SteerRaise, Order: batch.Order{By: "ada", Cap: 50 * money.Dollar}})
	if err != nil || steered.Reopened != skipped || steered.Cap != 50*money.Dollar {
		t.Fatalf("%+v, %v", steered, err)
	}
	for seq, o := range w.crowd(2) {
		if o.State != batch.Succeeded {
			t.Errorf("job %d after the raise: %+v", seq, o)
		}
	}
	w.honest()
}

// Two batches of one key share budget.day, and the operator's caps hold for
// whoever doesn't have one.
func TestCapsOfTheNight(t *testing.T) {
	for _, c := range []struct {
		name, budget, says string
		caps               ledger.Caps
	}{
		{"budget.day", `{"day": 3.00}`, "(budget.day) of $3.00", ledger.Caps{}},
		{"of the key", `{}`, "(OFFPEAK_CAP_KEY) of $3.00", ledger.Caps{Key: 3 * money.Dollar}},
		{"of the night", `{}`, "(OFFPEAK_CAP_DAY) of $3.00", ledger.Caps{Night: 3 * money.Dollar}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.deps.Caps = c.caps
			w.hands = activities.New(w.deps)
			skipped := 0
			for _, name := range []string{"morning", "evening"} {
				plan, err := w.hands.PlanNight(t.Context(), batch.PlanRequest{
					Input:      json.RawMessage(strings.Replace(hopeful(60, c.budget), `"name": "digest"`, `"name": "`+name+`"`, 1)),
					WorkflowID: "nightly/" + name, RunID: "run-1", Asked: w.clock.Now(),
				})
				if err != nil {
					t.Fatal(err)
				}
				w.plan = plan
				for seq := range plan.Jobs {
					o, _ := w.send(seq)
					if o.State == batch.Skipped {
						skipped++
						if !strings.Contains(o.Why, c.says) {
							t.Errorf("%s job %d: %s", name, seq, o.Why)
						}
					}
				}
			}
			billed := w.api.Books().Totals().Billed
			if skipped == 0 || billed > 3*money.Dollar || billed < 2_800_000 {
				t.Errorf("%d skipped, %s billed under a cap of $3.00", skipped, billed.Dollars())
			}
			all, err := w.books.Purse(t.Context(), w.plan.Batch.Night(), "")
			if err != nil || all.Charged != billed || all.Held != 0 {
				t.Errorf("the books: %+v, %v", all, err)
			}
			if _, err := w.books.Verify(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// An estimate that is above a cap of the night is refused before anything is
// sent.
func TestPlanAboveACapOfTheNight(t *testing.T) {
	for name, c := range map[string]struct {
		budget string
		caps   ledger.Caps
	}{
		"budget.day":      {`{"day": 0.10}`, ledger.Caps{}},
		"OFFPEAK_CAP_KEY": {`{}`, ledger.Caps{Key: 10 * money.Cent}},
		"OFFPEAK_CAP_DAY": {`{}`, ledger.Caps{Night: 10 * money.Cent}},
	} {
		w := newWorld(t, nil)
		w.deps.Caps = c.caps
		w.hands = activities.New(w.deps)
		_, err := w.hands.PlanNight(t.Context(), batch.PlanRequest{
			Input: json.RawMessage(manifest(20, `"budget": `+c.budget+`,`)), WorkflowID: "w", RunID: "r", Asked: w.clock.Now(),
		})
		if kindOf(t, err) != batch.OverBudget || !strings.Contains(err.Error(), name+" is $0.10") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Paused, nothing leaves; resumed, it goes on; the deadline parks what waits.
func TestPauseAndResume(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(3, ""))
	steer := func(do string) batch.Steered {
		t.Helper()
		out, err := w.hands.SteerNight(t.Context(), batch.Steer{Batch: w.plan.Batch, Do: do, Order: batch.Order{By: "ada", Why: "look"}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if o, _ := w.send(0); o.State != batch.Succeeded {
		t.Fatalf("%+v", o)
	}
	if out := steer(batch.SteerPause); out.Paused.By != "ada" {
		t.Errorf("%+v", out)
	}
	// It waits at the gate, in process and then in Temporal, for as long as the pause lasts.
	_, err := w.hands.SubmitSwarm(t.Context(), w.submit(1))
	if kindOf(t, err) != batch.Waiting || !strings.Contains(err.Error(), "paused by ada: look") {
		t.Errorf("while paused: %v", err)
	}
	if n := len(w.posts()); n != 1 {
		t.Errorf("%d requests while paused", n)
	}
	steer(batch.SteerResume)
	if o, _ := w.send(1); o.State != batch.Succeeded {
		t.Errorf("after resume: %+v", o)
	}
	steer(batch.SteerPause)
	_ = w.clock.Wait(context.Background(), w.plan.Start.Span.Deadline.Sub(w.clock.Now())-w.plan.Policy.RequestTimeout-time.Second/2)
	if o, _ := w.send(2); o.State != batch.Parked || !strings.Contains(o.Why, "paused by ada") {
		t.Errorf("at the deadline: %+v", o)
	}
	w.honest()
}

// A kill switch holds every batch of every worker on the ledger.
func TestHalt(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	key := func() string {
		b, err := w.books.Batch(t.Context(), w.plan.Batch)
		if err != nil {
			t.Fatal(err)
		}
		return b.Key
	}()
	for seq, scope := range []string{"", key} {
		if err := w.books.Halt(t.Context(), scope, "ada", "invoices"); err != nil {
			t.Fatal(err)
		}
		_, err := w.hands.SubmitSwarm(t.Context(), w.submit(seq))
		if kindOf(t, err) != batch.Waiting || !strings.Contains(err.Error(), "halted by ada: invoices") || len(w.posts()) != seq {
			t.Errorf("halted %q: %v after %d requests", scope, err, len(w.posts()))
		}
		if _, err := w.books.Release(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
		if o, _ := w.send(seq); o.State != batch.Succeeded {
			t.Errorf("released %q: %+v", scope, o)
		}
	}
	w.honest()
}

// Cancelled by a person: what waits at the gate is cancelled, on every worker.
func TestCancelByOrder(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	if o, _ := w.send(0); o.State != batch.Succeeded {
		t.Fatalf("%+v", o)
	}
	for range 2 { // given again, nothing changes
		_, err := w.hands.SteerNight(t.Context(), batch.Steer{Batch: w.plan.Batch, Do: batch.SteerCancel, Order: batch.Order{By: "ada", Why: "wrong file"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if o, _ := w.send(1); o.State != batch.Cancelled || !strings.Contains(o.Why, "cancelled by ada: wrong file") {
		t.Errorf("%+v", o)
	}
	if _, err := w.hands.SteerNight(t.Context(), batch.Steer{Batch: w.plan.Batch, Do: "dance"}); kindOf(t, err) != batch.Internal {
		t.Errorf("%v", err)
	}
	if _, err := w.hands.SteerNight(t.Context(), batch.Steer{Batch: "none/2026-11-22", Do: batch.SteerPause}); kindOf(t, err) != batch.NotFound {
		t.Errorf("%v", err)
	}
	w.honest()
}

// What has its room under a cap set aside, for a second try, isn't kept waiting
// by those who wait for room: what it settles below its ceiling is their room.
func TestSecondTriesUnderACap(t *testing.T) {
	for name, send := range map[string]func(*world){
		"in a lane": func(w *world) { w.wantLane(w.hands.SubmitLane(t.Context(), w.lane(20))) },
		"singly":    func(w *world) { w.crowd(2) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.faults(simulator.Rule{Match: "*", Kind: simulator.KindStatus, Status: 504, Attempts: simulator.Attempts{From: 1, To: 1}}).planned(hopeful(40, `{"per_job": 1.00, "batch": 1.60}`))
			send(w)
			totals, err := w.books.Totals(t.Context(), w.plan.Batch)
			if err != nil {
				t.Fatal(err)
			}
			if n := totals.Jobs; n.Succeeded == 0 || n.Skipped == 0 || n.Succeeded+n.Skipped != 40 {
				t.Errorf("%+v: want each to succeed, or to be skipped once the cap is used up", n)
			}
			w.honest()
		})
	}
}
