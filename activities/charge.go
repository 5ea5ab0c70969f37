package activities

import (
	"math/big"

	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

// charge is the bill of a run whose total is known, with what it costs by day
// and should have cost by night beside it.
func (s *submission) charge(j ledger.Job, run swarms.Completion, from ledger.Source) ledger.Charge {
	u := run.Usage
	c := ledger.Charge{
		JobID: run.JobID, Source: from,
		Total: u.TotalCost.USD, TotalText: u.TotalCost.Text,
		Input: u.InputCost.USD, Output: u.OutputCost.USD, Agent: u.AgentCost.USD,
		HasParts:    u.InputCost.Known && u.OutputCost.Known && u.AgentCost.Known,
		InputTokens: u.InputTokens, OutputTokens: u.OutputTokens, HasTokens: u.HasTokens,
		Agents:       first(u.Agents, run.Agents, j.Agents),
		NightApplied: u.NightApplied, DiscountActive: u.DiscountActive,
	}
	if u.DiscountType != nil {
		c.DiscountType = *u.DiscountType
	}
	if u.DiscountPercentage != nil {
		c.DiscountPercentage = *u.DiscountPercentage
	}
	c.DayPrice, c.NightPrice = prices(s.batch.Card, c)
	return c
}

// prices are those of the usage by the batch's card. Without token counts they
// are derived from the charge's parts; without parts the total stands for
// both, and the missing counts (HasTokens) tell the audit that nothing is
// proven.
func prices(card tariff.Card, c ledger.Charge) (day, night money.USD) {
	switch {
	case c.HasTokens:
		u := tariff.Usage{InputTokens: c.InputTokens, OutputTokens: c.OutputTokens, Agents: c.Agents}
		return card.Day(u).Total, card.AtNight(u).Total
	case c.HasParts && c.NightApplied != nil && card.Night > 0:
		tokens := c.Input + c.Output
		if *c.NightApplied {
			return scale(tokens, new(big.Rat).Inv(card.Night.Rat())) + c.Agent, c.Total
		}
		return c.Total, scale(tokens, card.Night.Rat()) + c.Agent
	}
	return c.Total, c.Total
}

// scale is r times u, rounded; u itself where that is beyond all dollars.
func scale(u money.USD, r *big.Rat) money.USD {
	v, err := money.FromRat(new(big.Rat).Mul(u.Rat(), r))
	if err != nil {
		return u
	}
	return v
}

// ceilingCharge stands in for a bill whose amount can't be found out: what was
// set aside is taken for spent, so that the budget never spends it again.
func (s *submission) ceilingCharge(j ledger.Job, run swarms.Completion) ledger.Charge {
	return ledger.Charge{
		JobID: run.JobID, Source: ledger.FromCeiling, Agents: first(run.Agents, j.Agents),
		Total: j.Ceiling, DayPrice: j.Ceiling, NightPrice: j.Ceiling,
	}
}

// first is the first count that says something.
func first(counts ...int64) int64 {
	for _, n := range counts {
		if n > 0 {
			return n
		}
	}
	return 0
}
