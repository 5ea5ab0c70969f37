package swarms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
	"github.com/offpeak/offpeak/tariff"
)

// The free endpoints that speak of the account.
const (
	PathCredits     = "/v1/account/credits"
	PathCosts       = "/v1/usage/costs"
	PathRateLimits  = "/v1/rate/limits"
	PathUsageReport = "/v1/usage/report"
	PathLogs        = "/v1/swarm/logs"
)

// get reads one small answer and hands it to decode. An answer that decode
// refuses, or that is an error despite its status 200, is OutOfReach.
func (c *Client) get(ctx context.Context, a ask, decode func(body []byte) error) (*exchange, error) {
	a.method, a.limit = http.MethodGet, maxRead
	body, x, err := c.call(ctx, a)
	if err != nil {
		return x, err
	}
	if err := decode(body); err != nil {
		detail := err.Error()
		if msg, ok := failure(body); ok {
			detail = "status 200 with an error: " + msg
		}
		return x, x.unreadable(c.secret.Text(detail))
	}
	return x, nil
}

// object reads a JSON object into v.
func object(body []byte, v any) error {
	t := bytes.TrimSpace(body)
	if len(t) == 0 || t[0] != '{' || json.Unmarshal(t, v) != nil {
		return errors.New("the answer is no JSON object")
	}
	return nil
}

// Credits reads the account's credits. A total that isn't said is the sum of
// its parts, if those are.
func (c *Client) Credits(ctx context.Context) (Credits, provider.Receipt, error) {
	var out Credits
	x, err := c.get(ctx, ask{path: PathCredits}, func(body []byte) error {
		var w struct {
			Credit   json.RawMessage `json:"credit"`
			Free     json.RawMessage `json:"free_credit"`
			Referral json.RawMessage `json:"referral_credits"`
			Total    json.RawMessage `json:"total_credits"`
		}
		if err := object(body, &w); err != nil {
			return err
		}
		got := Credits{Credit: amount(w.Credit), Free: amount(w.Free), Referral: amount(w.Referral), Total: amount(w.Total)}
		if !got.Total.Known {
			if !got.Credit.Known || !got.Free.Known {
				return errors.New("the answer has no total_credits that is a number")
			}
			sum := got.Credit.USD + got.Free.USD + got.Referral.USD
			got.Total = money.Literal{USD: sum, Text: sum.String(), Known: true}
		}
		out = got
		return nil
	})
	return out, x.rec, err
}

type costsWire struct {
	Pricing json.RawMessage `json:"usage_pricing"` // the current shape has the card below this, the older one is flat
	Agent   json.RawMessage `json:"swarm_completions_agent_cost"`
	Input   json.RawMessage `json:"swarm_completions_input_cost_per_1m"`
	Output  json.RawMessage `json:"swarm_completions_output_cost_per_1m"`
	Image   json.RawMessage `json:"agent_completions_img_cost"`
	MCP     json.RawMessage `json:"agent_completions_mcp_cost"`
	Search  json.RawMessage `json:"search_cost"`
	Scrape  json.RawMessage `json:"scrape_cost"`
	Night   json.RawMessage `json:"night_time_discount"` // a multiplier, not a percentage off
}

// Costs reads the live rate card. A card without the prices of tokens, agents
// and the night is an error: a guess belongs to whoever asks, who has the
// built-in card for it.
func (c *Client) Costs(ctx context.Context) (Costs, provider.Receipt, error) {
	var card tariff.Card
	x, err := c.get(ctx, ask{path: PathCosts}, func(body []byte) error {
		var err error
		card, err = decodeCard(body)
		return err
	})
	if err != nil {
		return Costs{}, x.rec, err
	}
	card.ReadAt = x.rec.EndedAt()
	return Costs{Card: card}, x.rec, nil
}

func decodeCard(body []byte) (tariff.Card, error) {
	var w costsWire
	if err := object(body, &w); err != nil {
		return tariff.Card{}, err
	}
	if w.Pricing != nil {
		if err := object(w.Pricing, &w); err != nil {
			return tariff.Card{}, errors.New("usage_pricing is no JSON object")
		}
	}
	card, builtIn := tariff.Card{Source: "live"}, tariff.Swarms() // older cards don't list the extras
	var night money.USD
	for _, f := range []struct {
		name     string
		raw      json.RawMessage
		to       *money.USD
		fallback money.USD // 0: required
	}{
		{"swarm_completions_input_cost_per_1m", w.Input, &card.InputPerMillion, 0},
		{"swarm_completions_output_cost_per_1m", w.Output, &card.OutputPerMillion, 0},
		{"swarm_completions_agent_cost", w.Agent, &card.PerAgent, 0},
		{"night_time_discount", w.Night, &night, 0},
		{"agent_completions_img_cost", w.Image, &card.Image, builtIn.Image},
		{"agent_completions_mcp_cost", w.MCP, &card.MCPCall, builtIn.MCPCall},
		{"search_cost", w.Search, &card.Search, builtIn.Search},
		{"scrape_cost", w.Scrape, &card.Scrape, builtIn.Scrape},
	} {
		v := amount(f.raw)
		switch {
		case v.Known && v.USD >= 0:
			*f.to = v.USD
		case f.fallback > 0 && present(f.raw) == nil:
			*f.to = f.fallback
		default:
			return tariff.Card{}, fmt.Errorf("%s is %s; a price of 0 or more was expected", f.name, shown(f.raw))
		}
	}
	card.Night = money.Ratio(night)
	if card.Night > money.One {
		return tariff.Card{}, fmt.Errorf("night_time_discount is %s; a multiplier of at most 1 was expected", shown(w.Night))
	}
	return card, nil
}

func shown(v json.RawMessage) string {
	if len(v) == 0 {
		return "missing"
	}
	return wire.Clip(string(v), 40)
}

// UsageReport reads spend by UTC day, both ends included. The endpoint is
// documented and, by the provider's own word of 2026-07-09, not live: a 404
// is no error here but available = false.
func (c *Client) UsageReport(ctx context.Context, from, to time.Time) (days []Day, available bool, rec provider.Receipt, err error) {
	q := url.Values{
		"start_date": {from.UTC().Format(time.DateOnly)},
		"end_date":   {to.UTC().Format(time.DateOnly)},
	}
	x, err := c.get(ctx, ask{path: PathUsageReport, query: q}, func(body []byte) error {
		var w struct {
			Results []struct {
				Day      json.RawMessage `json:"day"`
				Cost     json.RawMessage `json:"total_cost"`
				Input    json.RawMessage `json:"input_tokens"`
				Output   json.RawMessage `json:"output_tokens"`
				Requests json.RawMessage `json:"request_count"`
			} `json:"results"`
		}
		if err := object(body, &w); err != nil {
			return err
		}
		if w.Results == nil {
			return errors.New("the answer has no results")
		}
		for i, r := range w.Results {
			d := Day{Day: str(r.Day), Cost: amount(r.Cost)}
			if _, err := time.Parse(time.DateOnly, d.Day); err != nil {
				return fmt.Errorf("day %d is %s; a date was expected", i, shown(r.Day))
			}
			d.InputTokens, _ = integer(r.Input)
			d.OutputTokens, _ = integer(r.Output)
			d.Requests, _ = integer(r.Requests)
			days = append(days, d)
		}
		return nil
	})
	if err != nil {
		if x.rec.Status == http.StatusNotFound {
			return nil, false, x.rec, nil
		}
		return nil, false, x.rec, err
	}
	return days, true, x.rec, nil
}
