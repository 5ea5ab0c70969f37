package simulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// bytesPerToken is the usual rule of thumb for English text.
const bytesPerToken = 4

// Loops and agents that a request leaves open.
const (
	autoLoops  = 2      // of an agent with max_loops "auto"
	autoAgents = 3      // of a swarm that builds its own agents
	maxCalls   = 10_000 // a longer run isn't simulated to its end
)

// parallelTypes are those whose agents don't read one another.
var parallelTypes = map[string]bool{"ConcurrentWorkflow": true, "BatchedGridWorkflow": true}

// used is what a run used.
type used struct{ in, out, agents int64 }

// use decides what a run uses: the same for the same request and seed.
func (t Tokens) use(sp *spec, h uint64) used {
	agents := sp.Agents
	if len(agents) == 0 {
		agents = make([]agent, autoAgents)
	}
	u := used{in: t.In, out: t.Out, agents: int64(len(agents))}
	if t.In > 0 && t.Out > 0 {
		return u
	}
	tasks := sp.Tasks
	if sp.Task != nil || len(tasks) == 0 {
		tasks = []string{deref(sp.Task) + string(sp.Messages)}
	}
	loops := int64(1)
	if sp.MaxLoops != nil {
		loops = max(1, *sp.MaxLoops)
	}
	in, out := t.converse(agents, tasks, loops, parallelTypes[deref(sp.SwarmType)], h)
	if t.In == 0 {
		u.in = in
	}
	if t.Out == 0 {
		u.out = out
	}
	return u
}

// converse adds up the calls of a swarm: each reads the task, its agent's
// prompt and, unless the agents work in parallel, all that was said before.
func (t Tokens) converse(agents []agent, tasks []string, loops int64, parallel bool, h uint64) (in, out int64) {
	calls := 0
	for _, task := range tasks {
		said := int64(0)
		for range loops {
			for i := range agents {
				a := &agents[i]
				own := len(task) + len(deref(a.SystemPrompt)) + len(deref(a.Description))
				for range a.loops() {
					if calls++; calls > maxCalls {
						return in, out
					}
					answer := min(t.Typical/2+int64(next(&h)%uint64(t.Typical+1)), a.maxTokens())
					in += int64(own+bytesPerToken-1) / bytesPerToken
					if !parallel {
						in += said
					}
					said += answer
					out += answer
				}
			}
		}
	}
	return in, out
}

func (a *agent) loops() int64 {
	if strings.Contains(string(a.MaxLoops), "auto") {
		return autoLoops
	}
	n, err := strconv.ParseInt(strings.Trim(string(a.MaxLoops), `" `), 10, 64)
	if err != nil {
		return 1
	}
	return max(1, n)
}

func (a *agent) maxTokens() int64 {
	if a.MaxTokens == nil {
		return defaultMaxTokens
	}
	return max(0, *a.MaxTokens)
}

// template is what many runs have in common; kept once for all of them.
type template struct {
	swarmType   json.RawMessage
	description json.RawMessage
	roles       []string
}

func templateOf(sp *spec) (key string, t *template) {
	t = &template{swarmType: quoted(sp.SwarmType), description: quoted(sp.Description)}
	for i := range sp.Agents {
		t.roles = append(t.roles, deref(sp.Agents[i].AgentName))
	}
	for i := len(t.roles); len(sp.Agents) == 0 && i < autoAgents; i++ {
		t.roles = append(t.roles, fmt.Sprintf("Agent-%d", i+1))
	}
	return string(t.swarmType) + "\x00" + string(t.description) + "\x00" + strings.Join(t.roles, "\x00"), t
}

func quoted(s *string) json.RawMessage {
	b, _ := json.Marshal(s) // strings and nil always marshal
	return b
}
