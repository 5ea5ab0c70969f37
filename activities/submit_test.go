package activities_test

import (
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

func TestAnswered(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(1, ""))
	out, delays := w.send(0)
	if out.State != batch.Succeeded || len(delays) != 0 {
		t.Fatalf("%+v after %v", out, delays)
	}
	// 6,000 in and 3,000 out with two agents: 0.0195 + 0.02775 + 0.02 by night.
	if out.Billed != 67_250 || out.DayPrice != 114_500 {
		t.Errorf("billed %s of %s by day; want 0.067250 of 0.114500", out.Billed, out.DayPrice)
	}
	j := w.job(0)
	answer, err := w.store.Get(t.Context(), j.Output)
	if err != nil || !strings.Contains(string(answer), j.RequestID) {
		t.Errorf("the archive's %s: %s, %v", j.Output, answer, err)
	}
	attempts, err := w.books.Attempts(t.Context(), w.plan.Batch, 0)
	if err != nil || len(attempts) != 1 || attempts[0].Status != 200 || !strings.Contains(string(attempts[0].Receipt), "body_hash") {
		t.Errorf("receipts: %+v, %v", attempts, err)
	}
	result, err := w.audit()
	if err != nil || !result.Audit.Passed || result.Discount.Landed != 1 || result.Money.Saved != 47_250 {
		t.Errorf("%+v, %v", result, err)
	}
	w.honest()
}

// Executed again, by a retry whose answer was lost, it answers the same and
// sends nothing.
func TestTwiceIsOnce(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(1, ""))
	first, _ := w.send(0)
	w.newHands(w.server.URL)
	second, _ := w.send(0)
	if first != second {
		t.Errorf("%+v, then %+v", first, second)
	}
	if n := len(w.posts()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	w.honest()
}

// Every row of the table of what may come back.
func TestWhatCameBack(t *testing.T) {
	first := simulator.Attempts{From: 1, To: 1}
	for _, c := range []struct {
		name    string
		fault   simulator.Rule
		policy  string
		state   batch.State
		posts   int
		runs    int
		why     string
		delays  []time.Duration // handed to Temporal, in order
		timeout string
	}{
		{
			name: "503 before the work", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 503, Attempts: first},
			state: batch.Succeeded, posts: 2, runs: 1,
		},
		{
			name: "503 after the work", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 503, AfterWork: true, Attempts: first},
			state: batch.Succeeded, posts: 1, runs: 1,
		},
		{
			name: "HTML of a front end", fault: simulator.Rule{Kind: simulator.KindHTML502, Attempts: first},
			state: batch.Succeeded, posts: 2, runs: 1,
		},
		{
			name: "503 five times", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 503},
			state: batch.Rejected, posts: 5, runs: 0, why: "5 tries",
		},
		{
			name: "reset after the work", fault: simulator.Rule{Kind: simulator.KindReset, AfterWork: true, Attempts: first},
			state: batch.Succeeded, posts: 1, runs: 1,
		},
		{
			name: "reset before the work", fault: simulator.Rule{Kind: simulator.KindReset, Attempts: first},
			state: batch.Succeeded, posts: 2, runs: 1,
		},
		{
			name: "no answer at all", fault: simulator.Rule{Kind: simulator.KindHang, AfterWork: true, Attempts: first}, timeout: "1s",
			state: batch.Succeeded, posts: 1, runs: 1,
		},
		{
			name: "cut short", fault: simulator.Rule{Kind: simulator.KindTruncate, Attempts: first},
			state: batch.Succeeded, posts: 1, runs: 1,
		},
		{
			name: "200 and not JSON", fault: simulator.Rule{Kind: simulator.KindBadJSON, Attempts: first},
			state: batch.Succeeded, posts: 1, runs: 1,
		},
		{
			name: "gateway gave up", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 504, AfterWork: true, Attempts: first},
			state: batch.Succeeded, posts: 1, runs: 1,
		},
		{
			name: "422", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 422},
			state: batch.Rejected, posts: 1, runs: 0, why: "HTTP 422",
		},
		{
			name: "400", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 400},
			state: batch.Rejected, posts: 1, runs: 0, why: "HTTP 400",
		},
		{
			name: "404", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 404},
			state: batch.Rejected, posts: 1, runs: 0, why: "HTTP 404",
		},
		{
			name: "409", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 409},
			state: batch.Rejected, posts: 1, runs: 0, why: "HTTP 409",
		},
		{
			name: "500 that wraps a 400", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 500, Detail: "400: bad swarm"},
			state: batch.Rejected, posts: 1, runs: 0, why: "400: bad swarm",
		},
		{
			name: "429 with 7 s", fault: simulator.Rule{Kind: simulator.KindRate429, RetryAfter: "7", Times: 1},
			state: batch.Succeeded, posts: 2, runs: 1, delays: []time.Duration{7 * time.Second},
		},
		{
			name: "429 until after the close", fault: simulator.Rule{Kind: simulator.KindRate429, RetryAfter: "40000", Times: 1},
			state: batch.Parked, posts: 1, runs: 0, why: "could not end by 05:00 PST",
		},
		{
			name: "held", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 503, AfterWork: true, Attempts: first}, policy: `"on_unknown": "hold"`,
			state: batch.Unknown, posts: 1, runs: 1,
		},
		{
			name: "resent", fault: simulator.Rule{Kind: simulator.KindStatus, Status: 503, Attempts: first}, policy: `"on_unknown": "resend"`,
			state: batch.Succeeded, posts: 2, runs: 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.fault.Match = "job-0"
			policy := `"log_lag": "30s"`
			if c.policy != "" {
				policy += ", " + c.policy
			}
			if c.timeout != "" {
				policy += `, "request_timeout": "` + c.timeout + `"`
			}
			w := newWorld(t, nil).faults(c.fault).planned(manifest(1, `"policy": {`+policy+`},`))
			out, delays := w.send(0)
			if out.State != c.state || !strings.Contains(out.Why, c.why) {
				t.Errorf("ended as %s (%s), want %s (%s)", out.State, out.Why, c.state, c.why)
			}
			if n := len(w.posts()); n != c.posts {
				t.Errorf("%d requests, want %d: %+v", n, c.posts, w.posts())
			}
			if n := w.api.Books().Executions(w.job(0).RequestID); n != c.runs {
				t.Errorf("it ran %d times, want %d", n, c.runs)
			}
			if c.delays != nil && !equal(delays, c.delays) {
				t.Errorf("delays %v, want %v", delays, c.delays)
			}
			if c.state == batch.Unknown {
				w.discreet()
				return // the audit's last look is tested elsewhere
			}
			w.honest()
		})
	}
}

func equal(a, b []time.Duration) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A night that began later than it was planned for says so with each job: what
// it says counts, and not what the books have.
func TestTheNightItIsGiven(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(2, ""))
	if out, delays := w.send(0); out.State != batch.Succeeded || out.Seq != 0 || len(delays) > 0 {
		t.Errorf("by the books: %+v after %v", out, delays)
	}
	in := w.submit(1)
	in.Span = w.plan.Start.Span
	in.Span.Closes, in.Span.Deadline = w.clock.Now(), w.clock.Now()
	out, err := w.hands.SubmitSwarm(t.Context(), in)
	if err != nil || out.State != batch.Parked {
		t.Errorf("in a night that is over: %+v, %v", out, err)
	}
}
