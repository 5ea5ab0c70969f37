package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/simulator"
)

// row is a line of the retry table: what comes back, how many requests the
// provider then counts, how far apart they may be, and how the job ends.
type row struct {
	name     string
	fault    simulator.Rule
	requests int
	state    batch.State
	apart    [][2]time.Duration // least and most between request n and n+1
}

// slack is what a delay may be longer than drawn: the server's timers, polls
// and a busy machine.
const slack = 30 * time.Second

// unanswered is how long absence can't be declared when no answer came, or only
// a gateway's 504, which proves no more: request
// timeout and log lag, 6 s here, from the moment of sending, which is a little
// before the provider sees the request.
const unanswered = 5*time.Second + time.Second - 300*time.Millisecond

// drawn is a full-jitter delay after try n (from 0), uniform(0, 1.5 s x 2^n),
// and before it the look into the provider's log.
func drawn(n int) [2]time.Duration {
	return [2]time.Duration{0, 1500*time.Millisecond<<n + slack}
}

// TestTheRetryTable runs every line of the table at once, one job each, on a
// real Temporal server, and counts at the simulator. It measures time, so it
// runs before those that run beside each other.
func TestTheRetryTable(t *testing.T) {
	status := func(code int, more simulator.Rule) simulator.Rule {
		more.Kind, more.Status = simulator.KindStatus, code
		return more
	}
	first := simulator.Attempts{From: 1, To: 1}
	twice := simulator.Attempts{From: 1, To: 2}
	rows := []row{
		{name: "fine", requests: 1, state: batch.Succeeded},
		{name: "400", fault: status(400, simulator.Rule{}), requests: 1, state: batch.Rejected},
		{name: "404", fault: status(404, simulator.Rule{}), requests: 1, state: batch.Rejected},
		{name: "409", fault: status(409, simulator.Rule{}), requests: 1, state: batch.Rejected},
		{name: "422", fault: status(422, simulator.Rule{}), requests: 1, state: batch.Rejected},
		{name: "500 that wraps a 400", fault: status(500, simulator.Rule{Detail: "400: Model x is not available."}), requests: 1, state: batch.Rejected},
		{name: "500 once, not run", fault: status(500, simulator.Rule{Attempts: first}), requests: 2, state: batch.Succeeded, apart: [][2]time.Duration{drawn(0)}},
		{name: "502 twice, not run", fault: simulator.Rule{Kind: simulator.KindHTML502, Attempts: twice}, requests: 3, state: batch.Succeeded, apart: [][2]time.Duration{drawn(0), drawn(1)}},
		{name: "503 once, not run", fault: status(503, simulator.Rule{Attempts: first}), requests: 2, state: batch.Succeeded, apart: [][2]time.Duration{drawn(0)}},
		{name: "504 once, not run", fault: status(504, simulator.Rule{Attempts: first}), requests: 2, state: batch.Succeeded, apart: [][2]time.Duration{{unanswered, unanswered + 4*slack}}},
		{name: "500 after billing", fault: status(500, simulator.Rule{Attempts: first, AfterWork: true}), requests: 1, state: batch.Succeeded},
		{name: "503 for ever", fault: status(503, simulator.Rule{}), requests: 5, state: batch.Rejected, apart: [][2]time.Duration{drawn(0), drawn(1), drawn(2), drawn(3)}},
		{name: "429 once", fault: simulator.Rule{Kind: simulator.KindRate429, RetryAfter: "3", Times: 1}, requests: 2, state: batch.Succeeded, apart: [][2]time.Duration{{3 * time.Second, 3*time.Second + slack}}},
		{
			name: "timeout, not run", fault: simulator.Rule{Kind: simulator.KindHang, Attempts: first}, requests: 2, state: batch.Succeeded,
			apart: [][2]time.Duration{{unanswered, unanswered + 4*slack}},
		}, // request timeout + log lag before absence can be declared
		{name: "timeout after billing", fault: simulator.Rule{Kind: simulator.KindHang, Attempts: first, AfterWork: true}, requests: 1, state: batch.Succeeded},
		{
			name: "reset, not run", fault: simulator.Rule{Kind: simulator.KindReset, Attempts: first}, requests: 2, state: batch.Succeeded,
			apart: [][2]time.Duration{{unanswered, unanswered + 4*slack}},
		},
		{name: "reset after billing", fault: simulator.Rule{Kind: simulator.KindReset, Attempts: first, AfterWork: true}, requests: 1, state: batch.Succeeded},
		{name: "truncated after billing", fault: simulator.Rule{Kind: simulator.KindTruncate, Attempts: first}, requests: 1, state: batch.Succeeded},
		{name: "bad JSON after billing", fault: simulator.Rule{Kind: simulator.KindBadJSON, Attempts: first}, requests: 1, state: batch.Succeeded},
	}
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		for _, r := range rows {
			if r.fault.Kind != "" {
				r.fault.Match = jobName(r) + " ["
				o.Faults = append(o.Faults, r.fault)
			}
		}
	}})
	h.worker()
	var jobs strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&jobs, "  - {name: %q, task: \"Summarize %s.\"}\n", jobName(r), r.name)
	}
	path := h.file("table.yaml", "name: table\n"+h.terms("")+
		"defaults: {swarm_type: SequentialWorkflow, agents: [{agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}]}\njobs:\n"+jobs.String())
	d := h.starter("run", "--json", path)
	if d.code != batch.ExitIncomplete {
		t.Errorf("exit %d, want %d: some were rejected\n%s\n%s", d.code, batch.ExitIncomplete, d.out, d.stderr)
	}
	result := d.result(t)
	books := h.books()
	if twice := books.boughtTwice(); len(twice) > 0 {
		t.Errorf("bought twice: %v", twice)
	}
	if books.billed != result.Money.Billed {
		t.Errorf("the provider billed %s, the report says %s", books.billed, result.Money.Billed)
	}
	states := h.states("table")
	for _, r := range rows {
		got := books.of(jobName(r))
		if len(got) != r.requests || states[jobName(r)] != string(r.state) {
			t.Errorf("%s: %d requests and %s, want %d and %s", r.name, len(got), states[jobName(r)], r.requests, r.state)
			continue
		}
		for i, bound := range r.apart {
			if gap := got[i+1].At.Sub(got[i].At); gap < bound[0] || gap > bound[1] {
				t.Errorf("%s: request %d came %s after the one before, want %s to %s", r.name, i+2, gap, bound[0], bound[1])
			}
		}
	}
}

