package batch

import (
	"encoding/json"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Manifest is what a user hands over, as read by batch/manifest: defaults
// applied, everything checked.
type Manifest struct {
	Name     Name
	Provider string          // Swarms, or the name of a dialect
	Defaults json.RawMessage // an object merged under each job's request; kept for jobs that are streamed later
	Window   tariff.Window
	Budget   Budget
	Policy   Policy
	Jobs     []Job  // inline jobs, in order
	JobsFrom string // path or URL of a JSONL file with more of them; "" for none
}

// Swarms is the provider of a manifest that doesn't say.
const Swarms = "swarms"

// Metered says whether the provider is another one than Swarms, which a
// dialect speaks to.
func (m Manifest) Metered() bool { return m.Provider != "" && m.Provider != Swarms }

// Budget holds the caps in dollars. A cap is checked before anything is sent.
type Budget struct {
	PerJob money.USD `json:"per_job"` // no job whose ceiling is above is planned; 5.00 by default
	Batch  money.USD `json:"batch"`   // reservations and charges together never pass it; 50.00 by default

	// Day caps what the batch's key may have spent and set aside on the batch's
	// night, over all batches of the ledger whose night is the same. Zero: no cap.
	Day money.USD `json:"day,omitzero"`
}

// What to do about an unknown outcome.
const (
	OnUnknownVerify = "verify" // look in the provider's log; send again only what provably didn't run
	OnUnknownHold   = "hold"   // never send again
	OnUnknownResend = "resend" // send again at once: at-least-once, may pay twice
)

// Compliance levels.
const (
	ComplianceNone      = "none"
	ComplianceRegulated = "regulated" // pinned model per agent, temperature 0 (left out for Opus 4.8), max_loops 1
)

// Modes of sending.
const (
	ModeAuto   = "auto"
	ModeSingle = "single"
	ModeBatch  = "batch"
)

// Policy says how a night is run.
type Policy struct {
	OnUnknown      string        `json:"on_unknown"`
	Compliance     string        `json:"compliance"`
	Mode           string        `json:"mode"`
	FanOut         string        `json:"fan_out"`         // how jobs are handed out to workers
	BatchSize      int           `json:"batch_size"`      // most jobs in one request of the batch endpoint; 10 by default
	RequestTimeout time.Duration `json:"request_timeout"` // how long one HTTP request may take; 600 s by default
	LogLag         time.Duration `json:"log_lag"`         // how long a finished run may take to show in the provider's log; 2 min by default
	CarryOver      bool          `json:"carry_over"`      // what is parked runs in the next night by itself; true by default

	// Window is the batch's window, as the books keep it: a later night has no
	// manifest to read it from. Nil outside of the books.
	Window *tariff.Window `json:"window,omitempty"`
}

// Job is one piece of paid work as the manifest states it.
type Job struct {
	Name     string          // unique in its manifest
	Request  json.RawMessage // the provider's request, defaults merged under it, "name" untagged; our own fields removed
	Expect   *Expect         // what it usually uses; nil when not said
	NeededBy time.Time       // zero when not said
	Priority int             // higher goes first; 0 by default

	// Of providers other than Swarms, in dollars; 0 when not said.
	Ceiling  money.USD // the most that it can cost
	Estimate money.USD // what it usually costs
}

// Expect is what a job usually uses.
type Expect struct {
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
}

// Limits of the input, checked when it is read.
const (
	MaxJobName    = 200       // characters; the provider sees at most 100 of them, tag included
	MaxRequest    = 1 << 20   // bytes of one job's request as JSON
	MaxInline     = 512 << 10 // bytes of a whole manifest with inline jobs: it travels in a Temporal payload
	MaxInlineJobs = 1000      // more belong in jobs_from
)
