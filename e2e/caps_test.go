package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
	"github.com/offpeak/offpeak/tariff"
)

// TestARunaway: ten thousand jobs that say they use next to nothing, a cap of
// five dollars. The provider's own books stay at or under it, the night says
// which cap was reached, and exits 4.
func TestARunaway(t *testing.T) {
	t.Parallel()
	const jobs, limit = 10_000, 5 * money.Dollar
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		o.Card = tariff.Swarms()
		o.Card.PerAgent = 100 // the real fee alone is above five dollars for so many jobs, which the plan refuses
		o.Accounts[0].Limits = &simulator.Limits{}
	}})
	h.worker()
	var lines strings.Builder
	for i := range jobs {
		fmt.Fprintf(&lines, `{"name": "Job %05d", "task": "Summarize item %d.", "expect": {"input_tokens": 1, "output_tokens": 1}}`+"\n", i, i)
	}
	h.file("runaway.jsonl", lines.String())
	path := h.file("runaway.yaml", "name: runaway\n"+h.terms("budget: {per_job: 1.00, batch: 5.00}\njobs_from: runaway.jsonl\n")+
		"defaults: {agents: [{agent_name: A, model_name: gpt-4o-mini, max_tokens: 256}, {agent_name: B, model_name: gpt-4o, max_tokens: 256}]}\n")
	began := time.Now()
	d := h.starter("run", "--json", path)
	t.Logf("%s: %s", time.Since(began).Round(time.Second), tail(d.stderr, 3))
	if d.code != batch.ExitMoney {
		t.Fatalf("exit %d, want %d\n%s\n%s", d.code, batch.ExitMoney, d.out, tail(d.stderr, 20))
	}
	r, billed := d.result(t), h.sim.Books().Totals().Billed
	if billed > limit || billed < limit-10*money.Cent || r.Money.Billed != billed {
		t.Errorf("the provider billed %s under a cap of %s; the report says %s", billed.Dollars(), limit.Dollars(), r.Money.Billed.Dollars())
	}
	if r.Jobs.Skipped == 0 || r.Jobs.Succeeded+r.Jobs.Skipped != jobs || !r.Audit.Passed {
		t.Errorf("jobs: %+v, audit %+v", r.Jobs, r.Audit)
	}
	for _, says := range []string{fmt.Sprintf("%d jobs were skipped", r.Jobs.Skipped), "the batch's cap of $5.00", billed.Dollars() + " charged"} {
		if !strings.Contains(r.Budget, says) {
			t.Errorf("%q isn't said in %q", says, r.Budget)
		}
	}
	if report := h.starter("report", string(r.Batch)); report.code != batch.ExitMoney || !strings.Contains(report.out, "for want of budget") {
		t.Errorf("report: exit %d\n%s", report.code, report.out)
	}
}

// TestPauseAndStop: two workers; from a second after the command returned no
// request arrives at the provider, until someone has the night go on.
func TestPauseAndStop(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
		slowly(o)
		o.Accounts[0].Limits = &simulator.Limits{}
	}})
	h.worker()
	h.worker()
	path := h.manifest("steered", 900, "")
	follow := h.start("starter", nil, "run", "--json", path)
	id := "steered/" + string(h.night())
	for i, c := range []struct{ hold, release []string }{
		{[]string{"pause", id, "--why", "look"}, []string{"resume", id}},
		{[]string{"stop", "--all", "--why", "look"}, []string{"go", "--all"}},
	} {
		h.awaitPosts(len(h.books().posts) + 40)
		if d := h.starter(c.hold...); d.code != 0 {
			t.Fatalf("%v: exit %d\n%s%s", c.hold, d.code, d.out, d.stderr)
		}
		held := time.Now()
		if i == 0 {
			if d := h.starter("status", id); d.code != 0 || !strings.Contains(d.out, "paused") || !strings.Contains(d.out, "look") {
				t.Errorf("status while paused: exit %d\n%s", d.code, d.out)
			}
		}
		quiet := time.NewTimer(4 * time.Second) // long enough for a hundred sends
		<-quiet.C
		released := time.Now()
		if d := h.starter(c.release...); d.code != 0 {
			t.Fatalf("%v: exit %d\n%s%s", c.release, d.code, d.out, d.stderr)
		}
		all, after := h.books().posts, 0
		for _, p := range all {
			if p.At.After(held.Add(time.Second)) && p.At.Before(released) {
				after++
			}
		}
		if after > 0 {
			t.Errorf("%d requests arrived later than a second after %v returned", after, c.hold)
		}
		if len(all) >= 900 {
			t.Fatalf("all %d jobs were sent before %v: the test shows nothing", len(all), c.hold)
		}
	}
	<-follow.ended
	h.wantWhole("steered", 900, follow.cmd.ProcessState.ExitCode(), follow)
	h.record("nightly/"+id, "nightly-steered")
}
