package workflows_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// carrying are hands with books: each night gives some jobs their answer, the
// rest is parked, and the audit says that it is carried over, for at most so
// many nights.
type carrying struct {
	*hands
	t *testing.T
	perNight,
	nights int
	done  map[int]time.Time
	plans []batch.PlanRequest
	spans []string
}

func carryingHands(t *testing.T, asked time.Time, jobs, perNight, nights int) *carrying {
	t.Helper()
	c := &carrying{hands: newHands(t, asked, jobs), t: t, perNight: perNight, nights: nights, done: map[int]time.Time{}}
	tonight := map[string]int{}
	c.plan = c.planned
	c.left = func(p batch.Page) []int {
		c.mu.Lock()
		defer c.mu.Unlock()
		var left []int
		for seq := p.From; seq < p.To; seq++ {
			if c.done[seq].IsZero() {
				left = append(left, seq)
			}
		}
		return left
	}
	c.submit = func(in batch.Submit) (batch.Outcome, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		night := string(in.Span.Night)
		if tonight[night] == perNight {
			return batch.Outcome{Seq: in.Seq, State: batch.Parked}, nil
		}
		tonight[night]++
		c.done[in.Seq] = c.env.Now()
		return batch.Outcome{Seq: in.Seq, State: batch.Succeeded, Billed: money.Cent}, nil
	}
	c.audit = c.judge
	return c
}

func (c *carrying) planned(in batch.PlanRequest) (batch.Plan, error) {
	var on batch.GoOn
	if err := json.Unmarshal(in.Input, &on); err != nil {
		return batch.Plan{}, err
	}
	c.mu.Lock()
	c.plans = append(c.plans, in)
	pending := c.jobs - len(c.done)
	c.mu.Unlock()
	asked := in.Asked
	if on.Batch == "" {
		return c.usualPlan(in)
	}
	if on.After.After(asked) {
		asked = on.After
	}
	in.Asked = asked
	p, err := c.usualPlan(in)
	p.Batch, p.Carried, p.Pending = on.Batch, true, pending
	return p, err
}

func (c *carrying) judge(in batch.AuditRequest) (batch.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, string(in.Span.Night))
	r := batch.Result{Batch: in.Batch, Night: in.Span.Night, State: workflows.StateDone, Audit: batch.Audit{Passed: true}, Span: in.Span}
	r.Jobs.Add(batch.Succeeded, len(c.done))
	r.Jobs.Add(batch.Parked, c.jobs-len(c.done))
	if r.Jobs.Parked > 0 && !in.Cancelled && len(c.spans) <= c.nights {
		next, err := c.window.Decide(in.Span.Closes, c.timeout)
		if err != nil {
			c.t.Error(err)
		}
		r.Carried = &batch.Carry{Jobs: r.Jobs.Parked, WorkflowID: in.Batch.CarryID(next.Span.Night), Begins: next.At}
	}
	return r, nil
}

