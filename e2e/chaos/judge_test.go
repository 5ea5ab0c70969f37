package chaos

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

var opens = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// good is a night of four jobs in which everything is as it should be: three
// succeeded, one of them after a lost request, one was parked.
func good() Told {
	t := Told{
		Plan: Plan{Jobs: 4, Cap: 100, Limit: 4}, Opens: opens, Closes: opens.Add(time.Hour), Most: 4,
		Attempts: map[string][]ledger.Attempt{},
	}
	at := opens.Add(time.Minute)
	for i := range 4 {
		id := fmt.Sprintf("r%d", i)
		e := ledger.Entry{Job: ledger.Job{Seq: i, Name: "Job " + id, RequestID: id, State: batch.Succeeded}}
		a := Answer{RequestID: id, State: batch.Succeeded, Billed: 20}
		if i == 3 {
			e.Job.State, a.State, a.Billed = batch.Parked, batch.Parked, 0
		} else {
			e.Charges = []ledger.Charge{{RequestID: id, Total: 20}}
			if i == 0 {
				t.Arrivals = append(t.Arrivals, simulator.Arrival{At: at, RequestID: id, Status: 503})
				t.Attempts[id] = append(t.Attempts[id], ledger.Attempt{SentAt: at, EndedAt: at})
			}
			t.Arrivals = append(t.Arrivals, simulator.Arrival{
				At: at, RequestID: id, Status: 200, Executed: true, Billed: 20, Discounted: true, Started: at, Ended: at.Add(time.Second),
			})
			t.Attempts[id] = append(t.Attempts[id], ledger.Attempt{SentAt: at.Add(-time.Millisecond), EndedAt: at.Add(time.Second)})
		}
		t.Entries, t.Answers = append(t.Entries, e), append(t.Answers, a)
	}
	t.Totals.Charged = 60
	t.History.Jobs = batch.Counts{Total: 4, Succeeded: 3, Parked: 1}
	t.History.Money.Billed, t.History.Audit.Passed = 60, true
	t.Report = t.History
	return t
}

// TestTheJudgeFindsNothing in a good night, nor in one whose unknown job is
// named and never ran.
func TestTheJudgeFindsNothing(t *testing.T) {
	t.Parallel()
	if found := Judge(good()); len(found) > 0 {
		t.Errorf("a good night: %+v", found)
	}
	carried := good()
	carried.Entries[3].Job.State, carried.Answers[3].State = batch.Planned, batch.Planned
	carried.Report.Carried = &batch.Carry{Jobs: 1}
	if found := Judge(carried); len(found) > 0 {
		t.Errorf("a night whose leftovers are planned for the next one: %+v", found)
	}
	doubtful := good()
	doubtful.Entries[3].Job.State, doubtful.Answers[3].State = batch.Unknown, batch.Unknown
	doubtful.Totals.Held = 50
	doubtful.History.Jobs = batch.Counts{Total: 4, Succeeded: 3, Unknown: 1}
	doubtful.History.Audit = batch.Audit{Findings: []batch.Finding{{Rule: batch.OutcomesUnknown}}}
	doubtful.Report = doubtful.History
	if found := Judge(doubtful); len(found) > 0 {
		t.Errorf("a night with a doubt that is named: %+v", found)
	}
}

