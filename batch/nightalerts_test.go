package batch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

const digest = batch.ID("market-digest/2026-11-22")

// good is a night's result without a fault.
func good() batch.Result {
	r := batch.Result{Batch: digest, Night: "2026-11-22", State: "done", Audit: batch.Audit{Passed: true}, Span: tariff.Span{Night: "2026-11-22"}}
	r.Jobs.Add(batch.Succeeded, 120)
	r.Jobs.Total = 120
	r.Money = batch.Money{Billed: 807 * money.Cent, DayPrice: 1374 * money.Cent, Saved: 567 * money.Cent}
	return r
}

func with(change func(*batch.Result)) batch.Result {
	r := good()
	change(&r)
	return r
}

// TestNightAlerts: what each end of a night raises, and what it ends.
func TestNightAlerts(t *testing.T) {
	t.Parallel()
	const key = "market-digest/2026-11-22"
	fault := func(k batch.Kind, detail string) *batch.Fault {
		return &batch.Fault{Kind: k, Op: "check credits", Detail: detail, Hint: "do this"}
	}
	missed := batch.Finding{Rule: batch.DiscountMissed, Jobs: []string{"a", "b", "c", "d", "e", "f"}, Count: 9, Dollars: 41 * money.Cent, Cause: "late", Remedy: "lower finish_by"}
	unknown := batch.Finding{Rule: batch.OutcomesUnknown, Jobs: []string{"x"}, Count: 1, Dollars: 30 * money.Cent, Cause: "no answer", Remedy: "reconcile"}
	for _, c := range []struct {
		name string
		end  batch.NightEnd
		want string // "severity key" of what is wrong, in order
		says string // in the first one's title
	}{
		{"a good night", batch.NightEnd{Batch: digest, Result: good()}, "", ""},
		{"it missed the discount", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Audit = batch.Audit{Findings: []batch.Finding{missed}}
		})}, "critical audit/" + key, "the audit failed: DiscountMissed, $0.41"},
		{"jobs are unknown", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Jobs.Unknown, r.Audit = 1, batch.Audit{Findings: []batch.Finding{unknown}}
		})}, "warning unknown/" + key, "1 job may have run and may be billed, up to $0.30"},
		{"both", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Jobs.Unknown, r.Audit = 1, batch.Audit{Findings: []batch.Finding{unknown, missed}}
		})}, "warning unknown/" + key + ", critical audit/" + key, "1 job may"},
		{"nothing ran", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Audit = batch.Audit{Findings: []batch.Finding{{Rule: batch.NothingToJudge, Count: 3, Cause: "all were parked"}}}
		})}, "warning audit/" + key, "NothingToJudge"},
		{"a cap was reached", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Jobs.Skipped, r.Budget = 7, "$50.00 of $50.00"
		})}, "warning cap-reached/" + key, "7 jobs weren't sent: a cap was reached"},
		{"parked, and it goes on", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Jobs.Parked, r.Carried = 3, &batch.Carry{Jobs: 3, WorkflowID: "nightly/x/carry/2026-11-23"}
		})}, "", ""},
		{"parked for good", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Jobs.Parked, r.Carried = 3, &batch.Carry{Jobs: 3, Not: "policy.carry_over is off"}
		})}, "warning night-failed/" + key, "3 jobs weren't sent, and nothing sends them by itself"},
		{"the key was refused at night", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Jobs.Parked, r.Carried = 3, &batch.Carry{Jobs: 3, Not: batch.NotStopped + "401"}
		})}, "critical night-failed/" + key, "3 jobs weren't sent"},
		{"cancelled", batch.NightEnd{Batch: digest, Result: with(func(r *batch.Result) {
			r.Jobs.Parked, r.Carried = 3, &batch.Carry{Jobs: 3, Not: batch.NotCancelled}
		})}, "", ""},
		{"judged again, and its parked jobs aren't its to send", batch.NightEnd{Batch: digest, Again: true, Result: with(func(r *batch.Result) {
			r.Jobs.Parked, r.Carried = 3, &batch.Carry{Jobs: 3, Not: "a reconciliation sends nothing"}
		})}, "", ""},
		{"credits, by day, somebody waits", batch.NightEnd{Batch: digest, Fault: fault(batch.CreditsTooLow, "$3.10 of $12.00")}, "critical credits-low/" + key, "credits are too low (CreditsTooLow): $3.10 of $12.00"},
		{"over budget, somebody waits", batch.NightEnd{Batch: digest, Fault: fault(batch.OverBudget, "x")}, "warning cap-reached/" + key, "(OverBudget): x"},
		{"over budget, nobody waits", batch.NightEnd{Batch: digest, Alone: true, Fault: fault(batch.OverBudget, "x")}, "critical cap-reached/" + key, ""},
		{"a bad manifest, by a schedule", batch.NightEnd{Subject: "market-digest", Alone: true, Fault: fault(batch.BadInput, "line 3: no\nline 9: neither")}, "critical night-failed/market-digest", "the night doesn't run (BadInput): line 3: no"},
		{"a bad manifest, by a person", batch.NightEnd{Subject: "by-hand", Fault: fault(batch.BadInput, "line 3")}, "warning night-failed/by-hand", ""},
		{"the key", batch.NightEnd{Batch: digest, Fault: fault(batch.KeyRefused, "401")}, "critical night-failed/" + key, "KeyRefused"},
		{"a bug of ours", batch.NightEnd{Batch: digest, Fault: fault(batch.Internal, "")}, "critical night-failed/" + key, "check credits"},
		{"another run has it", batch.NightEnd{Batch: digest, Fault: fault(batch.NightClaimed, "x")}, "", ""},
		{"a person ended it", batch.NightEnd{Batch: digest}, "", ""},
		{"it runs elsewhere", batch.NightEnd{Batch: digest, Result: batch.Result{Batch: digest, Elsewhere: "nightly/other"}}, "", ""},
		{"it can't be judged again", batch.NightEnd{Batch: digest, Again: true, Fault: fault(batch.OutOfReach, "the archive")}, "warning audit/" + key, "it couldn't be judged again"},
		{"no such batch to judge again", batch.NightEnd{Batch: digest, Again: true, Fault: fault(batch.NotFound, "x")}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.end.At = time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
			var wrong []string
			seen := map[string]bool{}
			for _, a := range batch.NightAlerts(c.end) {
				if seen[a.Key] {
					t.Errorf("%s twice", a.Key)
				}
				seen[a.Key] = true
				if a.Severity.Rank() == 0 || a.Title == "" || !a.At.Equal(c.end.At) || !strings.HasPrefix(a.Key, string(a.Kind)+"/") {
					t.Errorf("half an alert: %+v", a)
				}
				if a.Over || a.Kind.Once() {
					continue
				}
				if len(wrong) == 0 && !strings.Contains(a.Title, c.says) {
					t.Errorf("it says %q, want %q", a.Title, c.says)
				}
				if a.Remedy == "" && c.name != "nothing ran" {
					t.Errorf("nobody is told what to do: %+v", a)
				}
				wrong = append(wrong, fmt.Sprintf("%s %s", a.Severity, a.Key))
			}
			if got := strings.Join(wrong, ", "); got != c.want {
				t.Errorf("raises %q, want %q", got, c.want)
			}
		})
	}
}

