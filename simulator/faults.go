package simulator

import (
	"maps"
	"slices"
	"strings"
)

// Rule is one fault on cue: to which requests it happens, and what happens.
type Rule struct {
	Match       string   `json:"match" yaml:"match"`                                 // part of the name, with its tag; or /regexp/, tried with and without the tag; or "*"
	Endpoint    string   `json:"endpoint,omitempty" yaml:"endpoint,omitempty"`       // a path; both completion endpoints when empty
	Attempts    Attempts `json:"attempts,omitzero" yaml:"attempts,omitempty"`        // which tries of the request; 429 and 402 are no tries
	Times       int64    `json:"times,omitempty" yaml:"times,omitempty"`             // at most so often in all; 0 for no bound
	Probability *Chance  `json:"probability,omitempty" yaml:"probability,omitempty"` // of seed, name and attempt: the same every time; 1 when left out
	Seed        uint64   `json:"seed,omitempty" yaml:"seed,omitempty"`
	Kind        string   `json:"kind" yaml:"kind"`
	AfterWork   bool     `json:"after_work,omitempty" yaml:"after_work,omitempty"` // the work was done and billed first
	Status      int      `json:"status,omitempty" yaml:"status,omitempty"`         // of kind status, and of error answers that are truncated, bad JSON or huge
	Detail      string   `json:"detail,omitempty" yaml:"detail,omitempty"`         // instead of the documented text
	RetryAfter  string   `json:"retry_after,omitempty" yaml:"retry_after,omitempty"`
	Delay       Duration `json:"delay,omitempty" yaml:"delay,omitempty"` // of slow and late_log
}

// The kinds. Those of the first group happen to the answer, one per request;
// those of the second to the run, its bill or its log row, and add up.
//
// truncate, badjson and huge happen to the answer of work that was done; with a
// status, to an error answer of that status instead, for which after_work says
// whether the work was done.
const (
	KindStatus      = "status"       // an error status with its documented body; 200 is an error body behind a good status
	KindHTML502     = "html502"      // the front end's error page
	KindHang        = "hang"         // no answer until the client leaves
	KindReset       = "reset"        // TCP reset instead of an answer
	KindResetUnread = "reset_unread" // TCP reset before the body is read
	KindTruncate    = "truncate"     // the body ends in the middle
	KindBadJSON     = "badjson"      // status 200, complete, and not JSON
	KindHuge        = "huge"         // 10 MB of output
	KindRate429     = "rate429"      // 429 out of the blue, with retry_after

	KindSlow          = "slow"           // takes delay longer
	KindNoUsage       = "nousage"        // no usage, in the answer or in the log
	KindNoBilling     = "nobilling"      // usage without billing_info, in both
	KindLostUsage     = "lost_usage"     // no usage in the answer; the log has it
	KindLostBilling   = "lost_billing"   // usage without billing_info in the answer; the log has it
	KindFullPrice     = "full_price"     // no discount for this run, and no flag
	KindLie           = "lie"            // flags of a discount, arithmetic of the day
	KindGhost         = "ghost"          // never in the log
	KindLateLog       = "late_log"       // in the log delay later
	KindDupLog        = "dup_log"        // in the log twice
	KindWrongLog      = "wrong_log"      // in the log with a micro-dollar more
	KindItemError     = "item_error"     // an error item in a batch answer
	KindItemMissing   = "item_missing"   // no item in a batch answer
	KindItemDuplicate = "item_duplicate" // the item twice in a batch answer
)

type kind struct{ wire, afterWork, detail, delay, status bool }

var kinds = map[string]kind{
	KindStatus:      {wire: true, afterWork: true, detail: true, status: true},
	KindHTML502:     {wire: true, afterWork: true},
	KindHang:        {wire: true, afterWork: true},
	KindReset:       {wire: true, afterWork: true},
	KindResetUnread: {wire: true},
	KindTruncate:    {wire: true, status: true},
	KindBadJSON:     {wire: true, status: true},
	KindHuge:        {wire: true, status: true},
	KindRate429:     {wire: true, detail: true},

	KindSlow: {delay: true}, KindNoUsage: {}, KindNoBilling: {}, KindLostUsage: {}, KindLostBilling: {}, KindFullPrice: {}, KindLie: {},
	KindGhost: {}, KindLateLog: {delay: true}, KindDupLog: {}, KindWrongLog: {},
	KindItemError:     {afterWork: true, detail: true},
	KindItemMissing:   {afterWork: true},
	KindItemDuplicate: {},
}

func kindNames() string { return strings.Join(slices.Sorted(maps.Keys(kinds)), ", ") }