// TestPlantedLies: each lie in a good night's books is found, by its rule.
func TestPlantedLies(t *testing.T) {
	t.Parallel()
	caught := map[Rule]int{}
	for _, lie := range []struct {
		name string
		rule Rule
		tell func(*Told)
	}{
		{"a job is gone from the books", Lost, func(t *Told) { t.Entries = t.Entries[:3] }},
		{"a job is there twice", Lost, func(t *Told) { t.Entries[3].Job = t.Entries[2].Job }},
		{"a job was left sending", Lost, func(t *Told) { t.Entries[3].Job.State = batch.Sending }},
		{"more is planned than is carried on", Lost, func(t *Told) {
			t.Entries[3].Job.State, t.Report.Carried = batch.Planned, &batch.Carry{Jobs: 2}
		}},
		{"a job succeeded and never ran", Lost, func(t *Told) { t.Entries[3].Job.State = batch.Succeeded }},
		{"a job that ran is parked", Lost, func(t *Told) { t.Entries[2].Job.State = batch.Parked }},
		{"a job that ran is rejected", Lost, func(t *Told) { t.Entries[2].Job.State = batch.Rejected }},
		{"a charge is gone", Lost, func(t *Told) { t.Entries[2].Charges = nil }},
		{"an answer is gone", Lost, func(t *Told) { t.Answers[1].Missing = "it isn't in the archive" }},
		{"a line of the results is gone", Lost, func(t *Told) { t.Answers = t.Answers[:3] }},
		{"a line of the results is there twice", Lost, func(t *Told) { t.Answers = append(t.Answers, t.Answers[0]) }},
		{"a receipt is gone", Lost, func(t *Told) { t.Attempts["r1"][0].EndedAt = time.Time{} }},
		{"a job ran twice", Twice, func(t *Told) { t.Arrivals = append(t.Arrivals, t.Arrivals[1]) }},
		{"a job was charged twice", Twice, func(t *Told) { t.Entries[1].Charges = append(t.Entries[1].Charges, t.Entries[1].Charges[0]) }},
		{"a request before the window", Outside, func(t *Told) { t.Arrivals[0].At = opens.Add(-time.Nanosecond) }},
		{"a request after the window", Outside, func(t *Told) { t.Arrivals[0].At = t.Closes.Add(time.Nanosecond) }},
		{"a run that ends after the window", Outside, func(t *Told) { t.Arrivals[1].Ended = t.Closes.Add(time.Nanosecond) }},
		{"a micro-dollar over the cap", OverCap, func(t *Told) { t.Plan.Cap = 59 }},
		{"a request too many", OverLimit, func(t *Told) { t.Most = 5 }},
		{"the ledger has a micro-dollar less", Unequal, func(t *Told) { t.Totals.Charged-- }},
		{"the history has a micro-dollar more", Unequal, func(t *Told) { t.History.Money.Billed++ }},
		{"the report has a micro-dollar more", Unequal, func(t *Told) { t.Report.Money.Billed++ }},
		{"the results have a micro-dollar less", Unequal, func(t *Told) { t.Answers[0].Billed-- }},
		{"two charges are swapped in part", Unequal, func(t *Told) { t.Entries[0].Charges[0].Total--; t.Entries[1].Charges[0].Total++ }},
		{"the provider billed more", Unequal, func(t *Told) { t.Arrivals[2].Billed += money.USD(1) }},
		{"the chain is broken", Unequal, func(t *Told) { t.Chain = errors.New("row 2 doesn't hold") }},
		{"the report counts otherwise", Unequal, func(t *Told) { t.Report.Jobs.Parked, t.Report.Jobs.Skipped = 0, 1 }},
		{"the history counts otherwise", Unequal, func(t *Told) { t.History.Jobs.Succeeded++ }},
		{"the results say another state", Unequal, func(t *Told) { t.Answers[3].State = batch.Skipped }},
		{"money is held for nothing", Unequal, func(t *Told) { t.Totals.Held = 1 }},
		{"a request that isn't in the books", Unwritten, func(t *Told) { t.Attempts["r0"] = t.Attempts["r0"][1:] }},
		{"a request before it was written down", Unwritten, func(t *Told) { t.Attempts["r1"][0].SentAt = t.Arrivals[2].At.Add(time.Millisecond) }},
		{"a stranger's request", Unwritten, func(t *Told) {
			t.Arrivals = append(t.Arrivals, simulator.Arrival{At: opens, RequestID: "stranger"})
		}},
		{"a job that ran is unknown", Unsettled, func(t *Told) { t.Entries[2].Job.State = batch.Unknown }},
		{"an unknown job isn't named", Unsettled, func(t *Told) { t.Entries[3].Job.State = batch.Unknown }},
		{"the audit passed a run by day", Misjudged, func(t *Told) { t.Arrivals[1].Discounted = false }},
		{"the audit failed a good night", Misjudged, func(t *Told) { t.History.Audit.Passed, t.Report.Audit.Passed = false, false }},
		{"two judgements", Misjudged, func(t *Told) { t.History.Audit.Passed = false }},
		{"a worker is left", LeftBehind, func(t *Told) { t.Left = []string{"the process worker"} }},
	} {
		told := good()
		lie.tell(&told)
		found := Judge(told)
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == lie.rule }) {
			t.Errorf("%s isn't found as %q: %+v", lie.name, lie.rule, found)
		}
		caught[lie.rule]++
	}
	for _, r := range Rules() {
		if caught[r] == 0 && r != Stalled {
			t.Errorf("no lie was planted for the rule %q", r)
		}
	}
}
