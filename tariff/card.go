package tariff

import (
	"errors"
	"math"
	"math/big"
	"time"

	"github.com/offpeak/offpeak/money"
)

// Card is a provider's rate card. The Swarms one is served live by
// GET /v1/usage/costs; [Swarms] is the built-in fallback. There is no price
// per model: one blended token rate.
type Card struct {
	Source           string      `json:"source"` // "built-in 2026-07-09" or "live"
	ReadAt           time.Time   `json:"read_at,omitzero"`
	InputPerMillion  money.USD   `json:"input_per_million"`  // dollars per million input tokens, day price
	OutputPerMillion money.USD   `json:"output_per_million"` // dollars per million output tokens, day price
	PerAgent         money.USD   `json:"per_agent"`          // dollars per agent and run; never discounted
	Image            money.USD   `json:"image"`
	MCPCall          money.USD   `json:"mcp_call"`
	Search           money.USD   `json:"search"`
	Scrape           money.USD   `json:"scrape"`
	Night            money.Ratio `json:"night"` // token multiplier inside the window: 0.5 is half price
}

// NoTariff is the Source of the card of a provider that has no prices by day
// and by night: there is no discount to land or to miss.
const NoTariff = "none"

// None says whether there is no tariff at all.
func (c Card) None() bool { return c.Source == NoTariff }

// Usage is what a run used, or is expected to use. A count below zero is
// priced as zero: a price must never make room in a budget.
type Usage struct {
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
	Agents       int64 `json:"agents"`
}

// Price is a run's price by component. Each component is rounded half to even
// at six places; Total is the unrounded sum rounded once, as the provider's
// server does it (Swarms API server, calculate_swarm_cost in api/api.py,
// 2025-05-28), so it may differ from the sum of the components by a
// micro-dollar.
type Price struct {
	Input  money.USD `json:"input"`
	Output money.USD `json:"output"`
	Agents money.USD `json:"agents"`
	Total  money.USD `json:"total"`
}

// Day is what u costs when it ends outside the window.
func (c Card) Day(u Usage) Price { return c.Price(u, money.One) }

// AtNight is what u costs when it ends inside the window.
func (c Card) AtNight(u Usage) Price { return c.Price(u, c.Night) }

// Price is what u costs with tokens at m times the day price. The agent fee is
// never multiplied (Swarms night-mode guide: "NOT discounted"). An amount
// beyond what [money.USD] holds becomes the largest that it does hold, which
// no budget lets through.
func (c Card) Price(u Usage, m money.Ratio) Price {
	if p, ok := c.short(u, m); ok {
		return p
	}
	return c.exact(u, m)
}

// exact is Price for amounts of any size.
func (c Card) exact(u Usage, m money.Ratio) Price {
	in := tokens(u.InputTokens, c.InputPerMillion, m)
	out := tokens(u.OutputTokens, c.OutputPerMillion, m)
	agents := new(big.Rat).Mul(count(u.Agents), c.PerAgent.Rat())

	sum := new(big.Rat).Add(in, out)
	sum.Add(sum, agents)
	return Price{Input: round(in), Output: round(out), Agents: round(agents), Total: round(sum)}
}

// Saved is what a run saves against the day when it costs this much by night,
// with so many agents: the night takes (1 - Night) / Night of its tokens' night
// price off, and nothing off the agent fee. Zero when nothing can be said.
func (c Card) Saved(night money.USD, agents int64) money.USD {
	paid := night - c.PerAgent.Times(agents)
	if paid <= 0 || c.Night <= 0 {
		return 0
	}
	r := paid.Rat()
	r.Mul(r, (money.One - c.Night).Rat())
	r.Quo(r, c.Night.Rat())
	v, err := money.FromRat(r)
	if err != nil {
		return 0 // beyond all dollars: no price of ours
	}
	return v
}

// Check says everything that is wrong with the card at once: a price below
// zero, or a night multiplier that isn't above 0 and at most 1. Zero is
// refused because it is what a missing field reads as. Each part of the joined
// error is a [FieldError].
func (c Card) Check() error {
	var errs []error
	for _, p := range []struct {
		field string
		price money.USD
	}{
		{"input_per_million", c.InputPerMillion},
		{"output_per_million", c.OutputPerMillion},
		{"per_agent", c.PerAgent},
		{"image", c.Image},
		{"mcp_call", c.MCPCall},
		{"search", c.Search},
		{"scrape", c.Scrape},
	} {
		if p.price < 0 {
			errs = append(errs, FieldError{p.field, p.price.String(), "a price can't be below zero"})
		}
	}
	if c.Night <= 0 || c.Night > money.One {
		errs = append(errs, FieldError{"night", c.Night.String(), "the night multiplier must be above 0 and at most 1; half price is 0.5"})
	}
	return errors.Join(errs...)
}

// tokens is n/1e6 x perMillion x m, exactly.
func tokens(n int64, perMillion money.USD, m money.Ratio) *big.Rat {
	r := new(big.Rat).Mul(count(n), perMillion.Rat())
	r.Mul(r, m.Rat())
	return r.Mul(r, big.NewRat(1, 1_000_000))
}

func count(n int64) *big.Rat { return big.NewRat(max(n, 0), 1) }

func round(r *big.Rat) money.USD {
	u, err := money.FromRat(r)
	if err != nil { // out of range is the only way
		if r.Sign() < 0 {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	return u
}
