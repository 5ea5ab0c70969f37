package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// death is one way in which a batch request of ten comes to nothing.
type death struct {
	name string // of the night
	rule simulator.Rule
	ran  bool // the work was done, and billed
}

var deaths = []death{
	{"refused-inside", simulator.Rule{Kind: simulator.KindStatus, Status: 500}, false},
	{"reset-early", simulator.Rule{Kind: simulator.KindReset}, false},
	{"silent-early", simulator.Rule{Kind: simulator.KindHang}, false},
	{"answer-lost", simulator.Rule{Kind: simulator.KindStatus, Status: 500, AfterWork: true}, true},
	{"reset-late", simulator.Rule{Kind: simulator.KindReset, AfterWork: true}, true},
	{"cut-short", simulator.Rule{Kind: simulator.KindTruncate}, true},
	{"gateway", simulator.Rule{Kind: simulator.KindHTML502, AfterWork: true}, true},
	{"silent-late", simulator.Rule{Kind: simulator.KindHang, AfterWork: true}, true},
}

// TestABatchThatDies: nights of ten jobs in one request of the batch endpoint,
// each of which dies at another point. Where the provider's log holds such
// runs, every job ends done: found, or provably not run and sent again, once.
// Where it doesn't, all ten are named as unknown and never sent again.
func TestABatchThatDies(t *testing.T) {
	t.Parallel()
	for name, unlogged := range map[string]bool{"logged": false, "not logged": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, want{opens: -time.Minute, sim: func(o *simulator.Options) {
				o.Switches.BatchUnlogged = unlogged
				for _, d := range deaths {
					d.rule.Match, d.rule.Endpoint = d.name+" ", swarms.PathBatch
					o.Faults = append(o.Faults, d.rule)
				}
			}})
			h.worker()
			h.learn(unlogged)
			nights := map[string]*proc{}
			for _, d := range deaths {
				nights[d.name] = h.start("starter", nil, "run", "--json", h.together(d.name, 10, "batch"))
			}
			for _, d := range deaths {
				p := nights[d.name]
				<-p.ended
				known := !unlogged
				code, want := batch.ExitDone, batch.Counts{Total: 10, Succeeded: 10}
				if !known {
					code, want = batch.ExitAudit, batch.Counts{Total: 10, Unknown: 10}
				}
				if got := p.cmd.ProcessState.ExitCode(); got != code {
					t.Errorf("%s: exit %d, want %d\n%s", d.name, got, code, tail(p.text(), 30))
				}
				r := h.starter("report", "--json", d.name).result(t)
				if r.Jobs != want || r.Audit.Passed != known {
					t.Errorf("%s: %+v, want %+v", d.name, r.Jobs, want)
				}
				if !known {
					h.wantFinding(r, batch.OutcomesUnknown, nil)
				}
				h.wantOnce(d, known, r.Money.Billed)
			}
			if twice := h.books().boughtTwice(); len(twice) > 0 {
				t.Errorf("bought twice: %v", twice)
			}
		})
	}
}

// learn runs nights that prove the key and let auto find out what the log
// holds: of the first one group goes together; the next goes by what it showed.
func (h *house) learn(unlogged bool) {
	h.t.Helper()
	for _, night := range []struct {
		name     string
		together int
	}{{"first", 10}, {"second", 25}} {
		if d := h.starter("run", "--json", h.together(night.name, 25, "auto")); d.code != 0 {
			h.t.Fatalf("%s: exit %d\n%s\n%s", night.name, d.code, d.out, d.stderr)
		}
		together, single := h.sent(night.name)
		if together != night.together || single != 25-night.together {
			h.t.Errorf("%s: %d jobs in batch requests and %d alone, want %d and the rest", night.name, together, single, night.together)
		}
		if unlogged {
			return // a minute would have to pass before its silence counts
		}
	}
}

// together writes a manifest of n small jobs, "NAME 0" and so on.
func (h *house) together(name string, n int, mode string) string {
	h.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\n%s", name, h.terms(fmt.Sprintf("policy: {request_timeout: 5s, log_lag: 1s, mode: %s}\n", mode)))
	b.WriteString("defaults: {swarm_type: SequentialWorkflow, agents: [{agent_name: Scanner, model_name: gpt-4o-mini, max_tokens: 256}]}\njobs:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: %s %d, task: \"Summarize item %d.\"}\n", name, i, i)
	}
	return h.file(name+".yaml", b.String())
}

// sent counts a night's jobs by how they were sent.
func (h *house) sent(name string) (together, single int) {
	for _, a := range h.books().posts {
		switch {
		case !strings.HasPrefix(a.Name, name+" "):
		case a.Item:
			together++
		default:
			single++
		}
	}
	return together, single
}

// wantOnce compares a night with the provider's own books.
func (h *house) wantOnce(d death, known bool, billed money.USD) {
	h.t.Helper()
	together, single := h.sent(d.name)
	again := 0
	if known && !d.ran {
		again = 10
	}
	if together != 10 || single != again {
		h.t.Errorf("%s: %d jobs in batch requests and %d alone, want 10 and %d", d.name, together, single, again)
	}
	runs, theirs := 0, money.USD(0)
	for _, a := range h.books().posts {
		if strings.HasPrefix(a.Name, d.name+" ") && a.Executed {
			runs++
			theirs += a.Billed
		}
	}
	if want := d.ran || known; want && runs != 10 || !want && runs != 0 {
		h.t.Errorf("%s: %d runs", d.name, runs)
	}
	if known && billed != theirs {
		h.t.Errorf("%s: the provider billed %s, the report says %s", d.name, theirs, billed)
	}
}
