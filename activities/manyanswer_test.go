package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/provider/swarms"
	"github.com/offpeak/offpeak/simulator"
)

// edited has an answer of the batch endpoint changed on its way.
func (w *world) edited(change func(items []map[string]any) []map[string]any) *world {
	w.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != swarms.PathBatch {
			w.api.ServeHTTP(rw, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, r)
		var items []map[string]any
		d := json.NewDecoder(rec.Body)
		d.UseNumber()
		if err := d.Decode(&items); err != nil {
			w.Errorf("the simulator's answer: %v", err)
		}
		var out bytes.Buffer
		if err := json.NewEncoder(&out).Encode(change(items)); err != nil {
			w.Error(err)
		}
		rw.Header().Set("Content-Length", strconv.Itoa(out.Len()))
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write(out.Bytes())
	}))
	w.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	return w
}

func of(items []map[string]any, job string) int {
	return slices.IndexFunc(items, func(i map[string]any) bool {
		return strings.HasPrefix(i["swarm_name"].(string), job+" ") //nolint:forcetypeassert // the simulator's own
	})
}

// Items whose text begins with the status that the run met inside.
func TestBatchItemsThatSayWhy(t *testing.T) {
	for name, c := range map[string]struct {
		detail  string
		state   batch.State // after the batch request
		end     batch.State // alone
		singles int
	}{
		"a bad job":      {"400: Model x is not available.", batch.Rejected, batch.Rejected, 0},
		"a premium one":  {"403: premium model", batch.Reserved, batch.Succeeded, 1},
		"a limit":        {"429: too many", batch.Reserved, batch.Succeeded, 1},
		"credits":        {"Insufficient credits", batch.Unknown, batch.Succeeded, 1},
		"nothing known":  {"upstream model error", batch.Unknown, batch.Succeeded, 1},
		"a number in it": {"Failed: 400: no", batch.Unknown, batch.Succeeded, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil).faults(inBatch(simulator.Rule{Kind: simulator.KindItemError})).edited(func(items []map[string]any) []map[string]any {
				items[of(items, "job-3")]["detail"] = c.detail
				return items
			}).planned(manifest(6, "")).proven()
			m := w.many(upTo(6)...)
			if j := w.job(3); j.State != c.state || j.State != batch.Unknown && j.Tries != 0 {
				t.Errorf("%s (%s) after %d tries, want %s", j.State, j.Why, j.Tries, c.state)
			}
			for _, seq := range m.Left {
				if out, _ := w.send(seq); out.State != c.end {
					t.Errorf("%+v", out)
				}
			}
			if n := len(w.posts()); n != c.singles {
				t.Errorf("%d single requests, want %d", n, c.singles)
			}
			w.once(6)
			w.honest()
		})
	}
}

// Answers that can't be: items of others, two of one, none at all.
func TestBatchAnswersThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		change func(items []map[string]any) []map[string]any
		left   []int
		says   string
	}{
		"an item of another request": {func(items []map[string]any) []map[string]any {
			items[of(items, "job-3")]["swarm_name"] = "job-3 [00000000-0000-4000-8000-000000000000]"
			return items
		}, []int{3}, "aren't of this request"},
		"a name without its tag": {func(items []map[string]any) []map[string]any {
			items[of(items, "job-3")]["swarm_name"] = "job-3"
			return items
		}, []int{3}, "aren't of this request"},
		"no items":      {func([]map[string]any) []map[string]any { return []map[string]any{} }, upTo(6), ""},
		"null":          {func([]map[string]any) []map[string]any { return nil }, upTo(6), ""},
		"an empty item": {func(items []map[string]any) []map[string]any { return append(items, map[string]any{}) }, nil, "aren't of this request"},
		"one without a price before the one with it": {func(items []map[string]any) []map[string]any {
			i := of(items, "job-3")
			bare := map[string]any{"status": "success", "swarm_name": items[i]["swarm_name"], "result": "x"}
			return slices.Insert(items, i, bare)
		}, nil, ""},
		"an error beside the run": {func(items []map[string]any) []map[string]any {
			i := of(items, "job-3")
			return slices.Insert(items, i, map[string]any{"status": "error", "swarm_name": items[i]["swarm_name"], "detail": "x"})
		}, nil, "billed twice"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil).edited(c.change).planned(manifest(6, "")).proven()
			m := w.many(upTo(6)...)
			if !slices.Equal(slices.Sorted(slices.Values(m.Left)), c.left) {
				t.Errorf("left are %v, want %v", m.Left, c.left)
			}
			for _, seq := range m.Left {
				if out, _ := w.send(seq); out.State != batch.Succeeded {
					t.Errorf("%+v", out)
				}
			}
			if w.once(6) != 6 || len(w.posts()) != 0 || !strings.Contains(w.log.String(), c.says) {
				t.Errorf("%d single requests; the log says nothing of %q", len(w.posts()), c.says)
			}
			w.honest()
		})
	}
}

// Batch runs that the log doesn't hold say nothing of how far it has come.
func TestBatchesOutsideTheLogAreNoWitnesses(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.BatchUnlogged = true })
	w.faults(simulator.Rule{Match: "job-5 ", Kind: simulator.KindStatus, Status: 503, Attempts: firstTry}).planned(manifest(6, "")).proven()
	if m := w.many(upTo(5)...); len(m.Outcomes) != 5 {
		t.Fatalf("%+v", m)
	}
	out, _ := w.send(5)
	at := w.sent("job-5")
	if out.State != batch.Succeeded || len(at) != 2 || at[1].Sub(at[0]) > 3*time.Minute {
		t.Errorf("%+v, sent at %v", out, at)
	}
	w.honest()
}

