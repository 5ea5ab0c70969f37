package activities_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// Rules of a night in which nothing else is answered.
var (
	lateLog     = func(o *simulator.Options) { o.Switches.LogLag = simulator.Duration(time.Hour) }
	emptyLog    = func(o *simulator.Options) { o.Switches.LogDrop = simulator.Certain }
	creditsDown = simulator.Rule{Match: "*", Endpoint: swarms.PathCredits, Kind: simulator.KindStatus, Status: 503}
)

// didntRun: a 503 before any work.
func didntRun(job string) simulator.Rule {
	return simulator.Rule{Match: job, Kind: simulator.KindStatus, Status: 503, Attempts: firstTry}
}

// stays wants the jobs to stay unknown, for a reason that says so, and nothing
// to be sent twice; the audit names them. The night is nearly over.
func (w *world) stays(say string, seqs ...int) {
	w.Helper()
	w.at(w.plan.Start.Span.Deadline.Add(-5 * time.Minute))
	posts := len(w.posts())
	for _, seq := range seqs {
		if out, _ := w.send(seq); out.State != batch.Unknown || !strings.Contains(out.Why, say) {
			w.Errorf("job %d: %+v, want it unknown: %q", seq, out, say)
		}
	}
	if n := len(w.posts()); n != posts {
		w.Errorf("%d requests, %d before", n, posts)
	}
	if _, err := w.audit(); kindOf(w.T, err) != batch.OutcomesUnknown {
		w.Errorf("the audit says %v", err)
	}
}

// wonders wants what is in doubt to be looked for half an hour later, and
// nothing to come of it, for a reason that says so.
func (w *world) wonders(say string, seqs ...int) {
	w.Helper()
	_ = w.clock.Wait(w.Context(), 30*time.Minute)
	for _, seq := range seqs {
		if _, err := w.hands.SubmitSwarm(w.Context(), w.submit(seq)); kindOf(w.T, err) != batch.OutcomeUnknown || !strings.Contains(w.job(seq).Why, say) {
			w.Errorf("job %d: %v, %q, want %q", seq, err, w.job(seq).Why, say)
		}
	}
}

// lost sends a job whose answer gets lost, and leaves it in doubt.
func (w *world) lost(seqs ...int) {
	w.Helper()
	was := w.jitter
	w.jitter = func(most time.Duration) time.Duration { return most - time.Millisecond } // too long to wait for it in process
	for _, seq := range seqs {
		if _, err := w.hands.SubmitSwarm(w.Context(), w.submit(seq)); kindOf(w.T, err) != batch.OutcomeUnknown {
			w.Fatal(err)
		}
	}
	w.jitter = was
}

// The only job of a night loses its answer, and ran: no log, however late,
// makes it be bought again. When the log shows it, it is found.
func TestOneJobWithoutAWitness(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*simulator.Options)
		lost   simulator.Rule
		also   []simulator.Rule
		say    string
		found  bool // when the log shows it
	}{
		"a log that is an hour late":  {lateLog, lostAnswer("job-0"), nil, "the credits fell by $0.06725 that nothing accounts for", true},
		"unanswered":                  {lateLog, simulator.Rule{Match: "job-0", Kind: simulator.KindReset, AfterWork: true, Attempts: firstTry}, nil, "the credits fell by $0.06725", true},
		"a log that never shows it":   {emptyLog, lostAnswer("job-0"), nil, "the credits fell by $0.06725", false},
		"a row that is lost":          {nil, lostAnswer("job-0"), []simulator.Rule{{Match: "job-0", Kind: simulator.KindGhost}}, "the credits fell by $0.06725", false},
		"credits that are down, too":  {lateLog, lostAnswer("job-0"), []simulator.Rule{creditsDown}, "shows nothing that ended later, so that it may be behind; the credits don't tell: they can't be read", true},
		"credits topped up meanwhile": {lateLog, lostAnswer("job-0"), nil, "they fell by $100.00 less than was charged", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.change).planned(manifest(1, ""))
			w.faults(append(c.also, c.lost)...)
			w.lost(0)
			if name == "credits topped up meanwhile" {
				more := 1100 * money.Dollar
				if err := w.api.SetAccount("test", "", &more, nil); err != nil {
					t.Fatal(err)
				}
			}
			w.wonders(c.say, 0)
			if !c.found {
				w.stays(c.say, 0)
				return
			}
			if out, _ := w.send(0); out.State != batch.Succeeded || len(w.posts()) != 1 || w.clock.Now().Before(nine.Add(time.Hour)) {
				t.Errorf("%+v after %d requests", out, len(w.posts()))
			}
			w.honest()
		})
	}
}

