package batch

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what sort of fault it is. The list is closed; three tables translate
// it: to a Temporal error type (activities/fault.go), to an HTTP status
// (starter/httpapi) and to an exit code (ExitCode). The value is the Temporal
// error type that people see in the UI, so it is frozen once released.
type Kind string

// The kinds.
const (
	BadInput        Kind = "BadInput"        // the manifest, a flag or a setting is wrong
	KeyRefused      Kind = "KeyRefused"      // 401 or 403: nothing else is sent with this key tonight
	CreditsTooLow   Kind = "CreditsTooLow"   // preflight: credits < 1.5 x estimate; or 402 in mid-night
	OverBudget      Kind = "OverBudget"      // an estimate or a ceiling is above a cap of the manifest
	RateLimited     Kind = "RateLimited"     // 429: nothing ran; wait and send again, uncounted
	RejectedByAPI   Kind = "RejectedByAPI"   // another 4xx, or a 5xx that wraps one: never sent again
	NotSent         Kind = "NotSent"         // dial, DNS or TLS failure before a byte of the request left
	OutcomeUnknown  Kind = "OutcomeUnknown"  // 5xx, timeout, reset or unreadable answer: may have run, may be billed
	OutOfReach      Kind = "OutOfReach"      // Temporal, the ledger, the archive or the provider can't be reached
	NightClaimed    Kind = "NightClaimed"    // another running workflow has this batch and night
	ManifestDiffers Kind = "ManifestDiffers" // the same batch and night was planned from another manifest
	NotFound        Kind = "NotFound"        // no such batch, job or file
	Waiting         Kind = "Waiting"         // the gate says not yet; the delay says until when
	Cancelling      Kind = "Cancelling"      // a person or a shutdown stopped it
	Internal        Kind = "Internal"        // a bug of ours

	// The audit's. The night is over and the report is written when one is raised.
	DiscountMissed  Kind = "DiscountMissed"  // a charge didn't get the night price
	BillingMissing  Kind = "BillingMissing"  // an answer came without a charge that can be read
	OutcomesUnknown Kind = "OutcomesUnknown" // jobs may have been billed and can't be settled
	BooksDisagree   Kind = "BooksDisagree"   // ledger, charges and report don't add up to the same amount
	NothingToJudge  Kind = "NothingToJudge"  // no job ran: an empty night proves nothing
)

// Moved says whether money may have moved when the fault happened: the
// question that decides whether anything may be sent again.
type Moved string

// The three answers. There is no fourth: what isn't known is MovedMaybe.
const (
	MovedNo    Moved = "no"
	MovedMaybe Moved = "maybe"
	MovedYes   Moved = "yes"
)

// Fault is the error of the house: what was being done, to what, which kind
// it is and whether money may have moved. Detail is the other side's own
// message, Hint tells a person what to do. No field ever holds a key, a
// prompt or an answer.
type Fault struct {
	Kind   Kind          `json:"kind"`
	Op     string        `json:"op"`               // "read manifest", "POST /v1/swarm/completions"
	Thing  string        `json:"thing,omitempty"`  // "market-digest/2026-11-22", a job's name, a setting
	Moved  Moved         `json:"moved,omitempty"`  // "" is no
	Status int           `json:"status,omitempty"` // HTTP status, when there was one
	Detail string        `json:"detail,omitempty"` // the other side's message, clipped
	Hint   string        `json:"hint,omitempty"`   // what to do about it
	After  time.Duration `json:"after,omitempty"`  // how long to wait, when the other side said so
	Err    error         `json:"-"`
}

// Error reads "op thing: kind: detail".
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Op)
	if f.Thing != "" {
		b.WriteString(" " + f.Thing)
	}
	b.WriteString(": " + string(f.Kind))
	if f.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", f.Status)
	}
	switch {
	case f.Detail != "":
		b.WriteString(": " + f.Detail)
	case f.Err != nil:
		b.WriteString(": " + f.Err.Error())
	}
	return b.String()
}

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }

// KindOf is the kind of the first Fault in err's chain; Internal for any other
// error, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return Internal
}

// The exit codes of every command.
const (
	ExitDone        = 0   // done and audited
	ExitInternal    = 1   // our fault
	ExitBadInput    = 2   // the manifest, a flag, a setting or the key
	ExitIncomplete  = 3   // done, with rejected, parked or cancelled jobs
	ExitMoney       = 4   // refused for money, or jobs were skipped because a budget was reached
	ExitAudit       = 5   // the audit failed
	ExitOutOfReach  = 6   // provider or Temporal out of reach
	ExitInterrupted = 130 // Ctrl-C: the night goes on
)

// ExitCode translates a kind into an exit code.
func (k Kind) ExitCode() int {
	switch k {
	case "":
		return ExitDone
	case BadInput, KeyRefused, NotFound, NightClaimed, ManifestDiffers:
		return ExitBadInput
	case CreditsTooLow, OverBudget:
		return ExitMoney
	case DiscountMissed, BillingMissing, OutcomesUnknown, BooksDisagree, NothingToJudge:
		return ExitAudit
	case OutOfReach, NotSent, OutcomeUnknown, RateLimited:
		return ExitOutOfReach
	case RejectedByAPI:
		return ExitIncomplete
	case Cancelling:
		return ExitInterrupted
	}
	return ExitInternal
}
