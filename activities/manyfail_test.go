package activities_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// inBatch is a fault of the batch endpoint alone, for job-3.
func inBatch(r simulator.Rule) simulator.Rule {
	r.Match, r.Endpoint = "job-3 ", swarms.PathBatch
	return r
}

// A request of ten that dies at each possible point, with its runs in the log
// and not, and with that known before and not: nothing is bought twice, nothing
// is lost, and what can't be told is named.
func TestABatchDies(t *testing.T) {
	for _, d := range []struct {
		name string
		rule simulator.Rule
		ran  bool
	}{
		{"500 before the work", simulator.Rule{Kind: simulator.KindStatus, Status: 500}, false},
		{"500 after it", simulator.Rule{Kind: simulator.KindStatus, Status: 500, AfterWork: true}, true},
		{"502 in HTML before it", simulator.Rule{Kind: simulator.KindHTML502}, false},
		{"502 in HTML after it", simulator.Rule{Kind: simulator.KindHTML502, AfterWork: true}, true},
		{"504 after it", simulator.Rule{Kind: simulator.KindStatus, Status: 504, AfterWork: true}, true},
		{"reset before it", simulator.Rule{Kind: simulator.KindReset}, false},
		{"reset after it", simulator.Rule{Kind: simulator.KindReset, AfterWork: true}, true},
		{"silence before it", simulator.Rule{Kind: simulator.KindHang}, false},
		{"silence after it", simulator.Rule{Kind: simulator.KindHang, AfterWork: true}, true},
		{"cut short", simulator.Rule{Kind: simulator.KindTruncate}, true},
		{"not JSON", simulator.Rule{Kind: simulator.KindBadJSON}, true},
		{"an error behind a 200", simulator.Rule{Kind: simulator.KindStatus, Status: 200}, false},
		{"an error behind a 200 after it", simulator.Rule{Kind: simulator.KindStatus, Status: 200, AfterWork: true}, true},
		{"a 500 that is cut short", simulator.Rule{Kind: simulator.KindTruncate, Status: 500, AfterWork: true}, true},
		{"500 that wraps a 400", simulator.Rule{Kind: simulator.KindStatus, Status: 500, Detail: "400: bad swarm"}, false},
		{"500 that wraps a 402", simulator.Rule{Kind: simulator.KindStatus, Status: 500, Detail: "402: Insufficient credits", AfterWork: true}, true},
	} {
		for _, l := range []struct {
			name     string
			unlogged bool
			known    ledger.BatchLog
		}{{"logged and known to be", false, ledger.BatchLogYes}, {"logged", false, ""}, {"not logged", true, ""}, {"known not to be logged", true, ledger.BatchLogNo}} {
			t.Run(d.name+", "+l.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(o *simulator.Options) { o.Switches.BatchUnlogged = l.unlogged })
				policy := ""
				if d.rule.Kind == simulator.KindHang {
					policy = `"policy": {"request_timeout": "1s"},`
				}
				w.faults(inBatch(d.rule)).planned(manifest(10, policy)).proven()
				if l.known != "" {
					w.logsBatches(l.known)
				}
				sent, m := w.clock.Now(), w.many(upTo(10)...)
				// Only an answer that came behind the work says that all of it is over.
				over := d.rule.Kind == simulator.KindBadJSON || d.rule.Kind == simulator.KindTruncate && d.rule.Status == 0
				for seq := range 10 {
					if j := w.job(seq); j.State != batch.Unknown || !j.Doubt.Batched || j.Doubt.Billed || j.Doubt.Answered != over {
						t.Errorf("%s is %s with %+v", j.Name, j.State, j.Doubt)
					}
				}
				ends := map[int]batch.Outcome{}
				for _, seq := range m.Left {
					ends[seq], _ = w.send(seq)
				}
				if posts, unsure := w.posts(), w.plan.Policy.RequestTimeout+w.plan.Policy.LogLag; len(posts) > 0 && posts[0].At.Before(sent.Add(unsure)) {
					t.Errorf("sent again after %s: it may have run for %s", posts[0].At.Sub(sent), unsure)
				}
				if len(m.Left) != 10 || m.Singly != "" || !slices.Equal(w.groups(), []int{10}) {
					t.Errorf("%+v in %v", m, w.groups())
				}
				found := d.ran && !l.unlogged
				again := !d.ran && l.known == ledger.BatchLogYes
				singles, state := 0, batch.Unknown
				if again {
					singles = 10
				}
				if found || again {
					state = batch.Succeeded
				}
				for _, o := range ends {
					if o.State != state || state == batch.Unknown && o.Why == "" {
						t.Errorf("%+v, want it %s", o, state)
					}
				}
				if n := len(w.posts()); n != singles {
					t.Errorf("%d single requests, want %d", n, singles)
				}
				if ran, want := w.once(10), 10; ran != want && (d.ran || again) || ran > 0 && !d.ran && !again {
					t.Errorf("%d runs", ran)
				}
				if found && w.batchLog() != ledger.BatchLogYes {
					t.Errorf("a batch run was found in the log, and the books say %q of it", w.batchLog())
				}
				_, err := w.audit()
				if state == batch.Succeeded {
					if err != nil {
						t.Error(err)
					}
					w.honest()
					return
				}
				if kindOf(t, err) != batch.OutcomesUnknown || !strings.Contains(err.Error(), "10 jobs") {
					t.Errorf("the audit says %v", err)
				}
				w.discreet()
			})
		}
	}
}

