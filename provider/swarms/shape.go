package swarms

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What the API takes when a request doesn't say (Swarms docs, multi-agent
// overview, 2026-07-20).
const (
	DefaultModel     = "gpt-4.1"
	DefaultMaxTokens = 8192
)

// Assumptions of Size, chosen on the high side: a ceiling that is too low is
// the worse mistake.
const (
	autoLoops     = 10      // what max_loops "auto" is taken for
	assumedAgents = 10      // agents of a swarm that staffs itself
	serverPrompt  = 4096    // tokens per call that the server adds: roles, collaboration prompt, formatting
	imageTokens   = 4096    // of one image
	toolTokens    = 200_000 // read per call through tools: the documented cap of tokens per agent on the free tier
	maxHandoffs   = 8       // levels
)

// Shape is how large a run can become, and how large it is expected to be,
// judged from its request alone. Ceilings and estimates are priced from it.
//
// Worst is a bound under these rules: a token is at least a byte; every call
// of a model reads the task, its own prompts and, except in
// ConcurrentWorkflow and BatchedGridWorkflow, everything that earlier calls
// put out, each of which put out its max_tokens. Guess reads four bytes as a
// token, and takes half of the worst output as written, and as read again.
type Shape struct {
	Type        string   // swarm_type, "" when not said
	Models      []string // every model named or defaulted to, sorted, each once
	Agents      int64    // agents that the fee is expected for
	Calls       int64    // calls of a model
	WorstInput  int64    // tokens
	WorstOutput int64
	GuessInput  int64
	GuessOutput int64
	Guess       bool // also the worst rests on assumptions: agents or tools that the request doesn't size
}

// spec is the part of a request that its size depends on.
type spec struct {
	Type        json.RawMessage `json:"swarm_type"`
	Description json.RawMessage `json:"description"`
	Task        json.RawMessage `json:"task"`
	Tasks       json.RawMessage `json:"tasks"`
	Messages    json.RawMessage `json:"messages"`
	Rules       json.RawMessage `json:"rules"`
	Flow        json.RawMessage `json:"rearrange_flow"`
	Img         json.RawMessage `json:"img"`
	Agents      json.RawMessage `json:"agents"`
	MaxLoops    json.RawMessage `json:"max_loops"`
	HeavyLoops  json.RawMessage `json:"heavy_swarm_max_loops"`
	HeavyAsker  json.RawMessage `json:"heavy_swarm_question_agent_model_name"`
	HeavyWorker json.RawMessage `json:"heavy_swarm_worker_model_name"`
	Judge       json.RawMessage `json:"council_judge_model_name"`
	Chairman    json.RawMessage `json:"chairman_model"`
	Director    json.RawMessage `json:"director_model_name"`
}

// staff is how many models a swarm type runs beside the agents that are
// listed, once in each loop: directors, aggregators, judges, routers of the
// swarms library.
var staff = map[string]int64{
	"HierarchicalSwarm": 2, "HiearchicalSwarm": 2, "PlannerWorkerSwarm": 2,
	"MixtureOfAgents": 1, "MajorityVoting": 1, "MultiAgentRouter": 1, "auto": 1,
}

// ownStaff are the types that make agents of their own, whatever is listed.
var ownStaff = map[string]bool{
	"AutoSwarmBuilder": true, "HeavySwarm": true, "CouncilAsAJudge": true, "LLMCouncil": true,
}

// parallel are the types whose agents don't read each other.
var parallel = map[string]bool{"ConcurrentWorkflow": true, "BatchedGridWorkflow": true}

// Size judges a request. Arithmetic saturates: what is too large for an int64
// stays too large. The error names the field that can't be read.
func Size(request json.RawMessage) (Shape, error) {
	var q spec
	t := bytes.TrimSpace(request)
	if len(t) == 0 || t[0] != '{' {
		return Shape{}, errors.New("size request: it is no JSON object")
	}
	if err := json.Unmarshal(t, &q); err != nil {
		return Shape{}, fmt.Errorf("size request: %w", err)
	}
	s := Shape{Type: str(q.Type)}
	z := sizer{q: q, kind: s.Type, models: map[string]bool{}}
	if err := z.collect(); err != nil {
		return Shape{}, fmt.Errorf("size request: %w", err)
	}
	runs, tasks, err := taskBytes(q.Tasks)
	if err != nil {
		return Shape{}, fmt.Errorf("size request: %w", err)
	}
	shared := satAdd(z.shared, textBytes(q.Task)+textBytes(q.Messages)+textBytes(q.Description)+textBytes(q.Rules)+textBytes(q.Flow))
	if present(q.Img) != nil {
		shared += imageTokens
	}
	var calls, read, tools, out int64 // of one run
	for _, c := range z.calls {
		calls = satAdd(calls, c.times)
		read = satAdd(read, satMul(c.times, satAdd(shared, c.prompt)))
		tools = satAdd(tools, satMul(c.times, c.tools))
		out = satAdd(out, satMul(c.times, c.out))
	}
	again := z.reread()
	// Over all runs; each task of tasks is read by every call of its own run.
	read = satAdd(satMul(runs, read), satMul(calls, tasks))
	again = satMul(runs, again)
	s.Calls = satMul(runs, calls)
	s.Agents, s.Guess, s.Models = z.agents, z.guess, z.modelList()
	s.WorstInput = satAdd(satAdd(read, again), satAdd(satMul(s.Calls, serverPrompt), satMul(runs, tools)))
	s.WorstOutput = satMul(runs, out)
	s.GuessInput = satAdd(quarter(read), again/2)
	s.GuessOutput = s.WorstOutput/2 + s.WorstOutput%2
	return s, nil
}

func quarter(n int64) int64 {
	if n%4 == 0 {
		return n / 4
	}
	return n/4 + 1
}

// reread is how many tokens of earlier answers all calls of a run read, at
// most. The bound must hold for any order, so the longest answers come first.
func (z *sizer) reread() int64 {
	slices.SortStableFunc(z.calls, func(a, b calls) int { return cmp.Compare(b.out, a.out) })
	var before, sum int64
	for _, c := range z.calls {
		if !parallel[z.kind] {
			sum = satAdd(sum, satMul(c.times, before))
			before = satAdd(before, satMul(c.times, c.out))
		}
		sum = satAdd(sum, satMul(c.out, triangle(c.times))) // its own earlier answers
	}
	return sum
}

// taskBytes counts tasks: each is a run of its own. No tasks is one run.
func taskBytes(v json.RawMessage) (runs, size int64, err error) {
	if present(v) == nil {
		return 1, 0, nil
	}
	var l []json.RawMessage
	if err := json.Unmarshal(v, &l); err != nil {
		return 0, 0, errors.New("tasks is no list")
	}
	for _, e := range l {
		size += textBytes(e)
	}
	return max(int64(len(l)), 1), size, nil
}

// textBytes is how much of a model's input a value is: a string's own bytes,
// anything else as it is printed.
func textBytes(v json.RawMessage) int64 {
	if present(v) == nil {
		return 0
	}
	if s := str(v); s != "" || strings.TrimSpace(string(v)) == `""` {
		return int64(len(s))
	}
	return int64(len(v))
}
