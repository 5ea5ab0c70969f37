package swarms

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/offpeak/offpeak/money"
)

// run holds every member under which a documented variant keeps what a
// Completion needs. All of them are raw: a member of an unexpected type must
// not make an answer unreadable that was paid for.
type run struct {
	JobID          json.RawMessage `json:"job_id"`
	ID             json.RawMessage `json:"id"` // agent answers before job_id
	Status         json.RawMessage `json:"status"`
	Success        json.RawMessage `json:"success"` // agent answers
	SwarmName      json.RawMessage `json:"swarm_name"`
	Name           json.RawMessage `json:"name"` // agent rows of the log
	SwarmType      json.RawMessage `json:"swarm_type"`
	Output         json.RawMessage `json:"output"`
	Outputs        json.RawMessage `json:"outputs"` // agent answers
	Result         json.RawMessage `json:"result"`  // batch items
	NumberOfAgents json.RawMessage `json:"number_of_agents"`
	ExecutionTime  json.RawMessage `json:"execution_time"`
	Detail         json.RawMessage `json:"detail"`
	Error          json.RawMessage `json:"error"`
	Usage          json.RawMessage `json:"usage"`
	Metadata       json.RawMessage `json:"metadata"` // where 2025 answers kept billing_info
}

var errNotARun = errors.New("the answer is JSON, but no run")

// decodeCompletion reads one run. The error says that v isn't JSON, or nothing
// that a run leaves: then nothing of it can be trusted.
func decodeCompletion(v json.RawMessage) (Completion, error) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return Completion{}, errors.New("the answer is empty")
	}
	var r run
	if err := json.Unmarshal(v, &r); err != nil {
		if other := (*json.UnmarshalTypeError)(nil); errors.As(err, &other) {
			return Completion{Raw: v}, errNotARun // JSON, but no object
		}
		return Completion{}, errors.New("the answer isn't JSON")
	}
	c := Completion{
		JobID:     first(str(r.JobID), str(r.ID)),
		Status:    str(r.Status),
		SwarmName: first(str(r.SwarmName), str(r.Name)),
		SwarmType: str(r.SwarmType),
		Output:    present(r.Output, r.Result, r.Outputs),
		Usage:     decodeUsage(r),
		Raw:       v,
	}
	c.Agents, _ = integer(r.NumberOfAgents)
	if n, ok := number(r.ExecutionTime); ok {
		c.ExecutionTime = n
	}
	c.Detail = first(say(r.Detail), say(r.Error))
	switch strings.ToLower(c.Status) {
	case "success", "completed":
		c.OK = true
	case "":
		// The oldest items have no status at all.
		failed := c.Detail != "" || string(bytes.TrimSpace(r.Success)) == "false"
		c.OK = !failed && (c.Output != nil || c.Usage != nil)
	}
	if c.Status == "" && c.JobID == "" && c.SwarmName == "" && c.Output == nil && c.Usage == nil && c.Detail == "" {
		return c, errNotARun
	}
	return c, nil
}

// Output is what a run produced, of an answer as it was kept: any JSON, nil
// when it has none. The error says that it isn't an answer.
func Output(answer []byte) (json.RawMessage, error) {
	c, err := decodeCompletion(answer)
	return c.Output, err
}

// first is the first string that says something.
func first(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}

// present is the first value that is there and not null.
func present(vs ...json.RawMessage) json.RawMessage {
	for _, v := range vs {
		if t := bytes.TrimSpace(v); len(t) > 0 && string(t) != "null" {
			return v
		}
	}
	return nil
}

// str is a JSON string's value, "" for everything else.
func str(v json.RawMessage) string {
	v = bytes.TrimSpace(v)
	var s string
	if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// number is a JSON number's literal, also when it was printed as a string.
func number(v json.RawMessage) (string, bool) {
	v = bytes.TrimSpace(v)
	if len(v) > 0 && v[0] == '"' {
		v = []byte(strings.TrimSpace(str(v)))
	}
	if len(v) == 0 || len(v) > 64 || (v[0] != '-' && (v[0] < '0' || v[0] > '9')) || !json.Valid(v) {
		return "", false
	}
	return string(v), true
}

// integer is a whole number; 6000.0 is one, because Python prints it so.
func integer(v json.RawMessage) (int64, bool) {
	s, ok := number(v)
	if !ok {
		return 0, false
	}
	if whole, frac, cut := strings.Cut(s, "."); cut && strings.Trim(frac, "0") == "" {
		s = whole
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// amount is a dollar literal. What isn't one is not Known, never zero.
func amount(v json.RawMessage) money.Literal {
	s, ok := number(v)
	if !ok {
		return money.Literal{}
	}
	usd, err := money.Round(s)
	if err != nil {
		return money.Literal{}
	}
	return money.Literal{USD: usd, Text: s, Known: true}
}

// truth is a JSON boolean, nil for everything else.
func truth(v json.RawMessage) *bool {
	var b *bool
	if json.Unmarshal(v, &b) != nil {
		return nil
	}
	return b
}
