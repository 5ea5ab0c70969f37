package batch

import (
	"fmt"
	"time"

	"github.com/offpeak/offpeak/money"
)

// LogExportInput is the input of the workflow LogExport, as a person types it:
// {} for every day that is over and has news, {"day": "2026-11-21"}, or
// {"from": "2026-11-01", "to": "2026-11-21"}. Days are those of Los Angeles.
// Today is only exported when it is named, or with {"today": true}; what comes
// after is then a later part of it.
type LogExportInput struct {
	Day   string `json:"day,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Today bool   `json:"today,omitempty"`
}

// WorkflowID is the id under which a door of ours exports the log: one export
// at a time, since each reads all of it.
func (LogExportInput) WorkflowID() string { return "log-export" }

// LogExport is an export of the provider's log: what it read, what is new in
// the lake, and how that compares with the ledger.
type LogExport struct {
	URL     string        `json:"url"` // where the lake is
	At      time.Time     `json:"at"`  // when the log was read
	From    string        `json:"from,omitempty"`
	To      string        `json:"to"`                // the last day that was looked at
	Read    int           `json:"read"`              // rows of the log, of all days
	Waiting int           `json:"waiting,omitempty"` // rows of days that aren't over yet: they come with a later export
	Days    []ExportedDay `json:"days"`              // those with something new, in order; of very many the newest
	Parts   int           `json:"parts"`
	Rows    int           `json:"rows"`  // new ones
	Bytes   int64         `json:"bytes"` // of their files
	Dollars money.USD     `json:"dollars"`
	// Differences counts the runs of the exported days of which ledger and log
	// say something else.
	Differences int `json:"differences"`
}

// ExportedDay is a part that an export wrote or made complete.
type ExportedDay struct {
	Key      string    `json:"key"` // the API key's id
	Day      string    `json:"day"`
	Part     int       `json:"part"`
	Rows     int       `json:"rows"`
	Revised  int       `json:"revised,omitempty"` // rows that an earlier part has with another content
	Bytes    int64     `json:"bytes"`
	Dollars  money.USD `json:"dollars"` // of its rows
	Foreign  money.USD `json:"foreign"` // what of that isn't in the books
	Manifest string    `json:"manifest"`

	// The whole day so far, our runs alone, beside the ledger; absent where no
	// books were asked.
	Logged      *money.USD `json:"logged,omitempty"`
	Charged     *money.USD `json:"charged,omitempty"`
	Differences int        `json:"differences,omitempty"`
	Unlogged    int        `json:"unlogged,omitempty"` // charges of the day that the log doesn't show
}

// MaxExportedDays is how many days a result names: a payload of Temporal's
// holds 2 MB.
const MaxExportedDays = 1000

// String is one line for people.
func (e LogExport) String() string {
	if e.Rows == 0 {
		return fmt.Sprintf("nothing new among %s rows of the provider's log", Grouped(int64(e.Read)))
	}
	s := fmt.Sprintf("%s rows of %s in %s parts", Grouped(int64(e.Rows)), e.Dollars.Dollars(), Grouped(int64(e.Parts)))
	if e.Differences > 0 {
		s += fmt.Sprintf(", %s runs differ from the ledger", Grouped(int64(e.Differences)))
	}
	return s
}
