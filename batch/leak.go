package batch

import "github.com/offpeak/offpeak/money"

// Leak is where a night's saving went missing. Dollars is the saving that
// didn't happen because of Cause. With what was saved, the leaks from LeakLate
// to LeakFeeAbove add up to what the night multiplier would have taken off the
// whole day price.
type Leak struct {
	Cause   string    `json:"cause"`
	Jobs    int       `json:"jobs"`
	Dollars money.USD `json:"dollars"`
	Note    string    `json:"note"` // one line for people
}

// The causes of leaks.
const (
	LeakLate       = "late"        // ended after the close
	LeakByDay      = "by day"      // ran outside the window
	LeakEarly      = "early"       // sent before the opening
	LeakFlag       = "flag lies"   // said to be discounted, charged by day
	LeakCard       = "rate card"   // charged at rates that aren't the card's
	LeakZone       = "wrong zone"  // inside the manifest's window and outside the provider's
	LeakNotApplied = "not applied" // inside the window, still the day price
	LeakAgentFee   = "agent fee"   // the part of the bill that no night discounts
	LeakFeeAbove   = "fee above card"
	LeakTwice      = "billed twice" // one request, more than one charge
	LeakRetried    = "retried"      // requests that were sent again; no dollars by themselves
	LeakParked     = "parked"       // put off to another night, not lost
)
