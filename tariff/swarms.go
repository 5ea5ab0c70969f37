package tariff

import (
	"time"

	"github.com/offpeak/offpeak/money"
)

// Swarms is the built-in rate card of the Swarms API, used where the live one
// can't be read. Source: Swarms docs, pricing page, 2026-07-09.
func Swarms() Card {
	return Card{
		Source:           "built-in 2026-07-09",
		InputPerMillion:  6*money.Dollar + 50*money.Cent,
		OutputPerMillion: 18*money.Dollar + 50*money.Cent,
		PerAgent:         1 * money.Cent,
		Image:            25 * money.Cent,
		MCPCall:          10 * money.Cent,
		Search:           4 * money.Cent,
		Scrape:           15 * money.Cent,
		Night:            money.Half,
	}
}

// SwarmsWindow is the price window of the Swarms API, with the margins that
// its night-mode guide advises: start at 9 PM, be done by 5 AM, and stay 15
// minutes inside of either edge.
func SwarmsWindow() Window {
	return Window{
		Zone:     "America/Los_Angeles",
		Open:     20 * hour,
		Close:    6 * hour,
		StartAt:  21 * hour,
		FinishBy: 5 * hour,
		Buffer:   15 * time.Minute,
	}
}