// An answer that fails some of its items.
func TestBatchItems(t *testing.T) {
	for _, d := range []struct {
		name string
		rule simulator.Rule
		ran  bool
		from ledger.Source // of the charge, without a log of such
	}{
		{"missing, not run", simulator.Rule{Kind: simulator.KindItemMissing}, false, ""},
		{"missing after the work", simulator.Rule{Kind: simulator.KindItemMissing, AfterWork: true}, true, ""},
		{"an error, not run", simulator.Rule{Kind: simulator.KindItemError}, false, ""},
		{"an error after the work", simulator.Rule{Kind: simulator.KindItemError, AfterWork: true}, true, ""},
		{"no usage", simulator.Rule{Kind: simulator.KindLostUsage}, true, ledger.FromCeiling},
		{"twice", simulator.Rule{Kind: simulator.KindItemDuplicate}, true, ledger.FromAnswer},
		{"10 MB", simulator.Rule{Kind: simulator.KindHuge}, true, ledger.FromAnswer},
	} {
		for name, unlogged := range map[string]bool{"logged": false, "not logged": true} {
			t.Run(d.name+", "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(o *simulator.Options) { o.Switches.BatchUnlogged = unlogged })
				w.faults(inBatch(d.rule)).planned(manifest(10, "")).proven()
				_, ends := w.whole(upTo(10)...)
				singles := 0
				if !d.ran && !unlogged {
					singles = 1 // the other nine showed what the log holds
				}
				state := batch.Succeeded
				if unlogged && d.from == "" {
					state = batch.Unknown
				}
				if ends[3].State != state || len(w.posts()) != singles {
					t.Errorf("%+v after %d single requests, want %s after %d", ends[3], len(w.posts()), state, singles)
				}
				for seq, o := range ends {
					if seq != 3 && o.State != batch.Succeeded {
						t.Errorf("%+v", o)
					}
				}
				ran := 9
				if d.ran || singles == 1 {
					ran = 10
				}
				if got := w.once(10); got != ran {
					t.Errorf("%d runs, want %d", got, ran)
				}
				want := ledger.BatchLogYes
				if unlogged && state == batch.Unknown {
					want = ledger.BatchLogNo // looked for long enough to know
				}
				if l := w.batchLog(); l != want && (!unlogged || state == batch.Unknown) && d.from != ledger.FromAnswer {
					t.Errorf("the books say %q of the log, want %q", l, want)
				}
				if state == batch.Succeeded && (!unlogged || d.from == ledger.FromAnswer) {
					w.honest()
				} else {
					w.discreet()
				}
			})
		}
	}
}

