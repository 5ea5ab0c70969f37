// Package advice says what would save money or time, by the thresholds of the
// Swarms production checklist and the night-mode guide (Swarms docs, 2026-07-13):
// when the premium tier pays, when the batch endpoint, when agents cost more than
// they think, and what isn't work for the night.
//
// It is pure. Reports ask it about one night, the usage watch and starter advice
// about the last ones, starter estimate about the night to come.
package advice

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// The rules.
const (
	Premium  = "premium-tier"
	Batch    = "batch-endpoint"
	Prune    = "prune-agents"
	Small    = "small-saving"
	NotNight = "not-a-night-job"
)

// The thresholds. "Upgrade to premium when any of these are true": a 429 more
// than once a day, more than 1,200 requests a day, an agent that needs more than
// 200,000 tokens. The batch endpoint is for "more than ~20 requests in a tight
// loop".
const (
	MostLimited   = 1
	MostRequests  = 1200
	MostMaxTokens = 200_000
	MostSingly    = 20

	PremiumMonth = 100 * money.Dollar // a month
	nights       = 30                 // of a month, as the night-mode guide reckons
)

// Facts are what is known of a night, or of the dearest of several. What isn't
// known is zero.
type Facts struct {
	Provider string
	Tier     string // of the account, "free" or "premium"; "" when unknown
	When     string // "tonight", "in one of the last 7 nights"

	Requests  int       // most that were, or will be, sent in one night
	Limited   int       // of a night's, those that met a rate limit
	Parked    int       // jobs that were put off to another night
	Lost      money.USD // discount that was missed for having ended late
	MaxTokens int64     // the largest max_tokens of an agent
	Hungry    []string  // names of the jobs with such agents
	Singly    int       // requests for one job each, because policy.mode says so

	Jobs     int // priced or billed
	Agents   int64
	Night    money.USD // what they cost, or are expected to, by night
	DayPrice money.USD
	AgentFee money.USD // the part of Night that no night discounts
	PerAgent money.USD // the rate card's
	Nights   int       // that Night, DayPrice and AgentFee are of; 0 counts as 1

	NeededBy []string // names of jobs whose answer is needed inside the night
}

// On is all that can be advised, in the order of the rules.
func On(f Facts) []batch.Advice {
	out := []batch.Advice{}
	if f.Provider != "swarms" {
		return out // the thresholds are those of its docs
	}
	for _, rule := range []func(Facts) (batch.Advice, bool){premium, endpoint, prune, small, notNight} {
		if a, ok := rule(f); ok {
			a.Jobs = slices.Clone(a.Jobs[:min(len(a.Jobs), batch.MaxFindingJobs)])
			out = append(out, a)
		}
	}
	return out
}

// Lines are the same in a line each.
func Lines(all []batch.Advice) []string {
	out := []string{}
	for _, a := range all {
		out = append(out, a.Text+": "+a.Do)
	}
	return out
}

func premium(f Facts) (batch.Advice, bool) {
	a := batch.Advice{Rule: Premium, Costs: PremiumMonth}
	if f.Tier == "premium" {
		return a, false
	}
	var why []string
	if f.Limited > MostLimited {
		why = append(why, fmt.Sprintf("%s requests met a rate limit %s", grouped(f.Limited), f.When))
	}
	if f.Requests > MostRequests {
		why = append(why, fmt.Sprintf("%s requests %s, of %s that the free tier takes in a day", grouped(f.Requests), f.When, grouped(MostRequests)))
	}
	if f.MaxTokens > MostMaxTokens {
		why = append(why, fmt.Sprintf("an agent's max_tokens is %s, above %s", batch.Grouped(f.MaxTokens), grouped(MostMaxTokens)))
		a.Jobs, a.Count = f.Hungry, len(f.Hungry)
	}
	if len(why) == 0 {
		return a, false
	}
	a.Text = strings.Join(why, "; ")
	a.Do = fmt.Sprintf("the premium tier costs %s a month and allows 20 times as many requests a minute; ", PremiumMonth.Dollars())
	var price []string
	if f.Lost > 0 {
		price = append(price, fmt.Sprintf("%s of discount, %s in a month of such nights", f.Lost.Dollars(), f.Lost.Times(nights).Dollars()))
	}
	if f.Parked > 0 {
		price = append(price, counted(f.Parked, "job")+" put off to another night")
	}
	if len(price) == 0 {
		a.Do += "without it the limits cost time alone"
	} else {
		a.Do += "without it the limits cost at most " + strings.Join(price, " and ")
	}
	return a, true
}

