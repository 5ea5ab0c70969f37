package batch

// State is where a job stands. Every job is in exactly one (docs/ledger.md
// draws the machine).
type State string

// The states, in the order in which a job meets them.
const (
	Planned   State = "planned"   // in the ledger with its request id; nothing set aside
	Reserved  State = "reserved"  // its ceiling is set aside; nothing was sent, or provably nothing ran
	Sending   State = "sending"   // written before the first byte leaves; on entry it means a crash
	Succeeded State = "succeeded" // answered, billed and settled
	Rejected  State = "rejected"  // the provider refused it for a reason that is ours; never sent again
	Unknown   State = "unknown"   // sent, no answer that can be trusted; may have been billed
	Parked    State = "parked"    // not sent tonight; first in line next night, same identity
	Skipped   State = "skipped"   // a budget had no room for it
	Cancelled State = "cancelled" // a person stopped it before it was sent
)

// States lists every state in order, for tables and loops.
func States() []State {
	return []State{Planned, Reserved, Sending, Succeeded, Rejected, Unknown, Parked, Skipped, Cancelled}
}

// Over says whether nothing more will happen to the job tonight by itself.
// Unknown is not over: it can still be found in the provider's log.
func (s State) Over() bool {
	switch s {
	case Succeeded, Rejected, Parked, Skipped, Cancelled:
		return true
	}
	return false
}

// Counts is how many jobs stand where. It is the "jobs" object of every JSON
// output of the doors.
type Counts struct {
	Total     int `json:"total"`
	Succeeded int `json:"succeeded"`
	Rejected  int `json:"rejected"`
	Unknown   int `json:"unknown"`
	Parked    int `json:"parked"`
	Skipped   int `json:"skipped"`
	Cancelled int `json:"cancelled"`
}

// Add counts n jobs in state s. Planned, reserved and sending jobs count
// towards the total only: they are still on their way.
func (c *Counts) Add(s State, n int) {
	c.Total += n
	switch s {
	case Succeeded:
		c.Succeeded += n
	case Rejected:
		c.Rejected += n
	case Unknown:
		c.Unknown += n
	case Parked:
		c.Parked += n
	case Skipped:
		c.Skipped += n
	case Cancelled:
		c.Cancelled += n
	}
}

// Pending is how many are still on their way.
func (c Counts) Pending() int {
	return c.Total - c.Succeeded - c.Rejected - c.Unknown - c.Parked - c.Skipped - c.Cancelled
}

// Plus is the sum of two counts.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		Total: c.Total + d.Total, Succeeded: c.Succeeded + d.Succeeded, Rejected: c.Rejected + d.Rejected,
		Unknown: c.Unknown + d.Unknown, Parked: c.Parked + d.Parked, Skipped: c.Skipped + d.Skipped,
		Cancelled: c.Cancelled + d.Cancelled,
	}
}
