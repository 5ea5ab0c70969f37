package swarms

import (
	"encoding/json"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Completion is one run as the API reports it: the answer of
// POST /v1/swarm/completions, an item of a batch answer, or the data of a log
// row. All documented variants decode into it: the docs of 2025-05 to 2026-07,
// the server sources of 2025-05 and 2025-06, and the night-mode guide.
type Completion struct {
	JobID         string // "swarms-" and 28 characters; absent in batch items of variant A
	OK            bool   // status success or completed
	Status        string // as printed
	SwarmName     string // the request's name with our tag: the join key
	SwarmType     string
	Output        json.RawMessage // any JSON, kept as it is; nil when absent
	Agents        int64
	ExecutionTime string          // seconds, the literal
	Detail        string          // of a failed item
	Usage         *Usage          // nil when the answer has none: unknown, not zero
	Raw           json.RawMessage // the whole object
}

// Usage is what a run used and what it was charged. Every billing field may
// be missing in some variant; a missing one is nil or not Known, never zero.
type Usage struct {
	InputTokens        int64
	OutputTokens       int64
	HasTokens          bool
	TotalCost          money.Literal
	InputCost          money.Literal
	OutputCost         money.Literal
	AgentCost          money.Literal
	Agents             int64
	NightApplied       *bool
	DiscountActive     *bool
	DiscountType       *string
	DiscountPercentage *string // percent off, the literal
}

// Credits answers GET /v1/account/credits; 1 credit is one dollar.
type Credits struct {
	Credit   money.Literal
	Free     money.Literal
	Referral money.Literal
	Total    money.Literal
}

// LogRow is a row of GET /v1/swarm/logs. The API key that the provider prints
// in each row is dropped while decoding; what is kept is its KeyID, which tells
// our own rows from those of the account's other keys.
type LogRow struct {
	ID        string
	CreatedAt string // RFC 3339, as printed
	Category  string // "completion" for runs
	KeyID     string // "" when the row has no key
	Run       Completion
}

// Costs answers GET /v1/usage/costs.
type Costs struct {
	Card tariff.Card
}

// Day is one day of GET /v1/usage/report; days are UTC.
type Day struct {
	Day          string
	Cost         money.Literal
	InputTokens  int64
	OutputTokens int64
	Requests     int64
}
