package batch

import (
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// Started is the answer of a door that hands a night over and doesn't follow
// it: which night it is and when it begins.
type Started struct {
	Batch      ID           `json:"batch"`
	WorkflowID string       `json:"workflow_id"`
	RunID      string       `json:"run_id"`
	Running    bool         `json:"already_running"` // it was running before, and nothing new was started
	Begins     time.Time    `json:"begins"`
	Reason     string       `json:"reason"` // why then: a sentence for people
	Night      tariff.Night `json:"night"`
}
