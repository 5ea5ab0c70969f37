package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// spec is the part of a SwarmSpec that the simulator heeds (Swarms docs,
// multi-agent/overview, 2026-07-20). The rest is accepted and ignored, as the
// API does with fields that it doesn't know.
type spec struct {
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	SwarmType   *string         `json:"swarm_type"`
	Task        *string         `json:"task"`
	Tasks       []string        `json:"tasks"`
	Messages    json.RawMessage `json:"messages"`
	Agents      []agent         `json:"agents"`
	MaxLoops    *int64          `json:"max_loops"`
	Stream      bool            `json:"stream"`
}

type agent struct {
	AgentName    *string         `json:"agent_name"`
	Description  *string         `json:"description"`
	SystemPrompt *string         `json:"system_prompt"`
	ModelName    *string         `json:"model_name"`
	MaxTokens    *int64          `json:"max_tokens"`
	Temperature  json.RawMessage `json:"temperature"`
	MaxLoops     json.RawMessage `json:"max_loops"` // a number or "auto"
}

// Defaults of the API (multi-agent/overview).
const (
	defaultModel     = "gpt-4.1"
	defaultMaxTokens = 8192
	maxName          = 100
)

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

func (sp *spec) name() string { return deref(sp.Name) }

// invalid is one entry of FastAPI's 422 list (SDK HTTPValidationError).
type invalid struct {
	Type string `json:"type"`
	Loc  []any  `json:"loc"`
	Msg  string `json:"msg"`
}

// decodeSpec reads one SwarmSpec; at is where it stands in the body. Whatever
// could be read is in the result even when something is invalid.
func decodeSpec(raw []byte, at ...any) (*spec, *invalid) {
	sp := &spec{}
	loc := append([]any{"body"}, at...)
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) && json.Valid(raw) {
		return sp, &invalid{"model_attributes_type", loc, "Input should be a valid dictionary or object to extract fields from"}
	}
	return sp, decodeInto(raw, sp, loc)
}

// decodeBatch reads the bare array of a batch request.
func decodeBatch(raw []byte) ([]*spec, *invalid) {
	var items []json.RawMessage
	if bad := decodeInto(raw, &items, []any{"body"}); bad != nil {
		return nil, bad
	}
	var first *invalid
	specs := make([]*spec, len(items))
	for i, item := range items {
		var bad *invalid
		if specs[i], bad = decodeSpec(item, i); bad != nil && first == nil {
			first = bad
		}
	}
	return specs, first
}

func decodeInto(raw []byte, v any, loc []any) *invalid {
	err := json.Unmarshal(raw, v)
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typ):
		for part := range strings.SplitSeq(typ.Field, ".") {
			if part != "" {
				loc = append(loc, part)
			}
		}
		word := map[string]string{"string": "string", "int64": "integer", "bool": "boolean"}[strings.TrimPrefix(typ.Type.String(), "*")]
		if word == "" {
			word = "list"
		}
		return &invalid{word + "_type", loc, "Input should be a valid " + word}
	}
	return &invalid{"json_invalid", append(loc, 0), "JSON decode error"}
}

// schema is the 422 for what decodes and still isn't a SwarmSpec.
func (sp *spec) schema(longNames string, at ...any) *invalid {
	loc := func(field string) []any { return append(append([]any{"body"}, at...), field) }
	if n := utf8.RuneCountInString(sp.name()); n > maxName {
		if longNames != "cut" {
			return &invalid{"string_too_long", loc("name"), fmt.Sprintf("String should have at most %d characters", maxName)}
		}
		cut := string([]rune(sp.name())[:maxName])
		sp.Name = &cut
	}
	if sp.SwarmType != nil && !slices.Contains(swarmTypes, *sp.SwarmType) {
		return &invalid{"literal_error", loc("swarm_type"), "Input should be '" + strings.Join(swarmTypes, "', '") + "'"}
	}
	return nil
}

// refusal is an error that a run raises before any work.
type refusal struct {
	status int
	detail string
}

// content says why the run can't be done, or nil.
func (sp *spec) content(tier string, limits Limits, anyModel bool) *refusal {
	if deref(sp.Task) == "" && len(sp.Tasks) == 0 && isNull(sp.Messages) {
		return &refusal{400, "There is no task or tasks or messages provided. Please provide a valid task description to proceed."}
	}
	if sp.Stream {
		return &refusal{400, "Streaming is not simulated: send stream false."}
	}
	prompt := (len(deref(sp.Task)) + len(sp.Messages)) / bytesPerToken
	for _, a := range sp.Agents {
		model := a.model()
		if tier == TierFree && premiumModel(model) {
			return &refusal{403, fmt.Sprintf("Model %s requires a premium subscription. Free-tier alternatives: gpt-4.1-mini, gpt-4o, gpt-4o-mini.", model)}
		}
		if !anyModel && !knownModel(model) {
			return &refusal{400, fmt.Sprintf("Model %s is not available. Check https://litellm.io for available models.", model)}
		}
		if (strings.Contains(model, "opus-4-8") || strings.Contains(model, "opus-4.8")) && !isNull(a.Temperature) {
			return &refusal{500, "Failed to run swarm: litellm.BadRequestError: AnthropicException - `temperature` is deprecated for this model."}
		}
		own := (len(deref(a.SystemPrompt)) + len(deref(a.Description)) + len(deref(a.AgentName))) / bytesPerToken
		if limits.TokensPerAgent > 0 && int64(prompt+own) > limits.TokensPerAgent {
			return &refusal{400, fmt.Sprintf("Prompt is too long. Please provide a prompt that is less than %s tokens.", thousands(limits.TokensPerAgent))}
		}
	}
	return nil
}

func (a *agent) model() string {
	if a.ModelName == nil {
		return defaultModel
	}
	return *a.ModelName
}

func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
