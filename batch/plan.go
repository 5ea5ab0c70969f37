package batch

import (
	"encoding/json"
	"math"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// The story and the hands exchange the types below. Everything in them is ids,
// instants and money: no prompt and no answer enters a history this way. The
// one exception is PlanRequest.Input for a manifest with inline jobs.

// PlanRequest asks for a night to be planned: read the manifest, claim the
// night, write jobs and request ids into the ledger.
type PlanRequest struct {
	Input      json.RawMessage `json:"input"` // a whole manifest, {"manifest": "file:///..."}, or a GoOn; none, and WorkflowID is the URL of a manifest
	WorkflowID string          `json:"workflow_id"`
	RunID      string          `json:"run_id"`
	Asked      time.Time       `json:"asked"` // the story's clock when the night was asked for

	Parent    Run  `json:"parent,omitzero"`     // the night that handed its parked jobs on to this one, as its last act
	Scheduled bool `json:"scheduled,omitempty"` // a schedule or cron started it, and no person: see Plan.Elsewhere
}

// Run names one run of a workflow.
type Run struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// Plan is what a night is going to do.
type Plan struct {
	Batch      ID            `json:"batch"`
	Provider   string        `json:"provider"`
	Window     tariff.Window `json:"window"`
	Start      tariff.Start  `json:"start"` // when it begins and which span it belongs to
	Jobs       int           `json:"jobs"`
	Pending    int           `json:"pending"`   // how many of them still have to be sent: less than Jobs on a re-run
	Estimate   money.USD     `json:"estimate"`  // night price of what is pending
	DayPrice   money.USD     `json:"day_price"` // the same at the day price
	Ceiling    money.USD     `json:"ceiling"`   // the most that the pending jobs can cost
	Budget     Budget        `json:"budget"`
	Policy     Policy        `json:"policy"`
	Card       tariff.Card   `json:"card"`
	Fit        Fit           `json:"fit"`
	ShardSize  int           `json:"shard_size"`        // jobs per NightlyShard
	Shards     int           `json:"shards"`            // shards under way at once
	InFlight   int           `json:"in_flight"`         // jobs under way at once in one shard
	Chunk      int           `json:"chunk,omitempty"`   // jobs per request of the batch endpoint; 0: each job is a request of its own
	Chunks     int           `json:"chunks,omitempty"`  // at most so many batch requests tonight; 0: no bound
	Lane       int           `json:"lane,omitempty"`    // jobs under way at once in one lane; 0: an activity for each job
	Metered    string        `json:"metered,omitempty"` // the dialect of a provider other than Swarms: SubmitRequest sends
	Carried    bool          `json:"carried,omitempty"` // planned from the books, without a manifest: what an earlier night left over
	Attributes bool          `json:"attributes"`        // the namespace has our search attributes
	Warnings   []string      `json:"warnings,omitempty"`

	// Elsewhere is the workflow that runs this night already, with the same jobs,
	// when it was asked for by a schedule: there is nothing to do then, and
	// nothing but Batch and Start is set.
	Elsewhere string `json:"elsewhere,omitempty"`
}

// Fit answers "does it fit tonight?".
type Fit struct {
	Fits    bool          `json:"fits"`
	Needs   time.Duration `json:"needs"`             // the least time that the pending jobs take
	Has     time.Duration `json:"has"`               // from the start to the deadline
	Binding string        `json:"binding,omitempty"` // what takes the longest: "10,000 requests per hour (premium)"
}

// CreditsRequest asks for the preflight.
type CreditsRequest struct {
	Batch    ID        `json:"batch"`
	Estimate money.USD `json:"estimate"`
	When     string    `json:"when"`           // "when asked" or "at the opening"
	Until    time.Time `json:"until,omitzero"` // at the opening: a provider out of reach is asked again until then
}

// Credits is the preflight's answer.
type Credits struct {
	Total  money.USD `json:"total"`  // dollars of credit on the account
	Needed money.USD `json:"needed"` // 1.5 x the estimate
}

// CreditsNeeded is what the preflight wants on the account for an estimate:
// 1.5 x, rounded up (production-readiness checklist: it covers retries and
// minor variance).
func CreditsNeeded(estimate money.USD) money.USD {
	if estimate > math.MaxInt64/2 {
		return math.MaxInt64
	}
	return estimate + estimate/2 + estimate%2
}

// Page asks for a stretch of a batch's jobs, [From, To) by sequence number.
type Page struct {
	Batch ID  `json:"batch"`
	From  int `json:"from"`
	To    int `json:"to"`
}

// Submit asks for one job to be sent, settled and archived. A history has one
// of them for every job, so that what the books say as well isn't written into
// it.
type Submit struct {
	Batch ID          `json:"batch"`
	Seq   int         `json:"seq"`           // position in the batch, from 0
	Span  tariff.Span `json:"span,omitzero"` // the night in which it must begin and end; zero: the one for which the batch was planned last

	RequestTimeout time.Duration `json:"request_timeout,omitzero"` // how long one HTTP request may take; 0: as the books have it
	Within         time.Duration `json:"-"`                        // the same, for the activity's own timeouts: the story's, and not written
}

// Outcome is how one job ended, as far as the story needs to know.
type Outcome struct {
	Seq      int       `json:"seq,omitempty"` // of one among several; who asked for a single job knows
	State    State     `json:"state"`
	Billed   money.USD `json:"billed,omitzero"`
	DayPrice money.USD `json:"day_price,omitzero"` // what the same run would have cost by day
	Why      string    `json:"why,omitempty"`      // for every state but succeeded: one line

	// Again is when to ask again for a job that is sending because the provider
	// has taken its work on; zero for every other.
	Again time.Time `json:"again,omitzero"`
}

// Told is what a provider's webhook says of a job, as the signal "told" brings
// it to the night: it may be done. Nothing else of a webhook is believed.
type Told struct {
	Seq int `json:"seq"` // position in the batch, from 0
}

// SubmitMany asks for some jobs to be sent in requests of the batch endpoint.
type SubmitMany struct {
	Batch ID          `json:"batch"`
	Seqs  []int       `json:"seqs"` // positions in the batch, in the order in which they go
	Span  tariff.Span `json:"span"` // the night in which they must begin and end

	RequestTimeout time.Duration `json:"request_timeout"` // how long one HTTP request may take
}

// Many is what came of them.
type Many struct {
	Outcomes []Outcome `json:"outcomes"`         // jobs that are over
	Left     []int     `json:"left,omitempty"`   // jobs that go on alone: to be sent again, or looked up
	Singly   string    `json:"singly,omitempty"` // why no more batch requests should be made tonight
}

// AuditRequest asks for the judgement, the report and its announcement.
type AuditRequest struct {
	Batch ID          `json:"batch"`
	Span  tariff.Span `json:"span"`
	Stop  string      `json:"stop,omitempty"` // why the night stopped early, if it did

	Cancelled bool `json:"cancelled,omitempty"` // by a person: what wasn't sent is cancelled, not parked
	Again     bool `json:"again,omitempty"`     // the night is over: what wasn't sent stays as it is

	Books *Reconciliation `json:"books,omitempty"` // the provider's side, compared beforehand
}

// Progress answers the query "progress" of a night and of a shard.
type Progress struct {
	Batch    ID          `json:"batch"`
	State    string      `json:"state"`            // planning, waiting, sending, reconciling, auditing, done, refused, failed
	Waiting  time.Time   `json:"waiting,omitzero"` // when the timer ends: of the night's beginning, or of the provider's log
	Span     tariff.Span `json:"span,omitzero"`
	Jobs     Counts      `json:"jobs"`
	Billed   money.USD   `json:"billed"`
	DayPrice money.USD   `json:"day_price"`
	Estimate money.USD   `json:"estimate,omitzero"`
	Ceiling  money.USD   `json:"ceiling,omitzero"`
	Shards   []string    `json:"shards,omitempty"` // workflow ids of shards under way: their own progress is not in Jobs yet
	Lane     bool        `json:"lane,omitempty"`   // of a shard: a lane is under way, whose heartbeats say how far it is; that isn't in Jobs yet
	Warnings []string    `json:"warnings,omitempty"`
	Paused   Pause       `json:"paused,omitzero"` // by a person, while nothing new is sent
	Cap      money.USD   `json:"cap,omitzero"`    // budget.batch, as it was raised

	// Filled in by the doors, from the heartbeats of what sends; no workflow knows.
	InFlight int    `json:"in_flight,omitempty"` // jobs whose request is under way
	Waits    []Wait `json:"waits,omitempty"`     // what jobs wait for, most jobs first
}
