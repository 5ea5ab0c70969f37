package batch

import (
	"time"

	"github.com/offpeak/offpeak/money"
)

// WatchInput is the input of the workflow UsageWatch, as a person types it:
// {"day": "2026-11-21"}. "yesterday", or nothing, is the last Pacific calendar
// day that is over.
type WatchInput struct {
	Day string `json:"day,omitempty"`
}

// WorkflowID is the id under which a door of ours has a day watched.
func (in WatchInput) WorkflowID() string { return "usage-watch/" + in.Day }

// WatchRequest asks for the spend of a day to be judged.
type WatchRequest struct {
	Day   string    `json:"day"`    // a date, or "yesterday"
	Asked time.Time `json:"asked"`  // the story's clock: what yesterday is
	RunID string    `json:"run_id"` // who asks: an attempt that is made again finds what the one before had written
}

// UsageWatch is what the usage watch saw: the spend of some days by key, each
// judged against the seven days before it. Days are calendar days, Pacific, of
// 23, 24 or 25 hours, and a run belongs to the day on which it ended.
type UsageWatch struct {
	Day      string         `json:"day"` // the last one that was judged
	Zone     string         `json:"zone"`
	At       time.Time      `json:"at"` // when the reading began
	RunID    string         `json:"run_id,omitempty"`
	Accounts []AccountWatch `json:"accounts"` // a key each; the worker's own first
	Log      string         `json:"log,omitempty"`
	Rows     int            `json:"rows"` // of the provider's log, whoever's and of any day

	// Differences are days on which two sources disagree by more than a
	// micro-dollar.
	Differences []Difference  `json:"differences"`
	Report      string        `json:"usage_report"` // "read", or why it wasn't
	Credits     *CreditsWatch `json:"credits,omitempty"`
	Advice      []Advice      `json:"advice"`
	Alerts      []Alert       `json:"alerts"` // what this watch had to tell
	Back        bool          `json:"back,omitempty"`
}

// AccountWatch is one key's spend.
type AccountWatch struct {
	Account      string       `json:"account"`           // a hash's first digits, never the key
	Logged       bool         `json:"logged"`            // the provider's log of this key was read: spend that isn't ours is known
	Since        string       `json:"since"`             // the first day that is history; "" when there is none
	ForeignSince string       `json:"foreign_since"`     // the first day with spend that isn't ours, as far as any watch saw; "" for none
	Floor        money.USD    `json:"floor"`             // no day is high that cost no more
	Days         []WatchedDay `json:"days"`              // in order, up to the day of the watch
	Foreign      []Stranger   `json:"foreign"`           // who else spent on the last day, the most first
	Rest         Spend        `json:"rest,omitzero"`     // what others beyond those spent
	State        DayState     `json:"state"`             // of the last day
	Elsewhere    DayState     `json:"foreign_state"`     // the same of what isn't ours
	Unbooked     Spend        `json:"unbooked,omitzero"` // runs with a tag of these books, on days that were judged, that have no charge
}

// WatchedDay is what one day cost with one key.
type WatchedDay struct {
	Day          string     `json:"day"`
	Hours        int        `json:"hours"`   // 23 or 25 when the clocks change
	Ours         Spend      `json:"ours"`    // by the ledger
	Foreign      Spend      `json:"foreign"` // by the provider's log: runs that aren't from these books
	Total        money.USD  `json:"total"`
	Mean         *money.USD `json:"mean_before"` // of the seven days before; null without as many
	State        DayState   `json:"state"`
	ForeignState DayState   `json:"foreign_state"`
	Why          string     `json:"why,omitempty"` // for people: why it is high, or why nothing can be said
	Judged       bool       `json:"judged"`        // for the first time, or anew; else it is shown for comparison
}

// DayState is a day's verdict.
type DayState string

// The verdicts.
const (
	DayYoung   DayState = "young"   // fewer than seven days before it: nothing can be said
	DayNormal  DayState = "normal"  // no more than twice the mean of the seven days before
	DayHigh    DayState = "high"    // more, and above the floor
	DayLasting DayState = "lasting" // after a high day, and not yet back below 1.5 times the mean
	DayUnknown DayState = "unknown" // what others spent, where the log couldn't be read
)

// Loud says that a day is high, or one after that which isn't normal again.
func (s DayState) Loud() bool { return s == DayHigh || s == DayLasting }

// Stranger is a swarm that ran on the key and isn't from these books.
type Stranger struct {
	Name  string `json:"name"`  // the swarm's; "" where the log gives none
	Model string `json:"model"` // its models, or its type where the log names none
	Spend
}

// Difference is a day on which two sources disagree.
type Difference struct {
	Day     string    `json:"day"`
	Zone    string    `json:"zone"` // of the day: the usage report has UTC days
	Account string    `json:"account"`
	First   Amount    `json:"first"`
	Second  Amount    `json:"second"`
	By      money.USD `json:"by"` // first less second
	Cause   string    `json:"cause"`
}

// Amount is what one source says of a day.
type Amount struct {
	Source  string    `json:"source"` // "ledger", "provider's log", "usage report"
	Dollars money.USD `json:"dollars"`
}

// CreditsWatch is whether the credits are enough for the night to come.
type CreditsWatch struct {
	Total  money.USD `json:"total"`
	At     time.Time `json:"at"`
	Nights int       `json:"nights"` // nights with a charge that Mean is of, at most seven
	Mean   money.USD `json:"mean_night"`
	Need   money.USD `json:"need"`          // 1.5 x Mean: less, and the preflight may refuse
	Least  money.USD `json:"least"`         // the setting; zero when it isn't set
	Low    string    `json:"low,omitempty"` // why they are low; "" while they aren't
}

// Advice is something that would save money or time, or that shouldn't be a
// night job. Nothing is wrong.
type Advice struct {
	Rule  string    `json:"rule"` // "premium-tier", "batch-endpoint", "prune-agents", "not-a-night-job", "small-saving"
	Text  string    `json:"text"` // one line: what was seen, with its numbers
	Do    string    `json:"do"`
	Saves money.USD `json:"saves,omitzero"` // dollars a month, where that can be said
	Costs money.USD `json:"costs,omitzero"` // dollars a month
	Jobs  []string  `json:"jobs,omitempty"` // names, at most MaxFindingJobs
	Count int       `json:"count,omitempty"`
}
