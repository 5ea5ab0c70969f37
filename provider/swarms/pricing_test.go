package swarms_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/tariff"
)

const digest = `{"swarm_type":"SequentialWorkflow","task":"Summarize.","agents":[
	{"agent_name":"Scanner","model_name":"gpt-4o-mini","max_tokens":1024},
	{"agent_name":"Synthesizer","model_name":"gpt-4o","max_tokens":2048}]}`

func usd(t *testing.T, s string) money.USD {
	t.Helper()
	u, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestPriceOfExpected is the arithmetic of the Swarms docs for a run of 6,000
// and 3,000 tokens with two agents.
func TestPriceOfExpected(t *testing.T) {
	job := batch.Job{Name: "EU", Request: json.RawMessage(digest), Expect: &batch.Expect{InputTokens: 6000, OutputTokens: 3000}}
	q, err := swarms.Price(job, tariff.Swarms())
	if err != nil {
		t.Fatal(err)
	}
	if q.DayPrice != usd(t, "0.1145") || q.Estimate != usd(t, "0.06725") || q.Guessed {
		t.Errorf("day %s, night %s, guessed %v; want 0.114500, 0.067250, false", q.DayPrice, q.Estimate, q.Guessed)
	}
	if q.Worst.OutputTokens != 1024+2048 || q.Worst.Agents != 2 {
		t.Errorf("worst case %+v, want 3072 tokens put out by 2 agents", q.Worst)
	}
	if q.Ceiling < q.DayPrice {
		t.Errorf("ceiling %s is below the day price %s", q.Ceiling, q.DayPrice)
	}

	// Who expects more than the request can become is believed.
	job.Expect = &batch.Expect{InputTokens: 1_000_000, OutputTokens: 1_000_000}
	q, err = swarms.Price(job, tariff.Swarms())
	if err != nil || q.Ceiling != usd(t, "25.02") {
		t.Errorf("ceiling %s, %v; want 25.020000", q.Ceiling, err)
	}
}

// TestPriceGuessed prices by the request alone when the job says nothing.
func TestPriceGuessed(t *testing.T) {
	q, err := swarms.Price(batch.Job{Name: "EU", Request: json.RawMessage(digest)}, tariff.Swarms())
	if err != nil {
		t.Fatal(err)
	}
	if !q.Guessed || q.Expect.OutputTokens != 1536 || q.Expect.InputTokens <= 0 {
		t.Errorf("guessed %v, %+v; want half of the 3072 tokens that can be put out", q.Guessed, q.Expect)
	}
	if _, err := swarms.Price(batch.Job{Name: "EU", Request: json.RawMessage(`[]`)}, tariff.Swarms()); err == nil {
		t.Error("a request that is no object was priced")
	}
}

// TestPriceOrder holds for every job: by night <= by day <= ceiling.
func TestPriceOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := make([]map[string]any, rapid.IntRange(0, 5).Draw(t, "agents"))
		for i := range agents {
			agents[i] = map[string]any{"agent_name": "a", "max_tokens": rapid.IntRange(1, 200_000).Draw(t, "max_tokens")}
		}
		request, err := json.Marshal(map[string]any{
			"task": rapid.StringN(0, 300, -1).Draw(t, "task"), "agents": agents,
			"max_loops":  rapid.IntRange(1, 5).Draw(t, "max_loops"),
			"swarm_type": rapid.SampledFrom([]string{"SequentialWorkflow", "ConcurrentWorkflow", "auto", "HeavySwarm"}).Draw(t, "type"),
		})
		if err != nil {
			t.Fatal(err)
		}
		job := batch.Job{Name: "a", Request: request}
		if rapid.Bool().Draw(t, "expects") {
			job.Expect = &batch.Expect{
				InputTokens:  rapid.Int64Range(0, 1<<40).Draw(t, "in"),
				OutputTokens: rapid.Int64Range(0, 1<<40).Draw(t, "out"),
			}
		}
		q, err := swarms.Price(job, tariff.Swarms())
		if err != nil {
			t.Fatal(err)
		}
		if q.Estimate > q.DayPrice || q.DayPrice > q.Ceiling {
			t.Fatalf("night %s, day %s, ceiling %s of %s", q.Estimate, q.DayPrice, q.Ceiling, request)
		}
	})
}