// It didn't run. Then it is sent again as soon as the credits say so, and not
// before somebody does.
func TestNothingWasBilled(t *testing.T) {
	t.Run("the credits say so", func(t *testing.T) {
		w := newWorld(t, nil).faults(didntRun("job-0")).planned(manifest(1, ""))
		out, _ := w.send(0)
		at := w.sent("job-0")
		if out.State != batch.Succeeded || len(at) != 2 || at[1].Sub(at[0]) > 3*time.Minute {
			t.Errorf("%+v, sent at %v", out, at)
		}
		w.honest()
	})
	t.Run("also after others were charged", func(t *testing.T) {
		w := newWorld(t, nil).faults(didntRun("job-2")).planned(manifest(3, ""))
		for seq := range 3 {
			if out, _ := w.send(seq); out.State != batch.Succeeded {
				t.Errorf("%+v", out)
			}
		}
		w.honest()
	})
	t.Run("a reading from the middle of a run says nothing, and the one before it does", func(t *testing.T) {
		w := newWorld(t, nil).faults(didntRun("job-1")).planned(manifest(2, ""))
		out, _ := w.send(0)
		runs, err := w.hands.Ledger.Attempts(t.Context(), w.plan.Batch, 0)
		if err != nil || out.State != batch.Succeeded || len(runs) != 1 || !runs[0].EndedAt.After(runs[0].SentAt) {
			t.Fatalf("%+v, %+v, %v", out, runs, err)
		}
		// Nobody could tell whether job 0 is in it.
		amid := runs[0].SentAt.Add(runs[0].EndedAt.Sub(runs[0].SentAt) / 2)
		if err := w.hands.Ledger.Balance(t.Context(), ledger.Balance{Key: runs[0].Key, At: amid, Total: 1000 * money.Dollar}); err != nil {
			t.Fatal(err)
		}
		_ = w.clock.Wait(t.Context(), time.Second) // job 0, which the log shows, had ended before
		if out, _ := w.send(1); out.State != batch.Succeeded || len(w.posts()) != 3 {
			t.Errorf("%+v after %d requests", out, len(w.posts()))
		}
		w.honest()
	})
	t.Run("the credits are down: it waits for a witness", func(t *testing.T) {
		w := newWorld(t, nil).planned(manifest(2, ""))
		w.faults(didntRun("job-0"), creditsDown)
		w.lost(0)
		_ = w.clock.Wait(t.Context(), time.Hour)
		if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown || len(w.posts()) != 1 {
			t.Errorf("%v after %d requests", err, len(w.posts()))
		}
		w.send(1) // and the log shows it
		if out, _ := w.send(0); out.State != batch.Succeeded || len(w.posts()) != 3 {
			t.Errorf("%+v after %d requests", out, len(w.posts()))
		}
		w.honest()
	})
	t.Run("the credits are down, and nobody else is sent", func(t *testing.T) {
		w := newWorld(t, nil).planned(manifest(1, ""))
		w.faults(didntRun("job-0"), creditsDown)
		w.lost(0)
		w.stays("they can't be read", 0)
	})
	t.Run("they weren't read before", func(t *testing.T) {
		w := newWorld(t, nil).unread(manifest(1, "")).faults(didntRun("job-0"))
		w.lost(0)
		w.stays("they weren't read before it was sent", 0)
	})
	t.Run("a later night's runs testify", func(t *testing.T) {
		w := newWorld(t, nil).planned(manifest(1, ""))
		w.faults(didntRun("job-0"), creditsDown)
		w.lost(0)
		w.stays("they can't be read", 0)
		doubted := w.plan
		w.faults()
		w.at(nine.Add(24 * time.Hour))
		w.planned(strings.Replace(manifest(1, ""), `"digest"`, `"other"`, 1))
		w.faults(creditsDown)
		w.send(0)
		w.plan = doubted
		if r := w.reconcile(); r.Absent != 1 || w.job(0).State != batch.Parked {
			t.Errorf("%+v", r)
		}
	})
}

