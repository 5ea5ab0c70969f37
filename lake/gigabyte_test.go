package lake

import (
	"fmt"
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
)

// bound is what the memory may grow by while a log of any length is exported
// and proven.
const bound = 200 << 20

// TestAGigabyte exports a log of 12 MB, in `make crash` a gigabyte, of three
// days: most rows 3 kB, one in a thousand a megabyte, in an order that is none.
// Memory is all that the program has from the machine.
func TestAGigabyte(t *testing.T) {
	size := int64(12 << 20)
	if text := os.Getenv("OFFPEAK_LOG_BYTES"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1<<20 {
			t.Fatalf("OFFPEAK_LOG_BYTES=%s: want a number of bytes, at least a megabyte", text)
		}
		size = n
	}
	filler := []string{strings.Repeat("All work and no play. ", (3<<10)/22), strings.Repeat("All work and no play. ", (1<<20)/22)}
	rows := int(size / (4 << 10)) // 3 kB, and a megabyte every thousand rows
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(rw, `{"status":"success","logs":[`)
		for i := range rows {
			id := (i*7919 + 13) % rows
			at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC).Add(time.Duration(id) * (72 * time.Hour / time.Duration(rows)))
			text := filler[0]
			if id%1000 == 999 {
				text = filler[1]
			}
			if i > 0 {
				_, _ = fmt.Fprint(rw, ",")
			}
			_, _ = fmt.Fprintf(rw, `{"id":%d,"created_at":%q,"api_key":%q,"category":"completion","data":{"status":"success","swarm_name":"Digest [%s]","output":[{"role":"A","content":"%d %s"}],"usage":{"billing_info":{"total_cost":0.000001}}}}`,
				id+1, at.Format(time.RFC3339Nano), ourKey, requestID(id), id, text)
		}
		_, _ = fmt.Fprint(rw, `],"timestamp":"x"}`)
	}))
	t.Cleanup(server.Close)
	if rows%7919 == 0 {
		rows++ // else an id came twice
	}
	w := newWorld(t)
	w.client = client(t, server.URL)

	w.smaller("an export", func() {
		out, err := w.lake().Export(t.Context(), w.order())
		if err != nil || out.Rows != rows || out.Parts != 3 || int(out.Dollars) != rows {
			t.Errorf("%+v, %v", out, err)
		}
		t.Logf("%d MB of log are %d MB in the lake", size>>20, out.Bytes>>20)
	})
	w.smaller("an export without news", func() {
		if out, err := w.lake().Export(t.Context(), w.order()); err != nil || out.Rows != 0 || out.Read != rows {
			t.Errorf("%+v, %v", out, err)
		}
	})
	w.smaller("a proof", func() {
		if v := w.verified(w.lake()); v.Rows != rows || int(v.Dollars) != rows {
			t.Errorf("%+v", v)
		}
	})
}

// smaller wants memory to stay within the bound.
func (w *world) smaller(what string, do func()) {
	w.Helper()
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	held := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64()) - int64(sample[1].Value.Uint64()) //nolint:gosec // memory of a machine
	}
	runtime.GC()
	before := held()
	var most int64
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				most = max(most, held())
			}
		}
	})
	do()
	close(done)
	wg.Wait()
	w.Logf("%s: memory at most %d MB, %d MB above before", what, most>>20, max(0, most-before)>>20)
	if most-before > bound {
		w.Errorf("%s: memory grew by %d MB, want at most %d", what, (most-before)>>20, bound>>20)
	}
}
