package activities_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider/swarms"
)

// logBytes is how long the log of TestALogOfAGigabyte is: 64 MB in `make
// test`, and what OFFPEAK_LOG_BYTES says in `make crash`: a gigabyte.
func logBytes(t *testing.T) int64 {
	t.Helper()
	text := os.Getenv("OFFPEAK_LOG_BYTES")
	if text == "" {
		return 64 << 20
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1<<20 {
		t.Fatalf("OFFPEAK_LOG_BYTES=%s: want a number of bytes, at least a megabyte", text)
	}
	return n
}

// heapBound is what the heap may grow by while a log of any length is read.
const heapBound = 64 << 20

// strangersRows writes other people's rows of the log, about n bytes of them:
// most of them 3 kB, one in a thousand a megabyte.
func strangersRows(w io.Writer, n int64) (rows int, err error) {
	row := func(size int) []byte {
		return fmt.Appendf(nil, `{"id":%d,"created_at":"2026-11-22T21:00:00+00:00","api_key":"sk-someone-else","category":"completion","data":{"job_id":"swarms-x",`+
			`"status":"success","swarm_name":"Somebody's run","output":[{"role":"A","content":"%s"}],"usage":{"input_tokens":6000,"output_tokens":3000,"total_tokens":9000,`+
			`"billing_info":{"total_cost":0.06725,"discount_active":true}}}},`, size, strings.Repeat("All work and no play. ", size/22))
	}
	small, large := row(3<<10), row(1<<20)
	for written := int64(0); written < n; rows++ {
		b := small
		if rows%1000 == 999 {
			b = large
		}
		m, err := w.Write(b)
		if err != nil {
			return rows, err
		}
		written += int64(m)
	}
	return rows, nil
}

// TestALogOfAGigabyte: the log has no pages. However long it is, reading it,
// looking for a job in doubt and reconciling hold little of it.
func TestALogOfAGigabyte(t *testing.T) {
	size := logBytes(t)
	w := newWorld(t, nil).faults(lostAnswer("job-0"))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != swarms.PathLogs {
			w.api.ServeHTTP(rw, r)
			return
		}
		// The simulator's own rows stand behind the first half of the others'.
		own := httptest.NewRecorder()
		r.Header.Set("Accept-Encoding", "identity")
		w.api.ServeHTTP(own, r)
		var log struct{ Logs []json.RawMessage }
		if err := json.Unmarshal(own.Body.Bytes(), &log); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(rw, `{"status":"success","count":null,"logs":[`)
		_, _ = strangersRows(rw, size/2)
		for _, row := range log.Logs {
			_, _ = rw.Write(append(row, ','))
		}
		_, _ = strangersRows(rw, size/2)
		_, _ = io.WriteString(rw, `{}],"timestamp":"2026-11-22T21:00:00+00:00"}`)
	}))
	t.Cleanup(server.Close)
	w.newHands(server.URL)
	w.planned(manifest(2, ""))

	rows := 0
	heap := peak(t, "the client", func() {
		receipt, err := w.deps.Swarms.Logs(t.Context(), func(swarms.LogRow) error { rows++; return nil })
		if err != nil || receipt.BodySize < size {
			t.Errorf("%d bytes, %v", receipt.BodySize, err)
		}
	})
	t.Logf("the client: %d rows in %d MB, heap at most %d MB above before", rows, size>>20, heap>>20)

	heap = peak(t, "the look for a job in doubt", func() {
		if out, _ := w.send(0); out.State != batch.Succeeded || len(w.posts()) != 1 {
			t.Errorf("%+v after %d requests", out, len(w.posts()))
		}
	})
	t.Logf("the look for a job in doubt: heap at most %d MB above before", heap>>20)

	heap = peak(t, "a reconciliation", func() {
		in := batch.ReconcileRequest{Batch: w.plan.Batch, Span: w.plan.Start.Span, WorkflowID: "nightly/digest/2026-11-22", RunID: "run-1"}
		if out, err := w.hands.Reconcile(t.Context(), in); err != nil || out.Rows != rows+1 || out.Runs != 1 {
			t.Errorf("%+v, %v", out, err)
		}
	})
	t.Logf("a reconciliation: heap at most %d MB above before", heap>>20)
	w.honest()
}

// peak is how far the heap grows at most while do runs, and fails above
// heapBound.
func peak(t *testing.T, what string, do func()) uint64 {
	t.Helper()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}} // live, and dead and not yet swept
	runtime.GC()
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	var most uint64
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				metrics.Read(sample)
				most = max(most, sample[0].Value.Uint64())
			}
		}
	})
	do()
	close(done)
	wg.Wait()
	if most <= before {
		return 0
	}
	if most-before > heapBound {
		t.Errorf("%s: the heap grew by %d MB, want at most %d", what, (most-before)>>20, heapBound>>20)
	}
	return most - before
}
