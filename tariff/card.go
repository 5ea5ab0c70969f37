package tariff

import (
	"time"

	"github.com/offpeak/offpeak/money"
)

// Card is a provider's rate card. The Swarms one is served live by
// GET /v1/usage/costs (fact sheet swarms.md, 5.2); Swarms() is the built-in
// fallback. There is no price per model: one blended token rate.
type Card struct {
	Source           string      `json:"source"` // "built-in 2026-01-06" or "live"
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

// Usage is what a run used, or is expected to use.
type Usage struct {
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
	Agents       int64 `json:"agents"`
}

// Price is a run's price by component. Each component is rounded half to even
// at six places; Total is the unrounded sum rounded once, as the provider's
// server does it (fact sheet swarms.md, 8.2), so it may differ from the sum of
// the components by a micro-dollar or two.
type Price struct {
	Input  money.USD `json:"input"`
	Output money.USD `json:"output"`
	Agents money.USD `json:"agents"`
	Total  money.USD `json:"total"`
}
