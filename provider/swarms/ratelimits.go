package swarms

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

type windowWire struct {
	Count     json.RawMessage `json:"count"`
	Limit     json.RawMessage `json:"limit"`
	Remaining json.RawMessage `json:"remaining"`
	Exceeded  json.RawMessage `json:"exceeded"`
	Reset     json.RawMessage `json:"reset_time"`
}

// RateLimits reads /v1/rate/limits: minute, hour and day, in that order. It is
// the only place where the hour shows, and it can itself be refused with 429.
// A window whose use isn't said counts as unused: trusting it costs at most a
// refusal, which is free.
func (c *Client) RateLimits(ctx context.Context) (provider.Limits, provider.Receipt, error) {
	var out provider.Limits
	x, err := c.get(ctx, ask{path: PathRateLimits}, func(body []byte) error {
		var err error
		out, err = decodeLimits(body)
		return err
	})
	if err != nil {
		return provider.Limits{}, x.rec, err
	}
	out.Tier = wire.Clip(c.secret.Text(out.Tier), 40)
	if out.Tier == "" { // older bodies don't name it
		out.Tier = x.rec.Limits.Tier
	}
	return out, x.rec, nil
}

func decodeLimits(body []byte) (provider.Limits, error) {
	var w struct {
		Windows map[string]windowWire `json:"rate_limits"`
		Max     struct {
			Minute json.RawMessage `json:"maximum_requests_per_minute"`
			Hour   json.RawMessage `json:"maximum_requests_per_hour"`
			Day    json.RawMessage `json:"maximum_requests_per_day"`
			Tokens json.RawMessage `json:"tokens_per_agent"`
		} `json:"limits"`
		Tier json.RawMessage `json:"tier"`
	}
	if err := object(body, &w); err != nil {
		return provider.Limits{}, err
	}
	out := provider.Limits{Tier: str(w.Tier)}
	for _, f := range []struct {
		name string
		span time.Duration
		most json.RawMessage
	}{
		{"minute", time.Minute, w.Max.Minute},
		{"hour", time.Hour, w.Max.Hour},
		{"day", 24 * time.Hour, w.Max.Day},
	} {
		in := w.Windows[f.name]
		limit, ok := integer(present(in.Limit, f.most))
		if !ok || limit <= 0 {
			continue // not said, or unlimited
		}
		v := provider.Window{Name: f.name, Span: f.span, Limit: limit, Remaining: limit}
		if left, ok := integer(in.Remaining); ok {
			v.Remaining = max(left, 0)
		} else if used, ok := integer(in.Count); ok && used >= 0 {
			v.Remaining = max(limit-used, 0)
		}
		if t, err := time.Parse(time.RFC3339, str(in.Reset)); err == nil {
			v.Reset = t.UTC()
		}
		if over := truth(in.Exceeded); over != nil && *over {
			out.Exceeded = append(out.Exceeded, f.name)
			v.Remaining = 0
		}
		out.Windows = append(out.Windows, v)
	}
	if n, ok := integer(w.Max.Tokens); ok && n > 0 {
		out.TokensPerAgent = n
	}
	if w.Windows == nil && len(out.Windows) == 0 {
		return provider.Limits{}, errors.New("the answer has no rate_limits")
	}
	return out, nil
}
