package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

// oneInTwenty is how often each way to lose an answer happens to a job's first
// request.
var oneInTwenty = simulator.Certain / 20

// lose is each way to lose an answer, one in twenty each: with the work done
// and billed first, or not done at all.
func lose(billed bool) []simulator.Rule {
	rules := []simulator.Rule{
		{Kind: simulator.KindStatus, Status: 500},
		{Kind: simulator.KindHTML502},
		{Kind: simulator.KindStatus, Status: 503},
		{Kind: simulator.KindStatus, Status: 504},
		{Kind: simulator.KindStatus, Status: 200}, // says that the run failed
		{Kind: simulator.KindHang},
		{Kind: simulator.KindReset},
	}
	if billed {
		rules = append(
			rules,
			simulator.Rule{Kind: simulator.KindTruncate},
			simulator.Rule{Kind: simulator.KindBadJSON},
			simulator.Rule{Kind: simulator.KindLostUsage},
			simulator.Rule{Kind: simulator.KindLostBilling},
			simulator.Rule{Kind: simulator.KindHuge},
		)
	} else { // a good status is written when the run has ended: these have another
		rules = append(
			rules,
			simulator.Rule{Kind: simulator.KindTruncate, Status: 502},
			simulator.Rule{Kind: simulator.KindBadJSON, Status: 500},
			simulator.Rule{Kind: simulator.KindHuge, Status: 503},
		)
	}
	for i := range rules {
		r := &rules[i]
		r.Match, r.Attempts, r.Probability = "*", simulator.Attempts{From: 1, To: 1}, &oneInTwenty
		r.AfterWork = billed && (r.Kind == simulator.KindStatus || r.Kind == simulator.KindHTML502 || r.Kind == simulator.KindHang || r.Kind == simulator.KindReset)
	}
	return rules
}

// lossy is a night in which answers are lost.
type lossy struct {
	jobs  int
	lag   time.Duration // the provider's log is up to this late, each row by another time
	kills int           // of the worker, in mid-request
	store string
}

// policy lets the log be late, and has a request wait long enough for a busy
// machine.
func (l lossy) policy(h *house) string {
	return fmt.Sprintf("policy: {request_timeout: 8s, log_lag: %s, mode: single}\nbudget: {per_job: 5.00, batch: 1000000.00}\n", l.lag+time.Second)
}

// losing writes a manifest of many small jobs in a file beside it.
func (h *house) losing(name string, jobs int, policy string) string {
	h.t.Helper()
	var b strings.Builder
	for i := range jobs {
		fmt.Fprintf(&b, "{\"name\": \"Job %05d\", \"task\": \"Summarize item %d, %s.\"}\n", i, i, secretPrompt)
	}
	h.file(name+".jsonl", b.String())
	return h.file(name+".yaml", "name: "+name+"\n"+h.terms(policy)+
		"defaults:\n  swarm_type: SequentialWorkflow\n  agents:\n    - {agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}\n"+
		"jobs_from: "+filepath.Join(h.dir, name+".jsonl")+"\n")
}

// lostAnswers runs a night in which every way to lose an answer happens after
// the work was billed, and the worker is killed in mid-request: nothing is
// bought twice, nothing is lost, and each charge is the provider's to the
// micro-dollar.
func lostAnswers(t *testing.T, l lossy) {
	h := open(t, want{opens: -time.Minute, store: l.store, sim: func(o *simulator.Options) {
		unlimited(o)
		slowly(o) // long enough to be killed in
		o.Switches.LogSpread = simulator.Duration(l.lag)
		o.Faults = lose(true)
	}})
	path := h.losing("lost-answers", l.jobs, l.policy(h))
	worker := h.worker()
	began := time.Now()
	follow := h.start("starter", nil, "run", "--json", path)
	died := map[string]ledger.Job{}
	for i := range l.kills {
		h.awaitArrivals(l.jobs * (i + 1) / (l.kills + 2))
		h.awaitMidRequest(1) // so many errors that no more than two may be under way at once
		worker.kill()
		left := h.sending("lost-answers")
		if len(left) == 0 {
			t.Errorf("kill %d: nothing was in flight: it proves nothing", i+1)
		}
		for id, j := range left {
			died[id] = j
		}
		worker = h.worker()
	}
	<-follow.ended
	took := time.Since(began)
	h.wantWhole("lost-answers", l.jobs, follow.cmd.ProcessState.ExitCode(), follow)
	h.wantRecorded(h.batchID("lost-answers"))
	lost := h.wantEachPaidOnce("lost-answers", l.jobs)
	h.row(h.tally("lost-answers", died, took, fmt.Sprintf("%d answers lost, log up to %s late, %d kills", lost, l.lag, l.kills)))
	h.wantAllKinds(lose(true))
}