func endpoint(f Facts) (batch.Advice, bool) {
	if f.Singly <= MostSingly || f.Tier == "free" { // the endpoint is the premium tier's
		return batch.Advice{}, false
	}
	return batch.Advice{
		Rule: Batch, Count: f.Singly,
		Text: fmt.Sprintf("%s carried one job each, because policy.mode is single", counted(f.Singly, "request")),
		Do:   fmt.Sprintf("above %d, policy.mode auto sends up to ten in one request where the account's tier allows it", MostSingly),
	}, true
}

func prune(f Facts) (batch.Advice, bool) {
	if f.AgentFee*2 <= f.Night || f.Jobs == 0 {
		return batch.Advice{}, false
	}
	saves := f.perMonth(f.PerAgent.Times(int64(f.Jobs)))
	a := batch.Advice{
		Rule: Prune, Saves: saves,
		Text: fmt.Sprintf("the agent fee is %s of %s (%s), for %s, and no night discounts it", f.AgentFee.Dollars(), f.Night.Dollars(), share(f.AgentFee, f.Night), counted(int(f.Agents), "agent")),
		Do:   "take out agents that a job can do without",
	}
	if saves > 0 {
		a.Do += fmt.Sprintf(": one less in each job saves %s a night, %s a month", (saves / nights).Dollars(), saves.Dollars())
	}
	return a, true
}

// perMonth is a sum over f.Nights as that of a month of 30.
func (f Facts) perMonth(sum money.USD) money.USD {
	return sum.Times(nights) / money.USD(max(f.Nights, 1))
}

func small(f Facts) (batch.Advice, bool) {
	saved := f.DayPrice - f.Night
	if f.Jobs == 0 || saved < 0 || saved >= money.Cent.Times(int64(max(f.Nights, 1))) {
		return batch.Advice{}, false
	}
	return batch.Advice{
		Rule: Small, Saves: f.perMonth(saved),
		Text: fmt.Sprintf("the night takes %s off %s: less than a cent a night", exact(saved), f.DayPrice.Dollars()),
		Do:   "run such jobs by day when anybody waits for them: the night isn't worth the wait",
	}, true
}

func notNight(f Facts) (batch.Advice, bool) {
	if len(f.NeededBy) == 0 {
		return batch.Advice{}, false
	}
	return batch.Advice{
		Rule: NotNight, Jobs: f.NeededBy, Count: len(f.NeededBy),
		Text: fmt.Sprintf("the answers of %s are needed before the night has to be over", counted(len(f.NeededBy), "job")),
		Do:   "send them by day, or give them a higher priority: nothing keeps a night from needing all of its hours",
	}, true
}

// exact is an amount below a cent with all its places.
func exact(u money.USD) string {
	if u == 0 {
		return "$0"
	}
	return "$" + strings.TrimRight(u.String(), "0")
}

// share is part of whole, "62 %".
func share(part, whole money.USD) string {
	if whole <= 0 {
		return "all"
	}
	r := new(big.Rat).Quo(part.Rat(), whole.Rat())
	return r.Mul(r, big.NewRat(100, 1)).FloatString(0) + " %"
}

func grouped(n int) string { return batch.Grouped(int64(n)) }

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(n) + " " + what
}
