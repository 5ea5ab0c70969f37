package batch

import (
	"fmt"
	"strings"
	"time"

	"github.com/offpeak/offpeak/tariff"
)

// MaxCarries bounds how long parked jobs are carried from night to night: up to
// so many days after the night of their batch. What hasn't run by then has a
// cause that no further night mends.
const MaxCarries = 7

// Carry is what becomes of the jobs that a night parked.
type Carry struct {
	Jobs       int       `json:"jobs"`
	WorkflowID string    `json:"workflow_id,omitempty"` // of the night that sends them; "" when none does by itself
	Begins     time.Time `json:"begins,omitzero"`       // when that night begins
	Not        string    `json:"not,omitempty"`         // why none does: a person has to act
}

// How Carry.Not begins where a person or the provider ended the batch.
const (
	NotCancelled = "the night was cancelled"
	NotStopped   = "the batch was stopped: " // a refused key; why follows
)

// GoOn is the input of a night that goes on with a batch from the books: what
// is parked or skipped is sent after all, with the same request ids. No
// manifest is read.
type GoOn struct {
	Batch ID        `json:"batch"`
	After time.Time `json:"after,omitzero"` // not before; a night's close: not in that night
}

// CarryID is the workflow id under which what a batch's night left over runs in
// a later night.
func (id ID) CarryID(night tariff.Night) string { return id.WorkflowID() + carryPart + string(night) }

// CarryPrefix begins the workflow ids of all nights that carry a batch on.
func (id ID) CarryPrefix() string { return id.WorkflowID() + carryPart }

// IsCarry says whether a workflow's id is that of a night that carries a batch
// on.
func IsCarry(workflowID string) bool {
	return strings.HasPrefix(workflowID, "nightly/") && strings.Contains(workflowID, carryPart)
}

const carryPart = "/carry/"

// Text is what becomes of the jobs, in one line for people.
func (c Carry) Text(id ID, zone *time.Location) string {
	if c.WorkflowID == "" {
		return fmt.Sprintf(`%d parked, and they don't run by themselves: %s; NightlyBatch with {"batch": "%s"} sends them`, c.Jobs, c.Not, id)
	}
	return fmt.Sprintf("%d parked: they run in the next night, from %s (workflow %s)", c.Jobs, c.Begins.In(zone).Format("2006-01-02 15:04 MST"), c.WorkflowID)
}
