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
	s := fmt.Sprintf("%s of %s in %s", soMany(e.Rows, "row", "rows"), e.Dollars.Dollars(), soMany(e.Parts, "part", "parts"))
	if e.Differences > 0 {
		s += ", " + soMany(e.Differences, "run differs", "runs differ") + " from the ledger"
	}
	return s
}

func soMany(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(int64(n)) + " " + more
}

// DailyExport is the kind under which the books keep an export's result.
const DailyExport = "export"

// String is the days that are asked for, for people: " of 2026-11-21".
func (in LogExportInput) String() string {
	switch {
	case in.Day != "":
		return " of " + in.Day
	case in.From != "" && in.To != "":
		return " of " + in.From + " to " + in.To
	case in.From != "":
		return " from " + in.From + " on"
	case in.To != "":
		return " up to " + in.To
	case in.Today:
		return ", today too"
	}
	return ""
}

const exportKey = "export"

// ExportFailed is what to tell when the log couldn't be exported.
func ExportFailed(f *Fault, at time.Time) Alert {
	a := Alert{
		Key: exportKey, Kind: AlertExport, Severity: Warning, At: at,
		Title:  "The provider's log couldn't be exported to the lake",
		Lines:  []string{f.Error(), "Nothing is lost yet: the provider still has its rows, and the next export that works takes them."},
		Remedy: f.Hint,
	}
	if a.Remedy == "" {
		a.Remedy = "see to the cause, then: starter logs export"
	}
	return a
}

// ExportWorks ends that incident.
func ExportWorks(at time.Time) Alert {
	return Alert{Key: exportKey, Kind: AlertExport, Severity: Info, At: at, Over: true, Title: "The provider's log is exported to the lake again"}
}
