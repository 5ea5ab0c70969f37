package advice

import (
	"fmt"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/tariff"
)

// Nights adds up what the books have of some batches. Batches of one night
// share its limits.
type Nights struct {
	facts Facts
	by    map[tariff.Night]*[2]int // requests, and those of them that met a limit
}

// Add takes in a batch: its row, what it took, and how many of its jobs are put
// off.
func (n *Nights) Add(b ledger.Batch, e ledger.Effort, parked int) {
	if n.by == nil {
		n.by = map[tariff.Night]*[2]int{}
	}
	f, night := &n.facts, n.by[b.ID.Night()]
	if night == nil {
		night = new([2]int)
		n.by[b.ID.Night()] = night
	}
	night[0] += e.Requests
	night[1] += e.Limited
	if b.Provider != "" && (f.Provider == "" || b.Provider == "swarms") {
		f.Provider = b.Provider
	}
	f.Parked += parked
	f.Jobs += e.Runs
	f.Agents += e.Agents
	f.Night += e.Billed
	f.DayPrice += e.DayPrice
	f.AgentFee += e.AgentFee + b.Card.PerAgent.Times(e.Agents-e.Priced)
	f.PerAgent = max(f.PerAgent, b.Card.PerAgent)
	if b.Policy.Mode == batch.ModeSingle {
		f.Singly = max(f.Singly, e.Requests)
	}
}

// Request takes in what was sent for a job, by the largest max_tokens in it.
func (n *Nights) Request(job string, maxTokens int64) {
	if maxTokens > MostMaxTokens {
		n.facts.MaxTokens = max(n.facts.MaxTokens, maxTokens)
		n.facts.Hungry = append(n.facts.Hungry, job)
	}
}

// Count is how many nights were taken in.
func (n *Nights) Count() int { return len(n.by) }

// Facts are the sums, and of what counts a day the dearest night.
func (n *Nights) Facts(tier string) Facts {
	f := n.facts
	f.Tier, f.Nights, f.When = tier, len(n.by), "in that night"
	if len(n.by) > 1 {
		f.When = fmt.Sprintf("in one of the last %d nights", len(n.by))
	}
	for _, night := range n.by {
		f.Requests, f.Limited = max(f.Requests, night[0]), max(f.Limited, night[1])
	}
	return f
}

// premiumMinute is the premium tier's limit a minute (Swarms docs,
// resources/ratelimits, 2026-07-13); the free tier's is 100.
const premiumMinute = 2000

// TierOf is the tier by the limits that a key was told, "" where none was.
func TierOf(windows []ledger.Window) string {
	for _, w := range windows {
		switch {
		case w.Name != "minute" || w.Limit <= 0:
		case w.Limit >= premiumMinute:
			return "premium"
		default:
			return "free"
		}
	}
	return ""
}
