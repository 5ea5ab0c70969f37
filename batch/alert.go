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
	AlertReport      AlertKind = "report"  // how a night went; told to whoever wants to hear it
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

// AlertKinds are all kinds, in the order in which people are told of them.
func AlertKinds() []AlertKind {
	return []AlertKind{
		AlertNightFailed, AlertAudit, AlertCap, AlertCredits, AlertUsage, AlertUnknown, AlertExport, AlertPurge, AlertAdvice, AlertReport, AlertTest,
	}
}

// Once says whether such alerts are news, told once for each key, rather than
// incidents that last until they are over.
func (k AlertKind) Once() bool { return k == AlertReport || k == AlertTest }

// Rank orders severities: 3 for critical, 1 for info, 0 for what is none.
func (s Severity) Rank() int {
	switch s {
	case Critical:
		return 3
	case Warning:
		return 2
	case Info:
		return 1
	}
	return 0
}
