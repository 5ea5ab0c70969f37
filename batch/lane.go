package batch

import (
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Ways in which a night's jobs are handed out to workers (policy.fan_out).
const (
	FanOutAuto  = "auto"  // lanes for more than a thousand jobs, else jobs
	FanOutJobs  = "jobs"  // an activity for each job: the Temporal UI shows every one
	FanOutLanes = "lanes" // an activity for many jobs
)

// Lane asks for a stretch of a batch's jobs, [From, To) by sequence number, to
// be sent, settled and archived by one activity: each job with its own states,
// gate, receipt and charge.
type Lane struct {
	Batch ID          `json:"batch"`
	From  int         `json:"from"`
	To    int         `json:"to"`
	Span  tariff.Span `json:"span"` // the night in which they must begin and end

	RequestTimeout time.Duration `json:"request_timeout"` // how long one HTTP request may take
	Width          int           `json:"width"`           // jobs under way at once; those that only wait for their next look or try don't count
}

// LaneResult is how a lane's jobs ended. A lane that goes on elsewhere because
// its worker died has lost count of what ended in its last seconds; the ledger
// hasn't, and the audit reads the ledger.
type LaneResult struct {
	Jobs     Counts    `json:"jobs"`
	Billed   money.USD `json:"billed"`
	DayPrice money.USD `json:"day_price"`
}

// LaneBeat is a lane's heartbeat: how far it is, for whoever looks.
type LaneBeat struct {
	Beat
	Lane LaneResult `json:"lane"`
}

// Add counts one more outcome.
func (r *LaneResult) Add(o Outcome) {
	r.Jobs.Add(o.State, 1)
	r.Billed += o.Billed
	r.DayPrice += o.DayPrice
}