// A refusal of the whole request says that nothing ran, and not which job is
// to blame: each goes on alone.
func TestABatchIsRefused(t *testing.T) {
	for _, d := range []struct {
		name   string
		rule   simulator.Rule
		singly string
	}{
		{"400", simulator.Rule{Kind: simulator.KindStatus, Status: 400}, ""},
		{"404", simulator.Rule{Kind: simulator.KindStatus, Status: 404}, "HTTP 404"},
		{"405", simulator.Rule{Kind: simulator.KindStatus, Status: 405}, "HTTP 405"},
		{"409", simulator.Rule{Kind: simulator.KindStatus, Status: 409}, ""},
		{"413", simulator.Rule{Kind: simulator.KindStatus, Status: 413}, ""},
		{"422", simulator.Rule{Kind: simulator.KindStatus, Status: 422}, ""},
		{"403 for want of premium", simulator.Rule{Kind: simulator.KindStatus, Status: 403}, "premium"},
		{"403 of a firewall", simulator.Rule{Kind: simulator.KindStatus, Status: 403, Detail: "Forbidden"}, "HTTP 403"},
		{"500 that wraps the 403", simulator.Rule{Kind: simulator.KindStatus, Status: 500, Detail: "403: This endpoint needs a premium plan"}, "premium"},
		{"402", simulator.Rule{Kind: simulator.KindStatus, Status: 402}, ""},
		{"429", simulator.Rule{Kind: simulator.KindRate429, RetryAfter: "7"}, ""},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil).faults(inBatch(d.rule)).planned(manifest(6, "")).proven()
			m, err := w.hands.SubmitBatch(t.Context(), w.submitMany(upTo(6)...))
			if err != nil || len(m.Left) != 6 {
				t.Fatalf("%+v, %v", m, err)
			}
			if !strings.Contains(m.Singly, d.singly) || (m.Singly == "") != (d.singly == "") {
				t.Errorf("singly because %q, want %q", m.Singly, d.singly)
			}
			for seq := range 6 {
				if j := w.job(seq); j.State != batch.Reserved || j.Tries != 0 {
					t.Errorf("%s is %s after %d tries", j.Name, j.State, j.Tries)
				}
			}
			refused := w.clock.Now()
			for seq := range 6 {
				if out, _ := w.send(seq); out.State != batch.Succeeded {
					t.Errorf("%+v", out)
				}
			}
			if first := w.posts()[0].At; d.name == "429" && first.Before(refused.Add(7*time.Second)) {
				t.Errorf("sent %s after a 429 that asked for 7 s", first.Sub(refused))
			}
			if w.once(6) != 6 || len(w.posts()) != 6 || !slices.Equal(w.groups(), []int{6}) {
				t.Errorf("%d single requests, groups of %v", len(w.posts()), w.groups())
			}
			w.honest()
		})
	}
}

// Nothing is there at all: what is in the books is neither sent nor lost.
func TestABatchMeetsAnEndpointThatIsNotBuilt(t *testing.T) {
	w := newWorld(t, nil).faults(inBatch(simulator.Rule{Kind: simulator.KindStatus, Status: http.StatusNotImplemented})).planned(manifest(5, "")).proven().logsBatches(ledger.BatchLogYes)
	m, ends := w.whole(upTo(5)...)
	if !strings.Contains(m.Singly, "HTTP 501") || len(ends) != 5 || w.once(5) != 5 || len(w.posts()) != 5 {
		t.Errorf("%+v, then %+v", m, ends)
	}
	w.honest()
}

// An account of the free tier, and a server that takes five at a time: the real
// refusals of the simulator.
func TestABatchThatMayNotBe(t *testing.T) {
	for name, change := range map[string]func(*simulator.Options){
		"free tier":       func(o *simulator.Options) { o.Accounts[0].Tier = simulator.TierFree },
		"free, old words": func(o *simulator.Options) { o.Accounts[0].Tier, o.Switches.Premium403 = simulator.TierFree, "detail" },
		"five at most":    func(o *simulator.Options) { o.Switches.BatchCap = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, change).planned(manifest(10, "")).proven()
			m, ends := w.whole(upTo(10)...)
			if m.Singly == "" || len(m.Left) != 10 || len(ends) != 10 || w.once(10) != 10 || len(w.groups()) != 1 {
				t.Errorf("%+v, then %+v", m, ends)
			}
			w.honest()
		})
	}
}

// A refused key: all are parked, and nothing more is sent.
func TestABatchWithARefusedKey(t *testing.T) {
	w := newWorld(t, nil).faults(inBatch(simulator.Rule{Kind: simulator.KindStatus, Status: 401})).planned(manifest(6, "")).proven()
	_, ends := w.whole(upTo(6)...)
	count := map[batch.State]int{}
	for _, o := range ends {
		count[o.State]++
	}
	if count[batch.Parked] != 6 || len(w.posts()) != 0 || len(w.groups()) != 1 {
		t.Errorf("%v after %d single requests", count, len(w.posts()))
	}
	w.honest()
}
