package activities_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/gate"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// upTo are the numbers below n.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// proven has the key accepted already, so that no request has to go ahead.
func (w *world) proven() *world {
	w.Helper()
	if err := w.books.Prove(w.Context(), w.deps.Swarms.KeyID()); err != nil {
		w.Fatal(err)
	}
	return w
}

// logsBatches has it known what the log holds.
func (w *world) logsBatches(says ledger.BatchLog) *world {
	w.Helper()
	if err := w.books.LogsBatches(w.Context(), w.deps.Swarms.KeyID(), says); err != nil {
		w.Fatal(err)
	}
	return w
}

func (w *world) batchLog() ledger.BatchLog {
	w.Helper()
	k, err := w.books.Key(w.Context(), w.deps.Swarms.KeyID())
	if err != nil {
		w.Fatal(err)
	}
	return k.BatchLog
}

func (w *world) submitMany(seqs ...int) batch.SubmitMany {
	return batch.SubmitMany{Batch: w.plan.Batch, Seqs: seqs, Span: w.plan.Start.Span, RequestTimeout: w.plan.Policy.RequestTimeout}
}

// many runs SubmitBatch as Temporal would: again after each delay.
func (w *world) many(seqs ...int) batch.Many {
	w.Helper()
	for range 1000 {
		out, err := w.hands.SubmitBatch(w.Context(), w.submitMany(seqs...))
		if err == nil {
			all := slices.Clone(out.Left)
			for _, o := range out.Outcomes {
				all = append(all, o.Seq)
			}
			if slices.Sort(all); !slices.Equal(all, slices.Sorted(slices.Values(seqs))) {
				w.Fatalf("of %v came back %+v", seqs, out)
			}
			return out
		}
		e := applicationError(w.T, err)
		if e.NonRetryable() || e.NextRetryDelay() <= 0 {
			w.Fatalf("%v (delay %s)", err, e.NextRetryDelay())
		}
		_ = w.clock.Wait(context.Background(), e.NextRetryDelay())
	}
	w.Fatalf("%v didn't end in 1000 attempts", seqs)
	return batch.Many{}
}

// whole is many, and then each job that is left, alone.
func (w *world) whole(seqs ...int) (batch.Many, map[int]batch.Outcome) {
	w.Helper()
	m := w.many(seqs...)
	ends := map[int]batch.Outcome{}
	for _, o := range m.Outcomes {
		ends[o.Seq] = o
	}
	for _, seq := range m.Left {
		ends[seq], _ = w.send(seq)
	}
	return m, ends
}

// groups are the batch requests that the simulator saw, by the jobs in each.
// One that was turned away at the door has none.
func (w *world) groups() (sizes []int) {
	for a := range w.api.Books().Arrivals() {
		switch {
		case a.Path == swarms.PathBatch && !a.Item:
			sizes = append(sizes, 0)
		case a.Path == swarms.PathBatch:
			sizes[len(sizes)-1]++
		}
	}
	return sizes
}

// once checks that nothing ran twice, and counts what ran.
func (w *world) once(n int) (ran int) {
	w.Helper()
	for seq := range n {
		j := w.job(seq)
		runs := w.api.Books().Executions(j.RequestID)
		if runs > 1 {
			w.Errorf("%s ran %d times", j.Name, runs)
		}
		if j.State == batch.Succeeded && runs == 0 {
			w.Errorf("%s has succeeded and never ran", j.Name)
		}
		ran += runs
	}
	return ran
}

// Every documented shape and every order: joined by tag, settled with the
// answer's price, or with the log's where the answer has none.
func TestBatchShapes(t *testing.T) {
	for _, shape := range []string{"A", "B", "C", "D", "E"} {
		for _, order := range []string{"completion", "request", "shuffled"} {
			t.Run(shape+" "+order, func(t *testing.T) {
				w := newWorld(t, func(o *simulator.Options) {
					o.Switches.BatchShape, o.Switches.BatchOrder = shape, order
					o.Latency, o.Tokens = simulator.Latency{}, simulator.Tokens{} // of each job its own
				}).planned(manifest(10, "")).proven()
				m, ends := w.whole(upTo(10)...)
				if g := w.groups(); !slices.Equal(g, []int{10}) || len(w.posts()) != 0 {
					t.Errorf("batch requests of %v and %d single ones", g, len(w.posts()))
				}
				answered := len(m.Outcomes) == 10
				if priced := shape != "D"; answered != priced {
					t.Errorf("%d outcomes from the answer, %v left", len(m.Outcomes), m.Left)
				}
				for seq, o := range ends {
					j := w.job(seq)
					if o.State != batch.Succeeded || o.Billed != w.api.Books().BilledFor(j.RequestID) || o.Billed == 0 {
						t.Errorf("%s: %+v, billed %s", j.Name, o, w.api.Books().BilledFor(j.RequestID))
					}
					answer, err := w.store.Get(t.Context(), j.Output)
					if err != nil || !strings.Contains(string(answer), j.RequestID) {
						t.Errorf("%s: its answer is that of another: %v", j.Name, err)
					}
				}
				if _, err := w.audit(); err != nil {
					t.Error(err)
				}
				w.honest()
			})
		}
	}
}

