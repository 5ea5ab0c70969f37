package simulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offpeak/offpeak/money"
)

// The answers' own structs: what the API prints, not what a client makes of it.

type completion struct {
	JobID       string          `json:"job_id,omitempty"`
	Status      string          `json:"status"`
	SwarmName   *string         `json:"swarm_name"`
	Description json.RawMessage `json:"description,omitempty"`
	SwarmType   json.RawMessage `json:"swarm_type,omitempty"`
	Task        *string         `json:"task,omitempty"`
	Output      any             `json:"output,omitempty"`
	Result      any             `json:"result,omitempty"`
	Agents      int64           `json:"number_of_agents,omitempty"`
	Execution   json.Number     `json:"execution_time,omitempty"`
	Usage       *usage          `json:"usage,omitempty"`
	Metadata    *metadata       `json:"metadata,omitempty"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type usage struct {
	Input     int64        `json:"input_tokens"`
	Output    int64        `json:"output_tokens"`
	Total     int64        `json:"total_tokens"`
	TokenCost json.Number  `json:"token_cost,omitempty"`
	Billing   *billingInfo `json:"billing_info,omitempty"`
}

type metadata struct {
	Agents    int64        `json:"num_agents"`
	Execution json.Number  `json:"execution_time_seconds"`
	Completed json.Number  `json:"completion_time"`
	Billing   *billingInfo `json:"billing_info"`
}

type billingInfo struct {
	Breakdown struct {
		Agent  json.Number `json:"agent_cost"`
		Input  json.Number `json:"input_token_cost"`
		Output json.Number `json:"output_token_cost"`
		Counts struct {
			Input  int64 `json:"total_input_tokens"`
			Output int64 `json:"total_output_tokens"`
			Total  int64 `json:"total_tokens"`
		} `json:"token_counts"`
		Agents int64 `json:"num_agents"`
		Night  bool  `json:"night_time_discount_applied"`
	} `json:"cost_breakdown"`
	Total      json.Number  `json:"total_cost"`
	Active     bool         `json:"discount_active"`
	Type       *string      `json:"discount_type,omitempty"`
	Percentage *json.Number `json:"discount_percentage,omitempty"`
}

var nightTime, noDiscount = "night_time", "none"

// bill renders the run's billing_info; extra is what a log row prints too much.
func (w *run) bill(extra money.USD) *billingInfo {
	b := priceOf(w.card, w.used.in, w.used.out, w.used.agents, w.multiplier)
	info := &billingInfo{Active: w.flagged < money.One}
	d := &info.Breakdown
	d.Input = literal(b.Input, b.exact[0], w.numbers, w.hash)
	d.Output = literal(b.Output, b.exact[1], w.numbers, w.hash>>8)
	d.Agent = literal(b.Agents, b.exact[2], w.numbers, w.hash>>16)
	total := b.exact[3].plus(attoOf(int64(extra), money.Dollar, money.One))
	info.Total = literal(b.Total+extra, total, w.numbers, w.hash>>24)
	d.Counts.Input, d.Counts.Output, d.Counts.Total = w.used.in, w.used.out, w.used.in+w.used.out
	d.Agents, d.Night = w.used.agents, info.Active
	if w.billing == "untyped" {
		return info
	}
	info.Type = &noDiscount
	if info.Active {
		info.Type = &nightTime
	}
	off := money.One - w.flagged // in parts per million; per cent are ten thousand of them
	percent := json.Number(strings.TrimSuffix(strings.TrimRight(money.USD(off*100).String(), "0"), "."))
	info.Percentage = &percent
	return info
}

// answered is the run as its answer tells it, which may be less than it is.
func (w *run) answered(c cues) *run {
	told := *w
	switch {
	case c.has(KindLostUsage):
		told.billing = "none"
	case c.has(KindLostBilling):
		told.billing = "tokens"
	default:
		return w
	}
	return &told
}

// render is the run as a single answer or as the data of a log row.
func (w *run) render(extra money.USD) *completion {
	c := &completion{
		JobID: w.jobID(), Status: "success", SwarmName: &w.name, Description: w.tmpl.description, SwarmType: w.tmpl.swarmType,
		Output: w.output(), Agents: w.used.agents, Execution: w.seconds(),
	}
	switch w.billing {
	case "none":
	case "metadata":
		c.Metadata = w.metadata(extra)
	case "tokens":
		c.Usage = w.usage(nil)
	default:
		c.Usage = w.usage(w.bill(extra))
	}
	return c
}

func (w *run) usage(b *billingInfo) *usage {
	return &usage{Input: w.used.in, Output: w.used.out, Total: w.used.in + w.used.out, Billing: b}
}

func (w *run) metadata(extra money.USD) *metadata {
	completed := json.Number(strings.TrimRight(fmt.Sprintf("%d.%06d", w.ended/1e9, w.ended%1e9/1e3), "0") + "0")
	return &metadata{Agents: w.used.agents, Execution: w.seconds(), Completed: completed, Billing: w.bill(extra)}
}

// item is the run as an item of a batch answer, in the shapes of the years.
func (w *run) item(shape, task string) *completion {
	full := w.render(0)
	switch shape {
	case "B":
		full.Status = "completed"
		if full.Usage != nil && full.Usage.Billing != nil {
			full.Usage.TokenCost = full.Usage.Billing.Total
		}
		return full
	case "D":
		return &completion{Status: "success", SwarmName: &w.name, Result: full.Output}
	case "E":
		c := &completion{Status: "success", SwarmName: &w.name, Task: &task, Output: full.Output}
		if w.billing != "none" {
			c.Metadata = w.metadata(0)
		}
		return c
	}
	return &completion{Status: "success", SwarmName: &w.name, Result: full.Output, Usage: full.Usage, Metadata: full.Metadata}
}

func (w *run) output() []message {
	out := make([]message, len(w.tmpl.roles))
	h := w.hash
	for i, role := range w.tmpl.roles {
		out[i] = message{role, "Simulated answer " + strconv.FormatUint(next(&h), 36) + "."}
	}
	return out
}

// seconds is execution_time.
func (w *run) seconds() json.Number {
	us := (w.ended - w.started) / int64(time.Microsecond)
	return json.Number(pythonic(money.USD(us).String()))
}

const jobAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// jobID is "swarms-" and 28 letters or digits, as the server makes them.
func (w *run) jobID() string {
	id := append(make([]byte, 0, 35), "swarms-"...)
	h := w.hash ^ uint64(w.started)
	for len(id) < 35 {
		id = append(id, jobAlphabet[next(&h)%uint64(len(jobAlphabet))])
	}
	return string(id)
}

// hugeOutput is 10 MB of output, made once.
var hugeOutput = sync.OnceValue(func() []message {
	return []message{{"Simulator", strings.Repeat("All work and no play. ", 10_000_000/22+1)}}
})

// stamp writes an instant as Python's isoformat does in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999-07:00") }
