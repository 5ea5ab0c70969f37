package batch

import (
	"time"

	"github.com/offpeak/offpeak/money"
)

// Alert is one thing that a person should know without having looked. Alerts
// of the same Key are one incident, however often and from wherever they come:
// it is told once, again when it lasts, and once more when it is over.
type Alert struct {
	Key      string    `json:"key"` // names the incident: the kind, and what it is about; "night-failed/market-digest/2026-11-22"
	Kind     AlertKind `json:"kind"`
	Severity Severity  `json:"severity"`
	Title    string    `json:"title"`           // one line: what happened, to what, in dollars where it is money
	Lines    []string  `json:"lines,omitempty"` // the facts, one a line; names of jobs, never a task or an answer
	Remedy   string    `json:"remedy,omitempty"`
	Dollars  money.USD `json:"dollars,omitzero"` // what is at stake
	Batch    ID        `json:"batch,omitempty"`
	Account  string    `json:"account,omitempty"` // the key's id (a hash's first digits), where it is about one
	Link     string    `json:"link,omitempty"`    // where to look, a URL without a secret
	At       time.Time `json:"at"`                // when it was noticed
	Over     bool      `json:"over,omitempty"`    // the incident has ended; without one that is open this tells nobody
}

// AlertKind is what an alert is about.
type AlertKind string

// The kinds.
const (
	AlertNightFailed AlertKind = "night-failed" // a night ended before it was judged, or was refused
	AlertAudit       AlertKind = "audit"        // the audit holds something against a night
	AlertCap         AlertKind = "cap-reached"  // a budget or a cap kept jobs from being sent
	AlertCredits     AlertKind = "credits-low"
	AlertUsage       AlertKind = "usage"   // spend that leaps, or that isn't ours
	AlertUnknown     AlertKind = "unknown" // jobs whose outcome nobody knows
	AlertExport      AlertKind = "export"  // the provider's log couldn't be exported
	AlertPurge       AlertKind = "purge"   // what was to be deleted couldn't be
	AlertAdvice      AlertKind = "advice"  // nothing is wrong, but money can be saved
	AlertTest        AlertKind = "test"    // somebody tries whether alerts arrive
)

// Severity is how soon somebody should look.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // tonight: money is being lost, or a night doesn't run
	Warning  Severity = "warning"  // in the morning
	Info     Severity = "info"     // when there is time
)
