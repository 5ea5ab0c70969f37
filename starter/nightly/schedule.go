package nightly

import (
	"errors"
	"strings"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/tariff"
)

// ScheduleRequest says what to start again and again, and when. It is checked
// whole before anything is made: see [Client.CreateSchedule].
type ScheduleRequest struct {
	// ID names the schedule: 1 to 63 of a-z, 0-9, '.', '_', '-'. By default it is
	// the manifest's name, and the kind of daily work.
	ID string

	// Night is what is started each time. A manifest that is handed over whole
	// stays as it is now; one behind a Ref is read anew each night. It is empty
	// with Daily.
	Night Request

	// Daily is a kind of work that belongs to every ledger, instead of a night:
	// KindWatch, KindExport, KindPurge or KindReconcile. None of them sends
	// anything that is paid for.
	Daily string

	// Reconcile is the older way to say Daily: KindReconcile.
	Reconcile bool

	// At is a time of day, "21:00" or "21:00:30": by default the window's
	// start_at, and of daily work what DailyAt says. A night has to begin inside its window,
	// early enough for a job to end there, on every date of a year.
	At string

	// Zone is the time zone that At is meant in: by default the window's, so that
	// the hours stay right over a change of the clocks.
	Zone string

	// Days are the nights on which it starts, by the date on which they open;
	// empty means every night on which the window opens. With Daily they are the days
	// of At.
	Days []time.Weekday

	// CatchUp is how late it may still start when Temporal was away at the time:
	// 6 hours by default, or less where a night leaves less. Later than that the
	// night is left out.
	CatchUp time.Duration

	Paused bool   // made, and held until ResumeSchedule
	Note   string // one line for people, shown with it
}

// Schedule is a schedule as Temporal has it. One that other people made with
// Temporal's own tools is one too, as long as it starts a workflow of ours.
type Schedule struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`               // one of the kinds
	Name       batch.Name `json:"name,omitempty"`     // of the manifest; "" of daily work, and when it can't be told
	Manifest   string     `json:"manifest,omitempty"` // where the manifest is, when it is read anew each night
	At         string     `json:"at"`                 // "21:00"; "" when it isn't one time of day
	Zone       string     `json:"zone"`
	Days       []string   `json:"days,omitempty"` // "mon", "tue": the nights, or of daily work the days; all when empty
	CatchUp    string     `json:"catch_up"`       // a duration, "6h0m0s"; "" in a list, which doesn't say
	Paused     bool       `json:"paused"`
	Note       string     `json:"note,omitempty"`
	WorkflowID string     `json:"workflow_id,omitempty"` // what the ids of its runs begin with; "" in a list

	Next   []time.Time   `json:"next"`                   // the next five starts, in Zone, as Temporal's server has worked them out
	Change *ClockChange  `json:"clock_change,omitempty"` // the next night that a change of the clocks makes longer or shorter
	Recent []ScheduleRun `json:"recent"`                 // what it started last, newest first, at most ten; in a list, at most five

	Missed  int `json:"missed"`  // how many starts were left out because Temporal was away for longer than CatchUp
	Skipped int `json:"skipped"` // how many were left out because the last run still went on

	window tariff.Window // of its nights: known of those that a door of ours made, else the Swarms window
	input  string        // the input of its runs, when that is one JSON value
}

// ClockChange is a night whose length isn't that of most.
type ClockChange struct {
	Night  tariff.Night `json:"night"`
	Start  time.Time    `json:"start"`  // when the schedule starts it
	Length string       `json:"length"` // a duration, "11h0m0s"
	Back   bool         `json:"back"`   // the clocks go back and the night is longer; else they go forward
}

// ScheduleRun is one start of a schedule.
type ScheduleRun struct {
	Due        time.Time  `json:"due"`     // when it was to start
	Started    time.Time  `json:"started"` // when it did
	WorkflowID string     `json:"workflow_id"`
	RunID      string     `json:"run_id"`
	State      string     `json:"state,omitempty"` // "running", or how it ended: "done", "failed", "refused", "cancelled", "elsewhere", "forgotten"; "" in a list
	Batch      batch.ID   `json:"batch,omitempty"` // the night that it ran, once that is known
	Kind       batch.Kind `json:"kind,omitempty"`  // of the fault with which it ended
	Why        string     `json:"why,omitempty"`   // the same in a line
}

// ErrScheduleExists is wrapped by the fault of CreateSchedule when the id is
// taken. The fault is of kind BadInput.
var ErrScheduleExists = errors.New("there is a schedule with this id")

// Problems is everything that is wrong with one request, field by field. It is
// the cause of the fault (errors.As finds it), for doors that show each at its
// field.
type Problems []tariff.FieldError

// Error is one line for each.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// scheduleFault is a fault of kind BadInput about a schedule.
func scheduleFault(op, id, detail, hint string) *batch.Fault {
	return &batch.Fault{Kind: batch.BadInput, Op: op, Thing: id, Detail: detail, Hint: hint}
}
