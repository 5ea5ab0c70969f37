package advice_test

import (
	"strings"
	"testing"

	"github.com/offpeak/offpeak/advice"
	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
)

// TestOn is every rule at its threshold and one beyond.
func TestOn(t *testing.T) {
	t.Parallel()
	d := money.Dollar
	for _, c := range []struct {
		name  string
		f     advice.Facts
		rules string
		says  string
	}{
		{"nothing is known", advice.Facts{}, "", ""},
		{"one 429 is none", advice.Facts{Limited: 1}, "", ""},
		{"two are", advice.Facts{Limited: 2}, "premium-tier", "2 requests met a rate limit tonight: the premium tier costs $100.00 a month and allows 20 times as many requests a minute; without it the limits cost time alone"},
		{"1,200 requests are the free tier's", advice.Facts{Requests: 1200}, "", ""},
		{"1,201 aren't", advice.Facts{Requests: 1201, Parked: 1}, "premium-tier", "1,201 requests tonight, of 1,200 that the free tier takes in a day: the premium tier costs $100.00 a month and allows 20 times as many requests a minute; without it the limits cost at most 1 job put off to another night"},
		{"200,000 tokens are the free tier's", advice.Facts{MaxTokens: 200_000}, "", ""},
		{"one more isn't", advice.Facts{MaxTokens: 200_001, Hungry: []string{"EU"}}, "premium-tier", "an agent's max_tokens is 200,001, above 200,000"},
		{"all three, and what it costs", advice.Facts{Limited: 5, Requests: 3000, MaxTokens: 250_000, Lost: d / 2, Parked: 7}, "premium-tier", "$0.50 of discount, $15.00 in a month of such nights and 7 jobs put off"},
		{"premium has it", advice.Facts{Tier: "premium", Limited: 5, Requests: 3000, MaxTokens: 250_000}, "", ""},
		{"20 jobs one by one", advice.Facts{Singly: 20}, "", ""},
		{"21 jobs one by one", advice.Facts{Singly: 21}, "batch-endpoint", "21 requests carried one job each"},
		{"on the free tier there is no other way", advice.Facts{Singly: 500, Tier: "free"}, "", ""},
		{"half of it is the fee", advice.Facts{Jobs: 10, Agents: 500, Night: 10 * d, DayPrice: 15 * d, AgentFee: 5 * d, PerAgent: money.Cent}, "", ""},
		{"more than half of it is", advice.Facts{Jobs: 10, Agents: 501, Night: 10 * d, DayPrice: 15 * d, AgentFee: 6 * d, PerAgent: money.Cent}, "prune-agents", "the agent fee is $6.00 of $10.00 (60 %), for 501 agents, and no night discounts it: take out agents that a job can do without: one less in each job saves $0.10 a night, $3.00 a month"},
		{"over seven nights", advice.Facts{Jobs: 70, Agents: 700, Night: 10 * d, DayPrice: 13 * d, AgentFee: 7 * d, PerAgent: money.Cent, Nights: 7}, "prune-agents", "saves $0.10 a night, $3.00 a month"},
		{"a cent saved", advice.Facts{Jobs: 1, Night: d, DayPrice: d + money.Cent}, "", ""},
		{"less than a cent", advice.Facts{Jobs: 1, Night: d, DayPrice: d + money.Cent - 1}, "small-saving", "the night takes $0.009999 off $1.009999"},
		{"a cent in two nights", advice.Facts{Jobs: 2, Night: d, DayPrice: d + money.Cent, Nights: 2}, "small-saving", "less than a cent a night"},
		{"dearer by night is the audit's", advice.Facts{Jobs: 1, Night: 2 * d, DayPrice: d}, "", ""},
		{"needed inside the night", advice.Facts{NeededBy: []string{"EU", "US"}}, "not-a-night-job", "the answers of 2 jobs are needed"},
		{"another provider's", advice.Facts{Provider: "swiftia", Limited: 50, Requests: 5000}, "", ""},
	} {
		if c.f.Provider == "" {
			c.f.Provider = "swarms"
		}
		c.f.When = "tonight"
		got := advice.On(c.f)
		var rules []string
		for _, a := range got {
			rules = append(rules, a.Rule)
			if a.Text == "" || a.Do == "" {
				t.Errorf("%s: %+v", c.name, a)
			}
		}
		lines := strings.Join(advice.Lines(got), "\n")
		if strings.Join(rules, ", ") != c.rules || !strings.Contains(lines, c.says) {
			t.Errorf("%s: %s\n%s", c.name, strings.Join(rules, ", "), lines)
		}
	}
	many := make([]string, 100)
	if got := advice.On(advice.Facts{Provider: "swarms", NeededBy: many}); len(got[0].Jobs) != batch.MaxFindingJobs || got[0].Count != 100 {
		t.Errorf("%d names of %d", len(got[0].Jobs), got[0].Count)
	}
}