// Several in doubt at once: what ran isn't bought again, what didn't is sent
// once it is told apart.
func TestSeveralInDoubt(t *testing.T) {
	t.Run("none ran", func(t *testing.T) {
		w := newWorld(t, nil).faults(didntRun("job-")).planned(manifest(4, ""))
		w.lost(0, 1, 2, 3)
		for seq := range 4 {
			if out, _ := w.send(seq); out.State != batch.Succeeded {
				t.Errorf("%+v", out)
			}
		}
		if n := len(w.posts()); n != 8 {
			t.Errorf("%d requests, want 8", n)
		}
		w.honest()
	})
	t.Run("all ran, the log is late", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, lateLog).faults(lostAnswer("job-")).planned(manifest(4, ""))
		w.lost(0, 1, 2, 3)
		w.wonders("the credits fell by $0.269 that nothing accounts for", 0, 1, 2, 3)
		for seq := range 4 {
			if out, _ := w.send(seq); out.State != batch.Succeeded {
				t.Errorf("%+v", out)
			}
		}
		if n := len(w.posts()); n != 4 {
			t.Errorf("%d requests, want 4", n)
		}
		w.honest()
	})
	t.Run("all ran, and the log never shows it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, emptyLog).faults(lostAnswer("job-")).planned(manifest(4, ""))
		w.lost(0, 1, 2, 3)
		w.stays("the credits fell by $0.269 that nothing accounts for", 0, 1, 2, 3)
	})
	t.Run("some ran, the log is late", func(t *testing.T) {
		w := newWorld(t, lateLog).faults(lostAnswer("job-0"), lostAnswer("job-1"), didntRun("job-2"), didntRun("job-3")).planned(manifest(4, ""))
		w.lost(0, 1, 2, 3)
		w.wonders("the credits fell by $0.1345 that nothing accounts for", 2, 0, 3, 1)
		_ = w.clock.Wait(t.Context(), time.Hour)
		for seq := range 4 { // those that show are found first, and then account for the fall
			if out, _ := w.send(seq); out.State != batch.Succeeded {
				t.Errorf("%+v", out)
			}
		}
		if n := len(w.posts()); n != 6 {
			t.Errorf("%d requests, want 6", n)
		}
		w.honest()
	})
}

// The log keeps up, and has lost this one row: the credits say that it ran.
func TestARowThatIsLostAmongOthers(t *testing.T) {
	w := newWorld(t, nil).faults(lostAnswer("job-0"), simulator.Rule{Match: "job-0", Kind: simulator.KindGhost}).planned(manifest(2, ""))
	w.lost(0)
	if out, _ := w.send(1); out.State != batch.Succeeded {
		t.Fatalf("%+v", out)
	}
	w.stays("the credits fell by $0.06725 that nothing accounts for", 0)
}

// Somebody else spends with the same key. What the log shows of them excuses a
// fall of the credits, and proves nothing by itself.
func TestAStrangerSpends(t *testing.T) {
	t.Run("no witness", func(t *testing.T) {
		w := newWorld(t, nil).faults(didntRun("job-0")).planned(manifest(1, ""))
		w.lost(0)
		w.bought("scraper")
		w.stays("the credits don't tell: others spent with this key", 0)
	})
	t.Run("a witness", func(t *testing.T) {
		w := newWorld(t, nil).faults(didntRun("job-0")).planned(manifest(2, ""))
		w.lost(0)
		w.bought("scraper")
		w.send(1)
		if out, _ := w.send(0); out.State != batch.Succeeded || len(w.sent("job-0")) != 2 {
			t.Errorf("%+v", out)
		}
	})
	t.Run("beside a row that is lost", func(t *testing.T) {
		w := newWorld(t, nil).faults(lostAnswer("job-0"), simulator.Rule{Match: "job-0", Kind: simulator.KindGhost}).planned(manifest(2, ""))
		w.lost(0)
		w.bought("scraper")
		w.send(1)
		w.stays("that nothing accounts for", 0)
	})
	t.Run("a log that shows nobody", func(t *testing.T) {
		w := newWorld(t, lateLog).faults(didntRun("job-0")).planned(manifest(1, ""))
		w.lost(0)
		w.bought("scraper")
		w.wonders("that nothing accounts for", 0)
		w.stays("others spent with this key", 0) // which the log shows an hour later
	})
}

// While other requests are under way the credits can't tell, and the log's
// witnesses decide.
func TestCreditsWhileOthersAreUnderWay(t *testing.T) {
	w := newWorld(t, nil).faults(didntRun("job-0")).planned(manifest(2, ""))
	w.lost(0)
	ask := ledger.Ask{Batch: w.plan.Batch, Seq: 1, Span: w.plan.Start.Span, Slow: w.plan.Policy.RequestTimeout}
	v, attempt, err := w.books.Admit(t.Context(), ask, func(ledger.Standing) ledger.Verdict { return ledger.Verdict{Action: ledger.Go} })
	if err != nil || v.Action != ledger.Go {
		t.Fatalf("%+v, %v", v, err)
	}
	_ = w.clock.Wait(t.Context(), 3*time.Minute)
	if _, err := w.hands.SubmitSwarm(t.Context(), w.submit(0)); kindOf(t, err) != batch.OutcomeUnknown || !strings.Contains(w.job(0).Why, "other requests are under way") {
		t.Errorf("%v, %s", err, w.job(0).Why)
	}
	c := ledger.Closing{Batch: w.plan.Batch, Seq: 1, Attempt: attempt, Kind: batch.NotSent}
	if _, err := w.books.Return(context.WithoutCancel(t.Context()), c, ledger.Returning{Why: "not written"}); err != nil {
		t.Fatal(err)
	}
	if out, _ := w.send(0); out.State != batch.Succeeded {
		t.Errorf("%+v", out)
	}
}
