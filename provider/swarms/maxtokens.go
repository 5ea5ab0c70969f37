package swarms

import "encoding/json"

// MaxTokens is the largest max_tokens that an agent of a request asks for: the
// free tier has a token budget for each agent. Zero when none is set.
func MaxTokens(request json.RawMessage) int64 {
	var r struct {
		Agents []agentSpec `json:"agents"`
	}
	_ = json.Unmarshal(request, &r) // a request that can't be read asks for nothing
	var most int64
	for _, a := range r.Agents {
		if n, ok := integer(a.MaxTokens); ok {
			most = max(most, n)
		}
	}
	return most
}