// TestNightAlertsEnd: a good judgement ends whatever an earlier one, or a
// refusal, had raised about the batch and its schedule.
func TestNightAlertsEnd(t *testing.T) {
	t.Parallel()
	over := map[string]bool{}
	for _, a := range batch.NightAlerts(batch.NightEnd{Subject: "nightly-digest", Batch: digest, Result: good()}) {
		if a.Over {
			over[a.Key] = true
		}
	}
	for _, key := range []string{"night-failed/" + string(digest), "night-failed/nightly-digest", "cap-reached/nightly-digest", "credits-low/nightly-digest", "credits-low/" + string(digest), "cap-reached/" + string(digest), "unknown/" + string(digest), "audit/" + string(digest)} {
		if !over[key] {
			t.Errorf("%s isn't ended", key)
		}
	}
	first, second := good(), good()
	second.Span.Night = "2026-11-23"
	if a, b := reportOf(first), reportOf(second); a.Key == b.Key || !strings.Contains(a.Title, "120 of 120 jobs succeeded for $8.07, saved $5.67") {
		t.Errorf("two nights of a batch are one report: %+v, %+v", a, b)
	}
}

func reportOf(r batch.Result) batch.Alert {
	for _, a := range batch.NightAlerts(batch.NightEnd{Batch: digest, Result: r}) {
		if a.Kind == batch.AlertReport {
			return a
		}
	}
	return batch.Alert{}
}
