package simulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/simulator"
)

func names(t *testing.T, body []byte) (out []string) {
	t.Helper()
	var items []struct {
		Name string `json:"swarm_name"`
	}
	if err := json.Unmarshal(body, &items); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, it := range items {
		out = append(out, it.Name)
	}
	return out
}

func TestBatchShapes(t *testing.T) {
	for shape, want := range map[string]struct{ has, lacks []string }{
		"A": {[]string{`[{"status":"success","swarm_name":"a","result":[`, `"usage":{"input_tokens":6000`, `"total_cost":0.09725`}, []string{"job_id", "execution_time"}},
		"B": {[]string{`[{"job_id":"swarms-`, `"status":"completed"`, `"output":[`, `"token_cost":0.09725`}, []string{`"result"`}},
		"C": {[]string{`{"results":[{"status":"success","swarm_name":"a"`}, nil},
		"D": {[]string{`[{"status":"success","swarm_name":"a","result":[`}, []string{"usage", "total_cost"}},
		"E": {[]string{`"task":"Summarize today's announcements."`, `"output":[`, `"metadata":{"num_agents":5`, `"total_cost":0.09725`}, []string{`"usage"`}},
	} {
		w := start(t, simulator.Options{Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00")), Switches: simulator.Switches{BatchShape: shape, BatchOrder: "request"}})
		body := string(w.want(w.batch(job("a"), `{"name":"b"}`), 200).body)
		for _, s := range append(want.has, `{"status":"error","swarm_name":"b","detail":"Failed to run swarm: There is no task`) {
			if !strings.Contains(body, s) {
				t.Errorf("shape %s: no %s in %s", shape, s, body)
			}
		}
		for _, s := range want.lacks {
			if strings.Contains(body, s) {
				t.Errorf("shape %s: %s in %s", shape, s, body)
			}
		}
	}
}

// Ten at once, answered in the order in which they end unless told otherwise.
func TestBatchWorkersAndOrder(t *testing.T) {
	clock := simulator.FrozenClock(at(t, "2026-11-22 21:00:00"))
	w := start(t, simulator.Options{Clock: clock, Latency: simulator.Latency{Kind: "fixed", Low: time.Second}, Faults: []simulator.Rule{
		{Match: "job 00", Kind: simulator.KindSlow, Delay: simulator.Duration(time.Second)},
	}})
	var items, want []string
	for i := range 12 {
		want = append(want, fmt.Sprintf("job %02d", i))
		items = append(items, job(want[i]))
	}
	send := func() []string {
		done := make(chan answer, 1)
		go func() { done <- w.batch(items...) }()
		for _, waiting := range []int{10, 3} { // ten workers; then two new items and the slow one
			if err := clock.AwaitWaiting(t.Context(), waiting); err != nil {
				t.Fatal(err)
			}
			if n := clock.Read().Waiting; n > waiting {
				t.Errorf("%d at work, want %d", n, waiting)
			}
			clock.Advance(time.Second)
		}
		return names(t, w.want(<-done, 200).body)
	}
	if got := send(); slices.Equal(got, want) || slices.Index(got, "job 00") < 9 {
		t.Errorf("completion order: %v", got)
	}
	w.admin("switches", `{"batch_order":"request"}`)
	if got := send(); !slices.Equal(got, want) {
		t.Errorf("request order: %v", got)
	}
	w.admin("switches", `{"batch_order":"shuffled"}`)
	got := send()
	if again := send(); slices.Equal(got, want) || !slices.Equal(got, again) {
		t.Errorf("shuffled: %v, then %v", got, again)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("shuffled lost some: %v", got)
	}
}

func TestBatchItemFaults(t *testing.T) {
	rule := func(match, kind string, after bool) simulator.Rule {
		return simulator.Rule{Match: match, Kind: kind, AfterWork: after}
	}
	w := start(t, simulator.Options{
		Tokens: guide, Clock: simulator.FrozenClock(at(t, "2026-11-22 21:00:00")), Switches: simulator.Switches{BatchOrder: "request"},
		Faults: []simulator.Rule{
			rule("err1", simulator.KindItemError, false), rule("err2", simulator.KindItemError, true),
			rule("gone1", simulator.KindItemMissing, false), rule("gone2", simulator.KindItemMissing, true),
			rule("twin", simulator.KindItemDuplicate, false), rule("bare", simulator.KindNoUsage, false),
		},
	})
	in := []string{"ok", "err1", "err2", "gone1", "gone2", "twin", "bare"}
	var items []string
	for i, n := range in {
		items = append(items, job(tag(n, i)))
	}
	a := w.want(w.batch(items...), 200)
	want := []string{tag("ok", 0), tag("err1", 1), tag("err2", 2), tag("twin", 5), tag("twin", 5), tag("bare", 6)}
	if got := names(t, a.body); !slices.Equal(got, want) {
		t.Errorf("items %v, want %v", got, want)
	}
	for i, runs := range []int{1, 0, 1, 0, 1, 1, 1} {
		w.ran(i, runs)
	}
	w.expect(a, "1.status", "error")
	w.expect(a, "2.detail", "Failed to run swarm: upstream model error")
	if n := w.rows(); n != 5 {
		t.Errorf("%d log rows, want 5", n)
	}
	if tot := w.sim.Books().Totals(); tot.Items != 7 || tot.ByPath[batchPath] != 1 || tot.Faults[simulator.KindItemMissing] != 1 {
		t.Errorf("%+v", tot)
	}
}

// What happens to the answer happens to the whole batch.
func TestBatchWireFaults(t *testing.T) {
	w := faulty(t, simulator.Rule{Match: "b", Kind: simulator.KindReset, AfterWork: true, Attempts: simulator.Attempts{From: 1, To: 1}})
	reset(t, w, w.batch(job(tag("a", 1)), job(tag("b", 2))))
	w.ran(1, 1)
	w.ran(2, 1)
	w.want(w.batch(job(tag("a", 1)), job(tag("b", 2))), 200)
	if got, want := w.sim.Books().DoubleBilled(), []string{id(1), id(2)}; !slices.Equal(got, want) {
		t.Errorf("billed twice: %v, want %v", got, want)
	}
	if got := w.sim.Books().Totals().DoubleCost; got != usd(t, "0.389") {
		t.Errorf("double cost %s", got)
	}
}

func TestBatchSwitches(t *testing.T) {
	w := start(t, simulator.Options{Switches: simulator.Switches{BatchUnlogged: true, BatchCap: 2}})
	w.want(w.batch(job("a"), job("b"), job("c")), 400)
	w.want(w.batch(job("a"), job("b")), 200)
	if n := w.rows(); n != 0 {
		t.Errorf("%d log rows of batch items", n)
	}
	w.expect(w.get("/v1/rate/limits"), "rate_limits.minute.count", "0")
	if n := w.sim.Books().Executions("a"); n != 1 {
		t.Errorf("%d runs", n)
	}
}
