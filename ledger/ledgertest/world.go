package ledgertest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/tariff"
)

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *Clock { return &Clock{at: evening} }

// evening is 21:00 Pacific on the night of all examples.
var evening = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Add moves it, also backwards.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const (
	night  = batch.ID("market-digest/2026-11-22")
	keyID  = "k-1a2b3c"
	cap5   = 5 * money.Dollar
	cap50  = 50 * money.Dollar
	ceil15 = 150_000 * money.Micro // $0.15
)

func claimOf(id batch.ID, workflow string) ledger.Claim {
	return ledger.Claim{Batch: ledger.Batch{
		ID: id, Provider: "swarms", Key: keyID, Owner: ledger.Owner{WorkflowID: workflow, RunID: "run-1"}, Digest: "d1",
		Span: tariff.Span{
			Night: id.Night(), Opens: evening.Add(-time.Hour), Closes: evening.Add(9 * time.Hour),
			StartAt: evening, Deadline: evening.Add(8 * time.Hour), Earliest: evening.Add(-45 * time.Minute),
		},
		Card:   tariff.Card{Source: "built-in", InputPerMillion: 6_500_000, OutputPerMillion: 18_500_000, PerAgent: money.Cent, Night: money.Half},
		Budget: batch.Budget{PerJob: cap5, Batch: cap50},
		Policy: batch.Policy{OnUnknown: batch.OnUnknownVerify, Mode: batch.ModeAuto, RequestTimeout: 10 * time.Minute, LogLag: 2 * time.Minute},
	}}
}

func jobsOf(from, to int, ceiling money.USD) []ledger.Job {
	jobs := make([]ledger.Job, 0, to-from)
	for i := from; i < to; i++ {
		jobs = append(jobs, ledger.Job{
			Name: fmt.Sprintf("job %d", i), Request: json.RawMessage(fmt.Sprintf(`{"task":"number %d"}`, i)),
			Type: "SequentialWorkflow", Models: []string{"gpt-4o-mini", "gpt-4o"}, Agents: 2, Ceiling: ceiling, Estimate: ceiling / 2,
		})
	}
	return jobs
}

func chargeOf(total money.USD) ledger.Charge {
	yes := true
	return ledger.Charge{
		JobID: "swarms-x", Total: total, TotalText: total.String(), DayPrice: 2 * total, NightPrice: total,
		HasTokens: true, InputTokens: 6000, OutputTokens: 3000, Agents: 2, NightApplied: &yes,
	}
}

func always(a ledger.Action) func(ledger.Standing) ledger.Verdict {
	return func(s ledger.Standing) ledger.Verdict {
		return ledger.Verdict{Action: a, Reason: ledger.ReasonFree, Detail: "because " + string(a), Until: s.Now.Add(time.Second)}
	}
}

func window(name string, seconds int, limit int64) ledger.Window {
	return ledger.Window{Name: name, Span: time.Duration(seconds) * time.Second, Limit: limit, Remaining: -1}
}

type learner interface {
	Learn(context.Context, string, []ledger.Window) error
}

func learn(t tb, l learner, key string, windows ...ledger.Window) {
	t.Helper()
	if err := l.Learn(context.Background(), key, windows); err != nil {
		t.Fatal(err)
	}
}

// Claim claims a night for tests of one store.
func Claim(l *ledger.Ledger) (batch.ID, error) { return ClaimAs(l, night) }

// ClaimAs is Claim of a batch of that name.
func ClaimAs(l *ledger.Ledger, id batch.ID) (batch.ID, error) {
	c := claimOf(id, "w")
	c.Batch.Budget.Batch = 1_000_000 * ceil15
	b, err := l.Claim(context.Background(), c)
	return b.ID, err
}

// Jobs are jobs from <= number < to, of 15 cents each.
func Jobs(from, to int) []ledger.Job { return jobsOf(from, to, ceil15) }

// OneCharge books a charge.
func OneCharge(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	ctx := context.Background()
	id, err := Claim(l)
	if err == nil {
		err = l.Plan(ctx, id, Jobs(0, 1))
	}
	if err == nil {
		_, _, err = l.Admit(ctx, ledger.Ask{Batch: id}, always(ledger.Go))
	}
	if err == nil {
		_, err = l.Settle(ctx, ledger.Closing{Batch: id, Attempt: 1}, chargeOf(97_250), "x")
	}
	if err != nil {
		t.Fatal(err)
	}
}
