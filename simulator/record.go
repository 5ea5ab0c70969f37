package simulator

import (
	"regexp"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// tagRE is a request id at the end of a name: how callers that can't hand
// over an id of their own tag their requests (production-readiness guide).
var tagRE = regexp.MustCompile(` \[([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\]$`)

// RequestID is the UUID with which a name ends, or "".
func RequestID(name string) string {
	n := len(name)
	if n < 39 || name[n-1] != ']' || name[n-39] != ' ' { // most names: no regexp needed
		return ""
	}
	if m := tagRE.FindStringSubmatch(name[n-39:]); m != nil {
		return m[1]
	}
	return ""
}

func untagged(name string) string {
	if RequestID(name) == "" {
		return name
	}
	return name[:len(name)-39]
}

// record is one arrival, or one item of a batch.
type record struct {
	at       int64 // unix nanoseconds
	run      *run  // nil while, or when, no work was done
	tally    *tally
	name     string
	endpoint string
	attempt  int32
	account  int16  // -1 for none
	status   uint16 // 0 while, or when, nothing was answered
	fault    uint16
	item     bool // of a batch; its request has a record of its own
	edition  uint32
}

// tally adds up one request id, or one name that has none.
type tally struct {
	attempts, executions, billed int32
	amount                       money.USD
}

// run is one piece of work that was done; it never changes.
type run struct {
	name           string
	tmpl           *template
	card           *tariff.Card
	hash           uint64
	used           used
	price          money.USD // what was charged; less than total when it couldn't be paid
	total          money.USD
	multiplier     money.Ratio // of the arithmetic
	flagged        money.Ratio // of the flags: One for no discount
	started, ended int64
	account        uint16
	key            uint8
	billing        string // Switches.Billing at its end
	numbers        string
}

// row is one row of the provider's log.
type row struct {
	run     *run
	visible int64 // from when it shows
	extra   money.USD
}
