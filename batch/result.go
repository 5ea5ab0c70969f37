package batch

import (
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Result is how a night ended: the one object with which run, status and
// report end under --json, and the workflow's own result. A
// night that fails its audit carries it in the error's details.
type Result struct {
	Batch    ID           `json:"batch"`
	Night    tariff.Night `json:"night"`
	State    string       `json:"state"` // as Progress.State
	Jobs     Counts       `json:"jobs"`
	Money    Money        `json:"money"`
	Discount Discount     `json:"discount"`
	Audit    Audit        `json:"audit"`
	Budget   string       `json:"budget,omitempty"`  // which cap was reached, and with what: one line, when jobs were skipped
	Paused   Pause        `json:"paused,omitzero"`   // of a night that runs: who had it wait
	Waits    []Wait       `json:"waits,omitempty"`   // of a night that runs: what its jobs wait for
	Span     tariff.Span  `json:"span,omitzero"`     // the night in which it ran
	Report   string       `json:"report,omitempty"`  // URL of the written report in the archive, without its extension
	Results  string       `json:"results,omitempty"` // URL of results.jsonl in the archive: every job with its answer

	Reconciled *Reconciliation `json:"reconciled,omitempty"` // against the provider's log and credits
	Carried    *Carry          `json:"carried,omitempty"`    // what becomes of the parked jobs; nil when there are none

	Elsewhere string `json:"elsewhere,omitempty"` // the workflow that runs this night, or has the batch: this one left it alone
}

// Money is the night in dollars.
type Money struct {
	Billed   money.USD `json:"billed"`    // what the provider charged
	DayPrice money.USD `json:"day_price"` // what the same runs would have cost by day
	Saved    money.USD `json:"saved"`     // the difference
	Ceiling  money.USD `json:"ceiling"`   // the most that was ever at risk
}

// Discount counts the charges that got the night price and those that didn't.
type Discount struct {
	Landed int `json:"landed"`
	Missed int `json:"missed"`

	None bool `json:"none,omitempty"` // the provider has no tariff: there is no discount to judge
}

// Audit is the judgement.
type Audit struct {
	Passed   bool      `json:"passed"`
	Findings []Finding `json:"findings"`
}

// Finding is one thing that the audit holds against the night.
type Finding struct {
	Rule    Kind      `json:"rule"`
	Jobs    []string  `json:"jobs"`    // names, at most MaxFindingJobs of them
	Count   int       `json:"count"`   // how many jobs in all
	Dollars money.USD `json:"dollars"` // what it cost: paid too much, or in doubt
	Cause   string    `json:"cause"`   // the likeliest cause
	Remedy  string    `json:"remedy"`  // what to do
}

// MaxFindingJobs bounds the names in one finding: a result travels in a
// Temporal payload. The report in the archive names all.
const MaxFindingJobs = 20

// ExitCode of a night that ended: 5 when the audit failed, 4 when jobs were
// skipped because a budget was reached, 3 when others are left over, else 0.
func (r Result) ExitCode() int {
	switch {
	case r.Elsewhere != "":
		return ExitDone // that one says how it went
	case !r.Audit.Passed:
		return ExitAudit
	case r.Jobs.Skipped > 0:
		return ExitMoney
	case r.Jobs.Succeeded < r.Jobs.Total:
		return ExitIncomplete
	}
	return ExitDone
}
