package chaos

import (
	"fmt"
	"slices"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// Told is what everybody says of a night after it: the provider's books, the
// ledger, Temporal's history, the report, the answers, the machine.
type Told struct {
	Plan          Plan
	Opens, Closes time.Time
	Arrivals      []simulator.Arrival // of paid requests, and items of those of several jobs
	Most          int                 // requests within LimitSpan at the provider
	Entries       []ledger.Entry
	Attempts      map[string][]ledger.Attempt // by request id
	Totals        ledger.Totals
	Chain         error        // of walking the chain of charges
	History       batch.Result // the night's own result, or that of its last reconciliation
	Report        batch.Result
	Answers       []Answer // starter results
	Left          []string // what still ran when all was over: workflows, processes
}

// Answer is a line of results.jsonl.
type Answer struct {
	RequestID string      `json:"request_id"`
	State     batch.State `json:"state"`
	Billed    money.USD   `json:"billed"`
	Missing   string      `json:"output_missing"`
}

// Rule is one of the judge's.
type Rule string

// The rules. One that is broken is a night that failed.
const (
	Lost       Rule = "lost"       // a job is in no state or two, or succeeded without charge, answer or receipt
	Twice      Rule = "twice"      // paid for more than once
	Outside    Rule = "outside"    // sent or ended outside the window
	OverCap    Rule = "over cap"   // more was billed than the batch may cost
	OverLimit  Rule = "over limit" // more requests within a span than are allowed
	Unequal    Rule = "unequal"    // two books tell different sums
	Unwritten  Rule = "unwritten"  // sent without having been written down first
	Unsettled  Rule = "unsettled"  // unknown, and the log has it; or unknown and not named
	Misjudged  Rule = "misjudged"  // the audit passed a bad night or failed a good one
	LeftBehind Rule = "left"       // a process or workflow goes on
	Stalled    Rule = "stalled"    // it didn't end in time: found by whoever waits for it, not by the judge
)

// Rules are all of them.
func Rules() []Rule {
	return []Rule{Lost, Twice, Outside, OverCap, OverLimit, Unequal, Unwritten, Unsettled, Misjudged, LeftBehind, Stalled}
}

// Finding is one rule broken.
type Finding struct {
	Rule Rule
	What string
}

// judge collects.
type judge struct {
	Told
	found   []Finding
	billed  map[string]money.USD // at the provider, by request id
	runs    map[string]int
	arrived map[string][]simulator.Arrival
}

func (j *judge) find(broken bool, r Rule, format string, args ...any) {
	if broken {
		j.found = append(j.found, Finding{r, fmt.Sprintf(format, args...)})
	}
}

// Judge compares all books of a night. Nothing found is a night in which every
// promise held.
func Judge(t Told) []Finding {
	j := &judge{Told: t, billed: map[string]money.USD{}, runs: map[string]int{}, arrived: map[string][]simulator.Arrival{}}
	j.Entries = inHand(t)
	for _, a := range t.Arrivals {
		if a.RequestID == "" && !a.Executed {
			continue // its sender died before its body was out, or it is the envelope of several
		}
		j.arrived[a.RequestID] = append(j.arrived[a.RequestID], a)
		if a.Executed {
			j.runs[a.RequestID]++
			j.billed[a.RequestID] += a.Billed
		}
	}
	j.jobs()
	j.answers()
	j.provider()
	j.sums()
	j.verdict()
	for _, l := range t.Left {
		j.find(true, LeftBehind, "%s", l)
	}
	return j.found
}

// inHand are the entries as the night left them: the one that carries on what
// was parked may have planned it for itself already.
func inHand(t Told) []ledger.Entry {
	if t.Report.Carried == nil {
		return t.Entries
	}
	planned := 0
	entries := slices.Clone(t.Entries)
	for i := range entries {
		if j := &entries[i].Job; j.State == batch.Planned || j.State == batch.Parked {
			j.State = batch.Parked
			planned++
		}
	}
	if planned != t.Report.Carried.Jobs {
		return t.Entries
	}
	return entries
}

// jobs goes through the ledger: each job once, in one state, with what belongs
// to it.
func (j *judge) jobs() {
	names, ids := map[string]bool{}, map[string]bool{}
	j.find(len(j.Entries) != j.Plan.Jobs, Lost, "%d jobs are in the books, %d were handed over", len(j.Entries), j.Plan.Jobs)
	for _, e := range j.Entries {
		job := e.Job
		j.find(names[job.Name] || ids[job.RequestID], Lost, "%s is in the books twice", job.Name)
		names[job.Name], ids[job.RequestID] = true, true
		j.find(!job.State.Over() && job.State != batch.Unknown, Lost, "%s is left %s", job.Name, job.State)
		j.find(len(e.Charges) > 1, Twice, "%s has %d charges", job.Name, len(e.Charges))
		runs := j.runs[job.RequestID]
		var charged money.USD
		for _, c := range e.Charges {
			charged += c.Total
		}
		switch job.State {
		case batch.Succeeded:
			j.find(runs == 0, Lost, "%s succeeded and never ran", job.Name)
			j.find(len(e.Charges) == 0, Lost, "%s succeeded without a charge", job.Name)
		case batch.Unknown:
			j.find(runs > 0, Unsettled, "%s ran, billed %s, and is left unknown: %s", job.Name, j.billed[job.RequestID].Dollars(), job.Why)
		default:
			j.find(runs > 0, Lost, "%s is %s, and ran, billed %s: %s", job.Name, job.State, j.billed[job.RequestID].Dollars(), job.Why)
		}
		j.find(charged != j.billed[job.RequestID], Unequal, "%s is charged %s in the books, billed %s by the provider", job.Name, charged, j.billed[job.RequestID])
		j.written(job)
	}
	for id := range j.arrived {
		j.find(!ids[id], Unwritten, "the provider saw a request %q that the books don't know", id)
	}
	j.find(j.Chain != nil, Unequal, "the chain of charges doesn't hold: %v", j.Chain)
}

// written wants an attempt of its own for each arrival, written before it
// arrived, and a receipt of the job's last attempt.
func (j *judge) written(job ledger.Job) {
	arrived, attempts := j.arrived[job.RequestID], j.Attempts[job.RequestID]
	if len(attempts) < len(arrived) {
		j.find(true, Unwritten, "%s: the provider saw %d requests, the books have %d", job.Name, len(arrived), len(attempts))
		return
	}
	for i, a := range arrived {
		before := 0
		for _, w := range attempts {
			if !w.SentAt.After(a.At) {
				before++
			}
		}
		j.find(before < i+1, Unwritten, "%s: request %d arrived at %s, before it was written down", job.Name, i+1, a.At.Format(time.TimeOnly))
	}
	if job.State == batch.Succeeded && len(attempts) > 0 {
		j.find(attempts[len(attempts)-1].EndedAt.IsZero(), Lost, "%s succeeded, and its last attempt has no end", job.Name)
	}
}

// answers wants one line for each job, with an answer where one was paid for.
func (j *judge) answers() {
	told := map[string]Answer{}
	for _, a := range j.Answers {
		_, again := told[a.RequestID]
		j.find(again, Lost, "the results tell of %s twice", a.RequestID)
		told[a.RequestID] = a
	}
	for _, e := range j.Entries {
		a, ok := told[e.Job.RequestID]
		j.find(!ok, Lost, "the results don't tell of %s", e.Job.Name)
		carried := a.State == batch.Planned && e.Job.State == batch.Parked // by the time that they were asked for
		j.find(ok && a.State != e.Job.State && !carried, Unequal, "%s is %s in the books, %s in the results", e.Job.Name, e.Job.State, a.State)
		j.find(ok && a.State == batch.Succeeded && a.Missing != "", Lost, "the answer of %s is missing: %s", e.Job.Name, a.Missing)
	}
}

// provider goes by the provider's books alone.
func (j *judge) provider() {
	var billed money.USD
	for id, arrived := range j.arrived {
		j.find(j.runs[id] > 1, Twice, "%s ran %d times, for %s", arrived[0].Name, j.runs[id], j.billed[id].Dollars())
		billed += j.billed[id]
		for _, a := range arrived {
			j.find(a.At.Before(j.Opens) || a.At.After(j.Closes), Outside, "%s arrived at %s, the window is %s to %s",
				a.Name, a.At.Format(time.TimeOnly), j.Opens.Format(time.TimeOnly), j.Closes.Format(time.TimeOnly))
			j.find(a.Executed && (a.Ended.Before(j.Opens) || a.Ended.After(j.Closes)), Outside, "%s ended at %s, the window is %s to %s",
				a.Name, a.Ended.Format(time.TimeOnly), j.Opens.Format(time.TimeOnly), j.Closes.Format(time.TimeOnly))
		}
	}
	j.find(j.Plan.Cap > 0 && billed > j.Plan.Cap, OverCap, "%s was billed under a cap of %s", billed.Dollars(), j.Plan.Cap.Dollars())
	j.find(j.Plan.Limit > 0 && j.Most > j.Plan.Limit, OverLimit, "%d requests within %s, %d are allowed", j.Most, LimitSpan, j.Plan.Limit)
}

// sums wants the same dollars and counts everywhere, to the micro-dollar.
func (j *judge) sums() {
	var billed, results money.USD
	for _, b := range j.billed {
		billed += b
	}
	for _, a := range j.Answers {
		results += a.Billed
	}
	for _, s := range []struct {
		who  string
		says money.USD
	}{{"the ledger", j.Totals.Charged}, {"the history", j.History.Money.Billed}, {"the report", j.Report.Money.Billed}, {"the results", results}} {
		j.find(s.says != billed, Unequal, "the provider billed %s, %s says %s", billed, s.who, s.says)
	}
	var counts batch.Counts
	for _, e := range j.Entries {
		counts.Add(e.Job.State, 1)
	}
	j.find(j.History.Jobs != counts, Unequal, "the history counts %+v, the books %+v", j.History.Jobs, counts)
	j.find(j.Report.Jobs != counts, Unequal, "the report counts %+v, the books %+v", j.Report.Jobs, counts)
	held := j.Totals.Held
	j.find(held != 0 && counts.Unknown == 0, Unequal, "%s is still held, with nothing unknown", held.Dollars())
}

// verdict wants the audit to have told the truth.
func (j *judge) verdict() {
	unknown, dear, ran := 0, 0, 0
	for _, e := range j.Entries {
		if e.Job.State == batch.Unknown {
			unknown++
		}
	}
	for _, a := range j.Arrivals {
		if a.Executed {
			ran++
			if !a.Discounted {
				dear++
			}
		}
	}
	named := false
	for _, f := range j.Report.Audit.Findings {
		named = named || f.Rule == batch.OutcomesUnknown
	}
	j.find(unknown > 0 && !named, Unsettled, "%d jobs are unknown, and the report doesn't name them", unknown)
	bad := unknown > 0 || dear > 0 || ran == 0
	j.find(bad && j.Report.Audit.Passed, Misjudged, "the audit passed, with %d unknown, %d at the full price, %d run", unknown, dear, ran)
	j.find(!bad && !j.Report.Audit.Passed, Misjudged, "the audit failed a night with nothing wrong: %+v", j.Report.Audit.Findings)
	j.find(j.History.Audit.Passed != j.Report.Audit.Passed, Misjudged, "history and report don't agree whether the audit passed")
}