// Once the log is known to hold them they are: a log that is late beyond its
// lag is noticed by the batch runs that it lacks, and nothing is absent.
func TestALateLogIsToldByItsBatches(t *testing.T) {
	w := newWorld(t, func(o *simulator.Options) { o.Switches.LogLag = simulator.Duration(time.Hour) })
	w.faults(simulator.Rule{Match: "job-7 ", Endpoint: swarms.PathBatch, Kind: simulator.KindStatus, Status: 503, AfterWork: true})
	w.planned(manifest(8, "")).proven().logsBatches(ledger.BatchLogYes)
	if m := w.many(upTo(6)...); len(m.Outcomes) != 6 {
		t.Fatalf("%+v", m)
	}
	if m := w.many(6, 7); len(m.Left) != 2 {
		t.Fatalf("%+v", m)
	}
	for w.clock.Now().Before(nine.Add(50 * time.Minute)) { // 12 would do for a log that keeps its lag
		_, err := w.hands.SubmitSwarm(t.Context(), w.submit(6))
		if kindOf(t, err) != batch.OutcomeUnknown || len(w.posts()) > 0 {
			t.Fatalf("%v after %d single requests", err, len(w.posts()))
		}
		_ = w.clock.Wait(t.Context(), applicationError(t, err).NextRetryDelay())
	}
	if why := w.job(6).Why; !strings.Contains(why, "the provider's log is behind") || w.once(8) != 8 {
		t.Errorf("it waits because %s", why)
	}
	w.discreet()
}

// What a worker knew of the log is known to the next: from the books, and from
// what was settled before it began.
func TestTheNextWorkerKnowsWhatTheLogHolds(t *testing.T) {
	w := newWorld(t, nil).faults(inBatch(simulator.Rule{Kind: simulator.KindItemError})).planned(manifest(6, "")).proven()
	m := w.many(upTo(6)...)
	if !slices.Equal(m.Left, []int{3}) || w.batchLog() != "" {
		t.Fatalf("%+v, and the books say %q", m, w.batchLog())
	}
	w.newHands(w.server.URL)
	if out, _ := w.send(3); out.State != batch.Succeeded || w.batchLog() != ledger.BatchLogYes || w.once(6) != 6 {
		t.Errorf("%+v, and the books say %q", out, w.batchLog())
	}
	w.honest()
}

// Cancelled in mid-request: all ten are paid for, so they drain and are the
// answer. Cancelled before: nothing is sent.
func TestACancelledBatch(t *testing.T) {
	arrived := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, nil)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == swarms.PathBatch {
			close(arrived)
			<-ctx.Done()
		}
		w.api.ServeHTTP(rw, r)
	}))
	t.Cleanup(proxy.Close)
	w.newHands(proxy.URL)
	w.planned(manifest(10, `"policy": {"batch_size": 4},`)).proven()
	go func() { <-arrived; cancel() }()
	m, err := w.hands.SubmitBatch(ctx, w.submitMany(upTo(10)...))
	if err != nil || len(m.Outcomes) != 4 || len(m.Left) != 6 || !slices.Equal(w.groups(), []int{4}) {
		t.Errorf("%+v, %v in %v", m, err, w.groups())
	}
	if n := w.hands.Sending(); n != 0 {
		t.Errorf("%d requests in flight", n)
	}
	if _, err := w.hands.SubmitBatch(ctx, w.submitMany(m.Left...)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it cancelled", err)
	}
	if len(w.groups()) != 1 {
		t.Error("something was sent after the cancellation")
	}
	w.honest()
}

// A worker that rests begins no request, and another one goes on.
func TestABatchOnAWorkerThatStops(t *testing.T) {
	w := newWorld(t, nil).planned(manifest(5, "")).proven()
	w.hands.Rest()
	if _, err := w.hands.SubmitBatch(t.Context(), w.submitMany(upTo(5)...)); kindOf(t, err) != batch.Waiting || len(w.groups()) != 0 {
		t.Errorf("%v, want it to wait", err)
	}
	w.newHands(w.server.URL)
	if m := w.many(upTo(5)...); len(m.Outcomes) != 5 {
		t.Errorf("%+v", m)
	}
	w.honest()
}

// The gate says no: what has no room under the cap is skipped, one by one, and
// what does goes.
func TestABatchUnderACap(t *testing.T) {
	w := newWorld(t, nil)
	w.planned(manifest(10, `"budget": {"batch": 0.70, "per_job": 1},`)).proven()
	m, ends := w.whole(upTo(10)...)
	ours, err := w.books.Totals(t.Context(), w.plan.Batch)
	if err != nil {
		t.Fatal(err)
	}
	if ours.Jobs.Succeeded == 0 || ours.Jobs.Skipped == 0 || ours.Jobs.Succeeded+ours.Jobs.Skipped != 10 || len(ends) != 10 || ours.Charged > 700_000 {
		t.Errorf("%+v, then %+v", m, ours)
	}
	w.honest()
}
