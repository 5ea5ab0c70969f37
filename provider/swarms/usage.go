package swarms

import "encoding/json"

// Where the variants keep usage and money. usage.billing_info is the current
// one; metadata.billing_info that of early 2025; usage.total_cost that of
// agent rows in the log; usage with three token counts and no price that of
// the batch code of 2025-06.
type usageWire struct {
	InputTokens  json.RawMessage `json:"input_tokens"`
	OutputTokens json.RawMessage `json:"output_tokens"`
	TotalCost    json.RawMessage `json:"total_cost"`
	Billing      json.RawMessage `json:"billing_info"`
}

type billingWire struct {
	Breakdown          json.RawMessage `json:"cost_breakdown"`
	TotalCost          json.RawMessage `json:"total_cost"`
	DiscountActive     json.RawMessage `json:"discount_active"`
	DiscountType       json.RawMessage `json:"discount_type"`
	DiscountPercentage json.RawMessage `json:"discount_percentage"`
}

type breakdownWire struct {
	AgentCost    json.RawMessage `json:"agent_cost"`
	InputCost    json.RawMessage `json:"input_token_cost"`
	OutputCost   json.RawMessage `json:"output_token_cost"`
	Counts       json.RawMessage `json:"token_counts"`
	NumAgents    json.RawMessage `json:"num_agents"`
	NightApplied json.RawMessage `json:"night_time_discount_applied"`
}

type countsWire struct {
	Input  json.RawMessage `json:"total_input_tokens"`
	Output json.RawMessage `json:"total_output_tokens"`
}

// decodeUsage is nil when the answer says nothing about usage at all.
func decodeUsage(r run) *Usage {
	var u, meta usageWire
	var b billingWire
	var d breakdownWire
	var n countsWire
	// A member that isn't an object leaves its struct empty, which is what a
	// missing one does.
	_ = json.Unmarshal(r.Usage, &u)
	_ = json.Unmarshal(r.Metadata, &meta)
	_ = json.Unmarshal(present(u.Billing, meta.Billing), &b)
	_ = json.Unmarshal(b.Breakdown, &d)
	_ = json.Unmarshal(d.Counts, &n)

	var out Usage
	in, okIn := tokens(u.InputTokens, n.Input)
	to, okOut := tokens(u.OutputTokens, n.Output)
	if okIn && okOut {
		out.InputTokens, out.OutputTokens, out.HasTokens = in, to, true
	}
	out.TotalCost = amount(present(b.TotalCost, u.TotalCost))
	out.InputCost, out.OutputCost, out.AgentCost = amount(d.InputCost), amount(d.OutputCost), amount(d.AgentCost)
	if a, ok := integer(present(d.NumAgents, r.NumberOfAgents)); ok {
		out.Agents = a
	}
	out.NightApplied, out.DiscountActive = truth(d.NightApplied), truth(b.DiscountActive)
	var kind *string
	if json.Unmarshal(b.DiscountType, &kind) == nil {
		out.DiscountType = kind
	}
	if p, ok := number(b.DiscountPercentage); ok {
		out.DiscountPercentage = &p
	}
	said := out.HasTokens || out.TotalCost.Known || out.InputCost.Known || out.OutputCost.Known ||
		out.AgentCost.Known || out.NightApplied != nil || out.DiscountActive != nil ||
		out.DiscountType != nil || out.DiscountPercentage != nil
	if !said {
		return nil
	}
	return &out
}

// tokens is the first of vs that is a token count.
func tokens(vs ...json.RawMessage) (int64, bool) {
	for _, v := range vs {
		if n, ok := integer(v); ok && n >= 0 {
			return n, true
		}
	}
	return 0, false
}