// TestLostAnswers is a small such night.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	lostAnswers(t, lossy{jobs: 300, lag: 2 * time.Second, kills: 2})
}

// TestScaleLostAnswers: 2,000 jobs, a log up to half a minute late and five
// kills on each store at full size, once: a night takes minutes.
func TestScaleLostAnswers(t *testing.T) {
	t.Parallel()
	if !scaleFull { // on the store that TestLostAnswers leaves out
		needPostgres(t)
		lostAnswers(t, lossy{jobs: 300, lag: 3 * time.Second, kills: 1, store: pgtest.Database(t)})
		return
	}
	onEachStore(t, func(t *testing.T, fresh func(*testing.T) string) {
		lostAnswers(t, lossy{jobs: 2000, lag: 30 * time.Second, kills: 5, store: fresh(t)})
	})
}

// TestLostRequests: the same, and no work was done: each such job is sent
// again exactly once, and all end done.
func TestLostRequests(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		unlimited(o)
		o.Faults = lose(false)
	}})
	l := lossy{jobs: 300, lag: time.Second}
	h.worker()
	follow := h.start("starter", nil, "run", "--json", h.losing("lost-requests", l.jobs, l.policy(h)))
	<-follow.ended
	h.wantWhole("lost-requests", l.jobs, follow.cmd.ProcessState.ExitCode(), follow)
	h.wantRecorded(h.batchID("lost-requests"))
	h.wantAllKinds(lose(false))
	sent := map[string][]simulator.Arrival{}
	for _, p := range h.books().posts {
		sent[p.RequestID] = append(sent[p.RequestID], p)
	}
	if len(sent) != l.jobs {
		t.Errorf("%d jobs were sent, want %d", len(sent), l.jobs)
	}
	for _, all := range sent {
		want := 1
		if all[0].Fault != "" {
			want = 2
		}
		if last := all[len(all)-1]; len(all) != want || last.Fault != "" || !last.Executed {
			t.Errorf("%s was sent %d times, want %d: the first met %q, the last %q and ran: %t", all[0].Name, len(all), want, all[0].Fault, last.Fault, last.Executed)
		}
	}
}

// awaitMidRequest waits until at least n runs are under way at the provider:
// arrived, not answered, and no fault has taken their answer.
func (h *house) awaitMidRequest(n int) {
	h.t.Helper()
	h.awaitBooks(func(b *simulator.Books) bool {
		under := 0
		for a := range b.Arrivals() {
			if strings.HasSuffix(a.Path, "/completions") && a.Status == 0 && !a.Executed {
				under++
			}
		}
		return under >= n
	})
}

// wantEachPaidOnce compares the books with the provider's, job by job, and is
// how many answers were lost.
func (h *house) wantEachPaidOnce(name string, jobs int) (lost int) {
	h.t.Helper()
	l := h.ledger()
	defer l.Close()
	charged := map[string]money.USD{}
	err := l.Charges(h.t.Context(), h.batchID(name), func(c ledger.Charge) error {
		charged[c.RequestID] += c.Total
		if c.Source == ledger.FromCeiling {
			h.t.Errorf("%s is charged at its ceiling: nobody found its price", c.Name)
		}
		if c.Source != ledger.FromAnswer {
			lost++
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	all := h.jobs(l, h.batchID(name))
	if len(all) != jobs {
		h.t.Errorf("%d jobs in the books, want %d", len(all), jobs)
	}
	for _, j := range all {
		if n := h.sim.Books().Executions(j.RequestID); n != 1 || j.State != batch.Succeeded {
			h.t.Errorf("%s ran %d times and ends %s", j.Name, n, j.State)
		}
		if billed := h.sim.Books().BilledFor(j.RequestID); charged[j.RequestID] != billed {
			h.t.Errorf("%s is charged %s in the books, and was billed %s", j.Name, charged[j.RequestID], billed)
		}
	}
	return lost
}

// wantAllKinds wants each of the faults to have happened.
func (h *house) wantAllKinds(rules []simulator.Rule) {
	h.t.Helper()
	happened := map[string]int{}
	for fault, n := range h.sim.Books().Totals().Faults {
		for part := range strings.SplitSeq(fault, "+") {
			happened[part] += n
		}
	}
	if len(happened) != len(rules) {
		h.t.Errorf("%d kinds of faults happened, want %d: %v", len(happened), len(rules), happened)
	}
}
