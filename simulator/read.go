package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/money"
)

// read answers the endpoints that cost nothing. They are refused when a limit
// is exceeded but count towards none.
func (x *exchange) read() {
	if !x.enter() {
		return
	}
	x.cues = cue(x.rules, x.endpoint, "", x.s.books.try(x.rec))
	x.s.books.cued(x.rec, x.cues.names())
	if d := x.cues.delay(KindSlow); d > 0 && x.wait(time.Duration(d)) != nil {
		x.fail(http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	if x.mishap(false) || x.mishap(true) {
		return
	}
	now := stamp(x.s.clock.Now())
	switch x.endpoint {
	case pathCredits:
		p := x.purse
		x.json(http.StatusOK, map[string]json.Number{
			"credit": dollars(p.credit), "free_credit": dollars(p.free), "referral_credits": dollars(p.referral), "total_credits": dollars(p.total()),
		})
	case pathCosts:
		x.costs(now)
	case pathLimits:
		x.rateLimits(now)
	case pathLogs:
		x.logs(now)
	case pathReport:
		x.usageReport(now)
	case pathModels:
		var data []map[string]any
		for _, m := range modelsFor(x.tier) {
			data = append(data, map[string]any{"id": m, "object": "model", "created": 1767225600, "owned_by": "swarms"})
		}
		x.json(http.StatusOK, map[string]any{"object": "list", "data": data})
	case pathAvailable:
		models := modelsFor(x.tier)
		x.json(http.StatusOK, map[string]any{"success": true, "count": len(models), "models": models})
	case pathTypes:
		x.json(http.StatusOK, map[string]any{x.sw.AvailableShape: true, "timestamp": now, "swarm_types": swarmTypes})
	case pathMetrics:
		x.metrics(now)
	}
}

// dollars prints an amount as Python prints a float.
func dollars(u money.USD) json.Number {
	if u < 0 {
		return "-" + json.Number(pythonic((-u).String()))
	}
	return json.Number(pythonic(u.String()))
}

func (x *exchange) costs(now string) {
	c := x.s.opt.Card
	pricing := map[string]any{
		"swarm_completions_agent_cost":         dollars(c.PerAgent),
		"swarm_completions_input_cost_per_1m":  dollars(c.InputPerMillion),
		"swarm_completions_output_cost_per_1m": dollars(c.OutputPerMillion),
		"agent_completions_input_cost_per_1m":  dollars(c.InputPerMillion),
		"agent_completions_output_cost_per_1m": dollars(c.OutputPerMillion),
		"agent_completions_img_cost":           dollars(c.Image),
		"agent_completions_mcp_cost":           dollars(c.MCPCall),
		"search_cost":                          dollars(c.Search),
		"scrape_cost":                          dollars(c.Scrape),
		"night_time_discount":                  json.Number(c.Night.String()), // a multiplier
	}
	if x.sw.CostsShape == "flat" {
		pricing["frenzy_mode_active"] = false
		x.json(http.StatusOK, pricing)
		return
	}
	x.json(http.StatusOK, map[string]any{"usage_pricing": pricing, "timestamp": now})
}

func (x *exchange) rateLimits(now string) {
	windows := map[string]any{}
	limits := map[string]any{"tokens_per_agent": x.limits.TokensPerAgent}
	for _, l := range x.levels {
		windows[l.Name] = map[string]any{
			"count": l.Count, "limit": l.Limit, "exceeded": l.Exceeded(), "remaining": l.Remaining(),
			"reset_time": l.Reset.UTC().Format(time.RFC3339Nano),
		}
		limits["maximum_requests_per_"+l.Name] = l.Limit
	}
	x.json(http.StatusOK, map[string]any{"success": true, "rate_limits": windows, "limits": limits, "tier": x.tier, "timestamp": now})
}

func (x *exchange) metrics(now string) {
	runs := x.s.books.runsOf(x.acct)
	at := x.s.clock.Now()
	agents := map[string]bool{}
	day, week := 0, 0
	for _, w := range runs {
		for _, role := range w.tmpl.roles {
			agents[role] = true
		}
		if w.ended > at.Add(-24*time.Hour).UnixNano() {
			day++
		}
		if w.ended > at.Add(-7*24*time.Hour).UnixNano() {
			week++
		}
	}
	x.json(http.StatusOK, map[string]any{
		"success": true, "unique_agents": len(agents), "total_completion_calls": len(runs), "successful_completions": len(runs),
		"completions_last_24h": day, "completions_last_7d": week, "timestamp": now,
	})
}

// usageReport is announced in the docs; production has no such route (Swarms
// docs since 2026-07-09), and neither has this unless switched on.
func (x *exchange) usageReport(now string) {
	q := x.r.URL.Query()
	period, from, to, err := reportPeriod(q.Get("period"), q.Get("start_date"), q.Get("end_date"), x.s.clock.Now().UTC())
	if err != nil {
		x.fail(http.StatusBadRequest, err.Error())
		return
	}
	x.json(http.StatusOK, map[string]any{
		"results": x.s.books.days(x.acct, from, to), "period": period, "start_date": from, "end_date": to, "timestamp": now,
	})
}

// reportPeriod is the first and the last day that a report is asked for.
func reportPeriod(period, start, end string, now time.Time) (name, from, to string, err error) {
	if start != "" || end != "" {
		f, err := time.Parse(time.DateOnly, start)
		t, err2 := time.Parse(time.DateOnly, end)
		switch {
		case err != nil || err2 != nil:
			return "", "", "", fmt.Errorf("start_date and end_date are both required, as YYYY-MM-DD")
		case f.After(t):
			return "", "", "", fmt.Errorf("start_date must not be after end_date")
		}
		return "custom", start, end, nil
	}
	days := map[string]int{"day": 0, "week": 6, "month": 29, "": 29}
	back, ok := days[period]
	if !ok {
		return "", "", "", fmt.Errorf("period must be day, week or month")
	}
	return or(period, "month"), now.AddDate(0, 0, -back).Format(time.DateOnly), now.Format(time.DateOnly), nil
}
