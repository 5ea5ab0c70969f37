package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/workflows"
)

// slowAPI is a provider that takes work on and answers later.
type slowAPI struct {
	h  *hands
	mu sync.Mutex

	asked map[int][]time.Time // when each job was sent or asked for
	done  map[int]time.Time   // when its work is done
	every time.Duration       // how soon to ask again
}

func newSlowAPI(t *testing.T, jobs int, works time.Duration) (*slowAPI, *hands) {
	t.Helper()
	h := newHands(t, pacific(t, "2026-11-22 21:00:00"), jobs)
	s := &slowAPI{h: h, asked: map[int][]time.Time{}, done: map[int]time.Time{}, every: time.Hour}
	h.plan = func(in batch.PlanRequest) (batch.Plan, error) {
		p, err := h.usualPlan(in)
		p.Metered, p.Lane, p.Chunk = "slow", 0, 0
		return p, err
	}
	bind(h.env, workflows.SubmitRequest, func(_ context.Context, in batch.Submit) (batch.Outcome, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		now := h.env.Now()
		s.asked[in.Seq] = append(s.asked[in.Seq], now)
		if _, begun := s.done[in.Seq]; !begun {
			s.done[in.Seq] = now.Add(works)
		}
		if now.Before(s.done[in.Seq]) {
			return batch.Outcome{Seq: in.Seq, State: batch.Sending, Again: now.Add(s.every)}, nil
		}
		return batch.Outcome{Seq: in.Seq, State: batch.Succeeded, Billed: money.Cent, DayPrice: money.Cent}, nil
	})
	return s, h
}

// TestWorkThatIsTakenOn is asked for when its outcome says so, and at once when
// the provider says that it is done; a word about a job that isn't there, or is
// over, does nothing.
func TestWorkThatIsTakenOn(t *testing.T) {
	s, h := newSlowAPI(t, 13, 90*time.Minute) // stretches of 10 and 3
	h.env.RegisterDelayedCallback(func() {
		for _, seq := range []int{2, 12, 99} {
			h.env.SignalWorkflow(workflows.ToldSignal, batch.Told{Seq: seq})
		}
	}, 100*time.Minute)
	if _, err := h.run(t); err != nil {
		t.Fatal(err)
	}
	if len(h.sent) != 0 || len(s.asked) != 13 {
		t.Fatalf("%d went to the other API, %d to this one", len(h.sent), len(s.asked))
	}
	for seq, at := range s.asked {
		if took := at[len(at)-1].Sub(at[0]); seq != 2 && seq != 12 && took != 2*time.Hour || len(at) != 3 {
			t.Errorf("job %d was asked for at %v", seq, at)
		} else if (seq == 2 || seq == 12) && took > 101*time.Minute {
			t.Errorf("job %d, of which was told after 100 minutes, was asked for after %s", seq, took)
		}
	}
}

// TestWorkOfACancelledNight: what the provider has taken on is asked for to its
// end; what it hasn't isn't sent any more.
func TestWorkOfACancelledNight(t *testing.T) {
	s, h := newSlowAPI(t, 13, 90*time.Minute)
	h.flight = 2
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Minute)
	_, _ = h.run(t)
	if len(h.audited) != 1 || !h.audited[0].Cancelled {
		t.Errorf("audited %+v", h.audited)
	}
	if len(s.asked) == 0 || len(s.asked) == 13 {
		t.Errorf("%d jobs were sent", len(s.asked))
	}
	for seq, at := range s.asked {
		if at[len(at)-1].Before(s.done[seq]) {
			t.Errorf("job %d was left at %v, done at %s", seq, at, s.done[seq])
		}
	}
}
