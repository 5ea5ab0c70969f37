package batch

import (
	"time"

	"github.com/offpeak/offpeak/money"
)

// Order is what a person tells a night that runs: who, why, and for a raised
// budget how much.
type Order struct {
	By  string    `json:"by"`            // who says so: shown wherever its effect is
	Why string    `json:"why,omitempty"` // one line
	Cap money.USD `json:"cap,omitzero"`  // raise_budget: the batch's new cap
}

// Steer has an order written into the books, where every worker's gate finds
// it before its next send.
type Steer struct {
	Batch ID     `json:"batch"`
	Do    string `json:"do"` // one of the verbs
	Order
}

// The verbs of Steer. They are written into histories: frozen once released.
const (
	SteerPause  = "pause"        // nothing new is sent until resume
	SteerResume = "resume"       // undoes pause
	SteerCancel = "cancel"       // nothing new is sent, for good
	SteerRaise  = "raise_budget" // a higher cap for the batch
)

// Steered is what came of it.
type Steered struct {
	Paused   Pause     `json:"paused,omitzero"`   // as it stands afterwards
	Cap      money.USD `json:"cap,omitzero"`      // the batch's cap afterwards
	Reopened int       `json:"reopened,omitzero"` // raise_budget: skipped jobs that may be sent after all
}

// Pause says who has sends wait, and why. The zero Pause is none.
type Pause struct {
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// On says whether there is one.
func (p Pause) On() bool { return !p.At.IsZero() }

// String is "by ada@mars: the answers look wrong".
func (p Pause) String() string {
	if p.Why == "" {
		return "by " + p.By
	}
	return "by " + p.By + ": " + p.Why
}
