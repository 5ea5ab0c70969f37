package swarms

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSize(t *testing.T) {
	const two = `"agents":[{"agent_name":"A","model_name":"gpt-4o-mini","max_tokens":1000,"system_prompt":"12345678"},{"agent_name":"B","model_name":"gpt-4o","max_tokens":2000}]`
	models := []string{"gpt-4o", "gpt-4o-mini"}
	for request, want := range map[string]Shape{
		// Shared by every call: task (4) and the names (1+1); A reads 8 more. The
		// bound must hold in any order, so it is B's 2000 that are read again.
		`{"swarm_type":"SequentialWorkflow","task":"task",` + two + `}`: {
			Type: "SequentialWorkflow", Models: models, Agents: 2, Calls: 2,
			WorstInput: 6 + 8 + 6 + 2000 + 2*serverPrompt, WorstOutput: 3000, GuessInput: 5 + 1000, GuessOutput: 1500,
		},
		`{"swarm_type":"ConcurrentWorkflow","task":"task",` + two + `}`: {
			Type: "ConcurrentWorkflow", Models: models, Agents: 2, Calls: 2,
			WorstInput: 20 + 2*serverPrompt, WorstOutput: 3000, GuessInput: 5, GuessOutput: 1500,
		},
		// Two loops: 2000, 2000, 1000, 1000 are put out; read again are 0, 2000, 4000, 5000.
		`{"task":"task","max_loops":2,` + two + `}`: {
			Models: models, Agents: 2, Calls: 4,
			WorstInput: 40 + 11_000 + 4*serverPrompt, WorstOutput: 6000, GuessInput: 10 + 5500, GuessOutput: 3000,
		},
		// Three tasks of 1, 2 and 3 bytes: three runs.
		`{"swarm_type":"BatchedGridWorkflow","tasks":["a","bb","ccc"],` + two + `}`: {
			Type: "BatchedGridWorkflow", Models: models, Agents: 2, Calls: 6,
			WorstInput: 3*(2+8+2) + 2*6 + 6*serverPrompt, WorstOutput: 9000, GuessInput: 12, GuessOutput: 4500,
		},
		// Defaults: model, max_tokens, one loop; "auto" is ten loops and a guess.
		`{"task":"task","agents":[{"max_loops":"auto","max_tokens":null}]}`: {
			Models: []string{DefaultModel}, Agents: 1, Calls: 10, Guess: true,
			WorstInput: 40 + 45*8192 + 10*serverPrompt, WorstOutput: 81920, GuessInput: 10 + 45*4096, GuessOutput: 40960,
		},
		// Nobody listed: ten agents with the default.
		`{"swarm_type":"AutoSwarmBuilder","task":"task"}`: {
			Type: "AutoSwarmBuilder", Models: []string{DefaultModel}, Agents: 10, Calls: 10, Guess: true,
			WorstInput: 40 + 45*8192 + 10*serverPrompt, WorstOutput: 81920, GuessInput: 10 + 45*4096, GuessOutput: 40960,
		},
		// A director in two roles beside the one worker.
		`{"swarm_type":"HierarchicalSwarm","task":"task","agents":[{"max_tokens":100}]}`: {
			Type: "HierarchicalSwarm", Models: []string{DefaultModel}, Agents: 3, Calls: 3, Guess: true,
			WorstInput: 12 + 8192 + 16384 + 3*serverPrompt, WorstOutput: 16484, GuessInput: 3 + 12288, GuessOutput: 8242,
		},
		// An agent that the flow names twice is called twice.
		`{"swarm_type":"AgentRearrange","rearrange_flow":"A -> B, A","agents":[{"agent_name":"A","max_tokens":10},{"agent_name":"B","max_tokens":10}]}`: {
			Type: "AgentRearrange", Models: []string{DefaultModel}, Agents: 2, Calls: 3,
			WorstInput: 3*(9+2) + 30 + 3*serverPrompt, WorstOutput: 30, GuessInput: 9 + 15, GuessOutput: 15,
		},
		// Arguments for the model may raise the limit; thinking comes on top; tools read.
		`{"agents":[{"max_tokens":10,"llm_args":{"max_completion_tokens":50},"thinking_tokens":7,"selected_tools":"all"}]}`: {
			Models: []string{DefaultModel}, Agents: 1, Calls: 1, Guess: true,
			WorstInput: serverPrompt + toolTokens, WorstOutput: 57, GuessOutput: 29,
		},
		`{"agents":[{"max_tokens":10,"handoffs":[{"max_tokens":20,"model_name":"x"}]}]}`: {
			Models: []string{DefaultModel, "x"}, Agents: 2, Calls: 2,
			WorstInput: 20 + 2*serverPrompt, WorstOutput: 30, GuessInput: 10, GuessOutput: 15,
		},
		// UTF-8 bytes, not escapes or characters; messages as printed.
		`{"task":"\u00e9\u00e9","messages":[{"a":1}],"agents":[{"max_tokens":2}]}`: {
			Models: []string{DefaultModel}, Agents: 1, Calls: 1,
			WorstInput: 4 + 9 + serverPrompt, WorstOutput: 2, GuessInput: 4, GuessOutput: 1,
		},
	} {
		got, err := Size(json.RawMessage(request))
		if err != nil {
			t.Errorf("%s: %v", request, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", request, d)
		}
	}
}

func TestSizeSaysWhatItCannotRead(t *testing.T) {
	deep := strings.Repeat(`{"handoffs":[`, 20) + `{}` + strings.Repeat(`]}`, 20)
	for request, want := range map[string]string{
		``: "no JSON object", `[]`: "no JSON object", `{"task":`: "size request",
		`{"agents":{}}`:                                     "agents is no list",
		`{"agents":[1]}`:                                    "agents[0] is no JSON object",
		`{"agents":[{},{"max_tokens":"many"}]}`:             `agents[1].max_tokens is "many"`,
		`{"agents":[{"max_loops":-1}]}`:                     "agents[0].max_loops is -1",
		`{"agents":[{"handoffs":[{"max_loops":"often"}]}]}`: "agents[0].handoffs[0].max_loops",
		`{"agents":[` + deep + `]}`:                         "nested more than",
		`{"max_loops":1.5}`:                                 "max_loops is 1.5",
		`{"heavy_swarm_max_loops":[]}`:                      "heavy_swarm_max_loops is []",
		`{"tasks":"one"}`:                                   "tasks is no list",
	} {
		if _, err := Size(json.RawMessage(request)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", request, err)
		}
	}
}

// A ceiling that wraps around would be a small one.
func TestSizeSaturates(t *testing.T) {
	most := fmt.Sprint(int64(math.MaxInt64))
	for _, request := range []string{
		`{"task":"t","max_loops":` + most + `,"agents":[{"max_tokens":` + most + `}]}`,
		`{"task":"t","max_loops":4000000000,"agents":[{"max_loops":4000000000,"max_tokens":4},{"handoffs":[{"max_tokens":` + most + `}]}]}`,
	} {
		s, err := Size(json.RawMessage(request))
		if err != nil || s.WorstOutput != math.MaxInt64 || s.WorstInput != math.MaxInt64 || s.GuessInput < 0 || s.GuessOutput < 0 || s.Calls < 1 {
			t.Errorf("%+v, %v", s, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Min(0).Draw(t, "a"), rapid.Int64Min(0).Draw(t, "b")
		exact := func(op func(z, x, y *big.Int) *big.Int) int64 {
			if z := op(new(big.Int), big.NewInt(a), big.NewInt(b)); z.IsInt64() {
				return z.Int64()
			}
			return math.MaxInt64
		}
		if got, want := satAdd(a, b), exact((*big.Int).Add); got != want {
			t.Fatalf("%d + %d = %d, want %d", a, b, got, want)
		}
		if got, want := satMul(a, b), exact((*big.Int).Mul); got != want {
			t.Fatalf("%d x %d = %d, want %d", a, b, got, want)
		}
	})
}

// Size counts whole groups of calls at once. A loop over single calls, in any
// order at all, never finds more.
func TestWorstIsABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loops := rapid.IntRange(1, 4).Draw(t, "loops")
		kind := rapid.SampledFrom([]string{"SequentialWorkflow", "ConcurrentWorkflow", "GroupChat"}).Draw(t, "kind")
		task := rapid.StringN(0, 40, 80).Draw(t, "task")
		var agents []map[string]any
		var outs []int64
		for range rapid.IntRange(1, 5).Draw(t, "agents") {
			out, own := rapid.Int64Range(1, 9000).Draw(t, "max_tokens"), rapid.IntRange(1, 3).Draw(t, "max_loops")
			agents = append(agents, map[string]any{"max_tokens": out, "max_loops": own})
			for range own * loops {
				outs = append(outs, out)
			}
		}
		request, err := json.Marshal(map[string]any{"swarm_type": kind, "task": task, "max_loops": loops, "agents": agents})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Size(request)
		if err != nil {
			t.Fatal(err)
		}
		var in, out, before int64
		for _, i := range rapid.Permutation(outs).Draw(t, "order") {
			in += int64(len(task)) + serverPrompt
			if kind != "ConcurrentWorkflow" {
				in += before
			}
			before, out = before+i, out+i
		}
		if s.WorstInput < in || s.WorstOutput != out || s.Calls != int64(len(outs)) {
			t.Fatalf("%+v is less than %d in, %d out, %d calls", s, in, out, len(outs))
		}
		if s.GuessInput > s.WorstInput || s.GuessOutput > s.WorstOutput || s.Guess || !slices.Equal(s.Models, []string{DefaultModel}) {
			t.Fatalf("%+v", s)
		}
	})
}
