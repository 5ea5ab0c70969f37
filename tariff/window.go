package tariff

import "time"

// Night is the date on which a window opens, in the window's own zone, as
// "2006-01-02".
type Night string

// Clock is a time of day in seconds after midnight, written "20:00" or
// "20:00:30".
type Clock int

// Window is a price window as data: the hours, in a zone, in which tokens are
// cheap, and how far inside of them we stay.
type Window struct {
	Zone     string        // IANA name, "America/Los_Angeles"
	Open     Clock         // first cheap second of the day, 20:00
	Close    Clock         // first dear second; at or before Open means on the next day; equal to Open is invalid
	StartAt  Clock         // when a night's work starts, 21:00: an hour inside
	FinishBy Clock         // when the last job should have ended, 05:00: an hour inside
	Buffer   time.Duration // nothing starts within Buffer after Open or ends within Buffer before Close; 15 min
}

// Span is one night of a window as instants: a half-open interval
// [Opens, Closes). On the night that summer time begins the Swarms window is 9
// hours long, on the night that it ends 11, else 10.
type Span struct {
	Night    Night     `json:"night"`
	Opens    time.Time `json:"opens"`
	Closes   time.Time `json:"closes"`
	StartAt  time.Time `json:"start_at"` // when work begins if it was asked for before
	Deadline time.Time `json:"deadline"` // when the last job must have ended: the earlier of FinishBy and Closes - Buffer
	Earliest time.Time `json:"earliest"` // Opens + Buffer: no start before
}

// Start is when a night begins, and why then.
type Start struct {
	Span   Span      `json:"span"`
	At     time.Time `json:"at"`     // the instant of the first send
	Reason string    `json:"reason"` // one line for people: "asked for inside the window", "waits for 21:00 ..."
}
