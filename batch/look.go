package batch

import (
	"time"

	"github.com/offpeak/offpeak/money"
)

// LookRequest asks how far a night is.
type LookRequest struct {
	Batch ID `json:"batch"`
}

// Look is how far a night is, by the ledger, for whoever watches: ids, counts
// and money.
type Look struct {
	At       time.Time `json:"at"`
	Jobs     Counts    `json:"jobs"`      // of the whole batch, earlier nights included
	Sending  int       `json:"sending"`   // requests in flight
	Billed   money.USD `json:"billed"`    // charges so far
	DayPrice money.USD `json:"day_price"` // what the same would have cost by day
	Held     money.USD `json:"held"`      // set aside for what is under way or unknown

	// Wait is what the gate last had jobs of this batch wait for, by the word of
	// the worker that looked; the zero Wait when it lets them through.
	Wait Wait `json:"wait,omitzero"`
}
