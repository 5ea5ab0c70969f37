package batch

import (
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// ReconcileRequest asks for a batch's books to be compared with the
// provider's: its log and its credits. What the log can settle is settled
// first. Nothing is sent.
type ReconcileRequest struct {
	Batch ID          `json:"batch"`
	Span  tariff.Span `json:"span,omitzero"` // the night in which it ran; the books' when zero

	// Who asks. A batch whose night another run has in hand is left alone.
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// Reconciliation is what came of it: ids and money, with a bounded number of
// names, so that it can travel in a history.
type Reconciliation struct {
	Batch ID          `json:"batch"`
	Span  tariff.Span `json:"span"`
	At    time.Time   `json:"at"`            // when the reading of the log began
	Log   string      `json:"log,omitempty"` // why the provider's log couldn't be read to its end; "" when it was

	Rows    int       `json:"rows"`    // rows of the log, whoever's
	Runs    int       `json:"runs"`    // of them runs of this batch
	Logged  money.USD `json:"logged"`  // what they cost by the log
	Charged money.USD `json:"charged"` // what they cost by the ledger
	Foreign Spend     `json:"foreign"` // on the same key during the night, and not from these books

	Found  int `json:"found"`  // unknown jobs that the log settled
	Absent int `json:"absent"` // unknown jobs that provably didn't run: put off to another night
	Late   int `json:"late"`   // runs that ended after they had been declared absent, now in the books

	Credits Drawdown `json:"credits,omitzero"`

	Attributes bool `json:"attributes,omitempty"` // the namespace has our search attributes

	Findings []Finding `json:"findings"` // what doesn't agree: each fails the audit
	Notes    []Note    `json:"notes"`    // what a person should know, and nothing fails for
}

// Spend is a number of runs and their dollars.
type Spend struct {
	Runs    int       `json:"runs"`
	Dollars money.USD `json:"dollars"`
}

// Drawdown is what the account's credits say: how far they fell between two
// readings. Top-ups and the account's other keys move them too, and the
// provider may lose an update under load, so they prove nothing by themselves.
type Drawdown struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Before money.USD `json:"before"`
	After  money.USD `json:"after"`
}

// Note is something worth knowing that no audit fails for.
type Note struct {
	Topic   string    `json:"topic"`          // one of the topics
	Jobs    []string  `json:"jobs,omitempty"` // names, at most MaxFindingJobs of them; of foreign spend who it was, a line each
	Count   int       `json:"count"`          // how many jobs, or runs of foreign spend, in all
	Dollars money.USD `json:"dollars"`
	Text    string    `json:"text"`             // one line for people
	Remedy  string    `json:"remedy,omitempty"` // what to do, when there is something
}

// The topics of notes.
const (
	NoteGhosts  = "ghosts"  // charged by their answers, and not in the provider's log
	NoteForeign = "foreign" // spend on the key that isn't from these books
	NoteLate    = "late"    // declared absent and not sent again, then found: in the books now
	NoteCredits = "credits" // the account's credits fell by another amount
	NoteLog     = "log"     // the log couldn't be read
)

// NoLog is Reconciliation.Log of a provider that keeps none that could be
// compared: the books have what its answers said, and nothing else.
const NoLog = "the provider keeps none that could be compared"

// NightRequest asks for the batches of one night.
type NightRequest struct {
	Night string    `json:"night"` // a date, or "yesterday": the last night that is over, in the Swarms window's zone
	Asked time.Time `json:"asked"` // the story's clock
}