// What a night parks runs in the next one, from its own start: also when the
// night ended early, and over both clock changes. Whoever waits for the first
// night has its result that night.
func TestWhatIsParkedIsCarriedOver(t *testing.T) {
	for _, c := range []struct {
		name, asked, first, second string
	}{
		{"an ordinary night", "2026-11-22 10:00:00", "2026-11-22 21:00:00", "2026-11-23 21:00:00"},
		{"asked for inside the window", "2026-11-23 02:00:00", "2026-11-23 02:00:00", "2026-11-23 21:00:00"},
		{"from an ordinary night into the short one", "2027-03-12 10:00:00", "2027-03-12 21:00:00", "2027-03-13 21:00:00"},
		{"out of the short night", "2027-03-13 10:00:00", "2027-03-13 21:00:00", "2027-03-14 21:00:00"},
		{"out of the long night", "2027-11-06 10:00:00", "2027-11-06 21:00:00", "2027-11-07 21:00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := carryingHands(t, pacific(t, c.asked), 20, 12, 9)
			result, err := h.run(t)
			if err != nil {
				t.Fatal(err)
			}
			first, second := pacific(t, c.first), pacific(t, c.second)
			if result.Jobs.Succeeded != 12 || result.Carried == nil || result.Carried.Jobs != 8 || !result.Carried.Begins.Equal(second) {
				t.Errorf("the first night's result: %+v, carried %+v", result.Jobs, result.Carried)
			}
			var tonight, tomorrow int
			for seq := range 20 {
				switch at := h.done[seq]; {
				case !at.Before(first) && at.Before(first.Add(time.Minute)):
					tonight++
				case !at.Before(second) && at.Before(second.Add(time.Minute)):
					tomorrow++
				default:
					t.Errorf("job %d at %s", seq, at)
				}
			}
			if tonight != 12 || tomorrow != 8 {
				t.Errorf("%d in the first night and %d in the second, want 12 and 8", tonight, tomorrow)
			}
			if len(h.spans) != 2 || len(h.compared) != 2 {
				t.Errorf("%d audits and %d comparisons, want one of each a night", len(h.spans), len(h.compared))
			}
			on := h.plans[1]
			if !batch.IsCarry(on.WorkflowID) || on.Parent.WorkflowID != h.plans[0].WorkflowID || on.Parent.RunID != h.plans[0].RunID {
				t.Errorf("the second night is %s, handed on by %+v", on.WorkflowID, on.Parent)
			}
			if h.plans[0].Parent != (batch.Run{}) {
				t.Errorf("the first night has a parent: %+v", h.plans[0].Parent)
			}
			for _, s := range h.sent[len(h.sent)-8:] {
				if s.Batch != result.Batch || s.Span.Night != h.compared[1].Span.Night {
					t.Errorf("job %d was sent as %s in the night of %s", s.Seq, s.Batch, s.Span.Night)
				}
			}
		})
	}
}

// A carry that parks carries again, under an id of its own each night, until
// the hands say that it is enough.
func TestACarryCarriesOn(t *testing.T) {
	h := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 30, 3, batch.MaxCarries)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	var want, ids []string
	for day := range batch.MaxCarries + 1 {
		want = append(want, fmt.Sprintf("2026-11-%02d", 22+day))
	}
	if !slices.Equal(h.spans, want) {
		t.Errorf("nights %v, want %v", h.spans, want)
	}
	if len(h.done) != 3*(batch.MaxCarries+1) {
		t.Errorf("%d jobs done", len(h.done))
	}
	for _, p := range h.plans {
		ids = append(ids, p.WorkflowID)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != batch.MaxCarries+1 {
		t.Errorf("workflow ids %v", ids)
	}
}

// Nothing is carried over that the hands don't say: a night without parked
// jobs, and one that was cancelled.
func TestWhatIsNotCarriedOver(t *testing.T) {
	whole := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 5, 5, 9)
	if _, err := whole.run(t); err != nil || len(whole.plans) != 1 {
		t.Errorf("%d nights, %v", len(whole.plans), err)
	}
	h := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 5, 2, 9)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour)
	_, err := h.run(t)
	if !temporal.IsCanceledError(err) || len(h.plans) != 1 || len(h.audited) != 1 || !h.audited[0].Cancelled {
		t.Errorf("%v, %d nights", err, len(h.plans))
	}
}

// A night that fails its audit carries over all the same: its result is in the
// error.
func TestAFailedNightCarriesOver(t *testing.T) {
	h := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 5, 2, 9)
	h.audit = func(in batch.AuditRequest) (batch.Result, error) {
		r, err := h.judge(in)
		if err == nil && len(h.spans) == 1 {
			//nolint:forbidigo // a fake hand
			err = temporal.NewNonRetryableApplicationError("as staged", string(batch.OutcomesUnknown), nil, batch.Fault{Kind: batch.OutcomesUnknown}, r)
		}
		return r, err
	}
	_, err := h.run(t)
	wantType(t, err, batch.OutcomesUnknown)
	if len(h.plans) < 2 || len(h.done) != 5 {
		t.Errorf("%d nights, %d of 5 jobs done", len(h.plans), len(h.done))
	}
}