func jobName(r row) string { return "row " + r.name }

// TestARefusedKeyStopsTheNight: 401 and 403 stop it after one request, however
// many jobs are waiting. None of them is at fault: all are parked, and a run with
// a key that works sends them.
func TestARefusedKeyStopsTheNight(t *testing.T) {
	t.Parallel()
	for _, code := range []int{401, 403} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
				o.Faults = []simulator.Rule{{Match: "*", Kind: simulator.KindStatus, Status: code}}
			}})
			h.worker()
			d := h.starter("run", "--json", h.manifest("refused", 40, ""))
			if n := len(h.books().posts); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
			if d.code != batch.ExitAudit {
				t.Errorf("exit %d, want %d: nothing could be judged\n%s\n%s", d.code, batch.ExitAudit, d.out, d.stderr)
			}
			r := d.result(t)
			if r.Jobs.Parked != 40 {
				t.Errorf("jobs: %+v", r.Jobs)
			}
			if !strings.Contains(fmt.Sprint(r.Audit.Findings), "key") {
				t.Errorf("no finding blames the key: %+v", r.Audit.Findings)
			}
		})
	}
}

// TestOutOfCreditsInMidNight: 402 holds the gate; when credits are back the
// night goes on.
func TestOutOfCreditsInMidNight(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		o.Faults = []simulator.Rule{{Match: "Job 001", Kind: simulator.KindStatus, Status: 402, Times: 1}}
	}})
	h.worker()
	d := h.starter("run", "--json", h.manifest("held", 3, ""))
	if d.code != 0 {
		t.Fatalf("exit %d\n%s\n%s", d.code, d.out, d.stderr)
	}
	books := h.books()
	if n := len(books.of("Job 001")); n != 2 || len(books.posts) != 4 {
		t.Errorf("%d requests for the refused job, %d in all, want 2 and 4", n, len(books.posts))
	}
}

// TestTheProviderIsDown: nothing answers at the address. The preflight says so
// and nothing is planned to be spent.
func TestTheProviderIsDown(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	h.worker("SWARMS_BASE_URL=http://127.0.0.1:9") // the discard port: nobody listens
	d := h.starter("run", h.manifest("down", 3, ""))
	if d.code != batch.ExitOutOfReach || !strings.Contains(d.stderr, "127.0.0.1:9") {
		t.Errorf("exit %d, want %d\n%s", d.code, batch.ExitOutOfReach, d.stderr)
	}
}