// Without a price in the answer and without a row in the log, what was
// certainly paid for is booked at its ceiling and never sent again.
func TestBatchWithoutAnyPrice(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.BatchShape, o.Switches.BatchUnlogged = "D", true }).planned(manifest(3, "")).proven()
	_, ends := w.whole(0, 1, 2)
	for seq, o := range ends {
		if j := w.job(seq); o.State != batch.Succeeded || o.Billed != j.Ceiling {
			t.Errorf("%+v, want its ceiling of %s", o, j.Ceiling)
		}
	}
	if w.once(3) != 3 || len(w.posts()) != 0 {
		t.Errorf("%d single requests", len(w.posts()))
	}
	w.discreet()
}

// Requests of at most policy.batch_size jobs and of bounded size.
func TestBatchSizes(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(10, `"policy": {"batch_size": 4},`)).proven()
	if m := w.many(upTo(10)...); len(m.Outcomes) != 10 || !slices.Equal(w.groups(), []int{4, 4, 2}) {
		t.Errorf("%+v in %v", m, w.groups())
	}
	w.honest()

	var jobs strings.Builder
	for i := range 20 {
		fmt.Fprintf(&jobs, `{"name": "job-%d", "task": %q, "agents": [{"agent_name": "A", "model_name": "gpt-4o", "max_tokens": 100}]}`+"\n", i, strings.Repeat("x", 1_000_000))
	}
	w = newWorld(t, nil)
	path := filepath.Join(w.dir, "jobs.jsonl")
	if err := os.WriteFile(path, []byte(jobs.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	w.planned(fmt.Sprintf(`{"name": "digest", "budget": {"per_job": 20, "batch": 2000}, "policy": {"batch_size": 100}, "jobs_from": %q}`, path)).proven()
	if m := w.many(upTo(20)...); len(m.Outcomes) != 20 || !slices.Equal(w.groups(), []int{16, 4}) {
		t.Errorf("%d outcomes in %v", len(m.Outcomes), w.groups())
	}
	w.honest()
}

// The first request of the night goes alone until the key is proven, also when
// a dozen groups stand before the gate at once.
func TestBatchPilot(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Latency = simulator.Latency{Kind: "none"} }).planned(manifest(120, ""))
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if m := w.many(upTo(120)[10*i : 10*i+10]...); len(m.Outcomes) != 10 {
				t.Errorf("%+v", m)
			}
		})
	}
	all.Wait()
	if w.once(120) != 120 || len(w.posts()) != 0 || w.groups()[0] != 1 {
		t.Errorf("groups of %v, %d single requests", w.groups(), len(w.posts()))
	}
	w.honest()
}

// What is over, in doubt, not due or can't be made doesn't go with the others.
func TestBatchSetsApart(t *testing.T) {
	w := newWorld(t, nil)
	w.planned(manifest(10, "")).proven()
	if out, _ := w.send(0); out.State != batch.Succeeded { // over
		t.Fatal(out)
	}
	admit := func(seq int, batched bool) int {
		ask := ledger.Ask{Batch: w.plan.Batch, Seq: seq, Span: w.plan.Start.Span, Slow: w.plan.Policy.RequestTimeout, Batched: batched}
		v, n, err := w.books.Admit(t.Context(), ask, func(s ledger.Standing) ledger.Verdict { return gate.Decide(s, gate.Rules{}) })
		if err != nil || v.Action != ledger.Go {
			t.Fatalf("%+v, %v", v, err)
		}
		return n
	}
	admit(1, true) // met a crash
	n := admit(2, false)
	_, err := w.books.Return(t.Context(), ledger.Closing{Batch: w.plan.Batch, Seq: 2, Attempt: n}, ledger.Returning{NotBefore: w.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	n = admit(3, false)
	_, err = w.books.Doubt(t.Context(), ledger.Closing{Batch: w.plan.Batch, Seq: 3, Attempt: n}, ledger.Doubt{Why: "reset", AbsentAfter: w.clock.Now().Add(12 * time.Minute)}, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.newHands(w.server.URL) // the next worker
	m := w.many(upTo(10)...)
	if !slices.Equal(slices.Sorted(slices.Values(m.Left)), []int{1, 2, 3}) || len(m.Outcomes) != 7 || !slices.Equal(w.groups(), []int{6}) {
		t.Errorf("%+v in %v", m, w.groups())
	}
	for _, seq := range m.Left {
		if out, _ := w.send(seq); out.State != batch.Succeeded {
			t.Errorf("%+v", out)
		}
	}
	// The siblings of the crashed one showed that the log holds such.
	if w.once(10) != 10 || w.batchLog() != ledger.BatchLogYes {
		t.Errorf("the log holds batches: %q", w.batchLog())
	}
	w.honest()
}