// The day in between has a provider that is away for hours: nobody waits at a
// prompt, and the night asks again.
func TestACarryOutlastsTheDay(t *testing.T) {
	h := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 4, 2, 9)
	h.credits = func(in batch.CreditsRequest) error {
		if in.When == "when asked" && h.env.Now().After(pacific(t, "2026-11-23 00:00:00")) {
			if !in.Until.Equal(pacific(t, "2026-11-23 21:00:00")) {
				t.Errorf("asked again until %s", in.Until)
			}
			return fails(batch.OutOfReach)
		}
		return nil
	}
	if _, err := h.run(t); err != nil || len(h.done) != 4 {
		t.Errorf("%d of 4 jobs done, %v", len(h.done), err)
	}
}

// A whole night without the provider isn't the end of what is carried: it is
// parked again, and the night after next has it.
func TestACarryOutlastsANight(t *testing.T) {
	h := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 4, 2, 9)
	h.credits = func(in batch.CreditsRequest) error {
		if in.When == "at the opening" && in.Until.Equal(pacific(t, "2026-11-24 05:00:00")) {
			return fails(batch.OutOfReach)
		}
		return nil
	}
	if _, err := h.run(t); err != nil || len(h.done) != 4 {
		t.Fatalf("%d of 4 jobs done, %v", len(h.done), err)
	}
	if want := []string{"2026-11-22", "2026-11-23", "2026-11-24"}; !slices.Equal(h.spans, want) {
		t.Errorf("nights %v, want %v", h.spans, want)
	}
	if stop := h.audited[1].Stop; stop == "" {
		t.Error("the second night doesn't say why nothing was sent")
	}
}

// A carry that only waits leaves its batch to another run and ends well: it
// sends nothing, compares nothing, judges nothing.
func TestACarryGivesWay(t *testing.T) {
	h := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 5, 2, 9)
	h.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "nightly/market-digest/2026-11-21/carry/2026-11-22"})
	way := h.order(time.Hour, workflows.GiveWayUpdate, batch.Order{By: "nightly/market-digest/2026-11-21"})
	twice := h.order(time.Hour+time.Nanosecond, workflows.GiveWayUpdate, batch.Order{By: "another"})
	result, err := h.run(t)
	if err != nil || result.State != workflows.StateGaveWay || result.Elsewhere != "nightly/market-digest/2026-11-21" || result.ExitCode() != batch.ExitDone {
		t.Errorf("%+v, %v", result, err)
	}
	way.wantDone(t)
	if twice.accepted {
		t.Error("it gave way twice")
	}
	if len(h.sent)+len(h.audited)+len(h.compared) != 0 || len(h.plans) != 1 {
		t.Errorf("%d submits, %d audits, %d comparisons, %d nights", len(h.sent), len(h.audited), len(h.compared), len(h.plans))
	}
	if now := h.env.Now(); now.After(pacific(t, "2026-11-22 11:01:00")) {
		t.Errorf("it waited until %s", now)
	}
}

// Nothing else gives way: a night that is no carry, and a carry that has begun.
func TestWhatDoesNotGiveWay(t *testing.T) {
	h := carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 2, 2, 9)
	night := h.order(time.Hour, workflows.GiveWayUpdate, batch.Order{By: "by-hand"})
	if result, err := h.run(t); err != nil || result.Jobs.Succeeded != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	night.wantRefused(t, "only a night that carries a batch on")

	h = carryingHands(t, pacific(t, "2026-11-22 10:00:00"), 2, 2, 9)
	h.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "nightly/market-digest/2026-11-21/carry/2026-11-22"})
	begun, nobody := &answer{}, h.order(time.Hour, workflows.GiveWayUpdate, batch.Order{})
	submit := h.submit
	var once sync.Once
	h.submit = func(in batch.Submit) (batch.Outcome, error) {
		once.Do(func() { h.env.UpdateWorkflow(workflows.GiveWayUpdate, "begun", begun, batch.Order{By: "by-hand"}) })
		return submit(in)
	}
	if result, err := h.run(t); err != nil || result.Jobs.Succeeded != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	nobody.wantRefused(t, "who takes the batch")
	begun.wantRefused(t, "it doesn't wait any more, the night is sending")
}
