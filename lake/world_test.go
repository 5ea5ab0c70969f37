package lake

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/provider/swarms"
)

const (
	ourKey   = "sk-test-0123456789abcdef-never-printed"
	otherKey = "sk-test-of-somebody-else-0123456789"
)

// noon is midday of 23 November 2026 in Los Angeles: the days up to the 22nd
// are over.
var noon = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)

// world is a provider that serves a log over a socket, and a lake on a disk.
type world struct {
	*testing.T
	dir    string
	client *swarms.Client
	now    time.Time
	books  Books

	mu   sync.Mutex
	rows []string
}

func newWorld(t *testing.T, rows ...string) *world {
	t.Helper()
	w := &world{T: t, dir: filepath.Join(t.TempDir(), "lake"), now: noon, rows: rows}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		writeLog(rw, w.rows)
	}))
	t.Cleanup(server.Close)
	w.client = client(t, server.URL)
	return w
}

func writeLog(rw http.ResponseWriter, rows []string) {
	_, _ = fmt.Fprintf(rw, `{"status":"success","count":null,"logs":[%s],"timestamp":"2026-11-23T20:00:00+00:00"}`, strings.Join(rows, ","))
}

func client(t *testing.T, url string) *swarms.Client {
	t.Helper()
	c, err := swarms.New(swarms.Options{BaseURL: url, Key: ourKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// log changes what the provider shows.
func (w *world) log(rows ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows = rows
}

func (w *world) lake() *Lake {
	w.Helper()
	l, err := Open(w.Context(), "file://"+w.dir)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = l.Close() })
	return l
}

func (w *world) order() Order {
	return Order{
		Logs: func(ctx context.Context, yield func(swarms.LogLine) error) error {
			_, err := w.client.LogLines(ctx, yield)
			return err
		},
		Key: w.client.KeyID(), Books: w.books, Now: func() time.Time { return w.now }, Program: "test",
	}
}

// export runs one that must succeed, and proves the whole lake.
func (w *world) export() batch.LogExport {
	w.Helper()
	l := w.lake()
	out, err := l.Export(w.Context(), w.order())
	if err != nil {
		w.Fatal(err)
	}
	w.verified(l)
	return out
}

func (w *world) verified(l *Lake) Checked {
	w.Helper()
	v, err := l.Verify(w.Context(), "", Days{}, func(Checked) {})
	if err != nil || len(v.Wrong) > 0 || len(v.Pending) > 0 {
		w.Errorf("the lake doesn't hold: %+v, %v", v, err)
	}
	return v
}

// kept are the ids of the rows that the lake has, by key and day.
func (w *world) kept() map[string][]string {
	w.Helper()
	out := map[string][]string{}
	for r, err := range w.lake().Rows(w.Context(), Query{}) {
		if err != nil {
			w.Fatal(err)
		}
		at := r.Key + "/" + r.Day
		out[at] = append(out[at], r.ID)
	}
	return out
}

// files are what the lake has on disk.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.Contains(path, ".parts") {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(rel)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sameFiles compares two lakes byte by byte.
func sameFiles(t *testing.T, what string, got, want map[string][]byte) {
	t.Helper()
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s: %s has %d bytes, or others; want %d", what, name, len(got[name]), len(want[name]))
		}
	}
	for name := range got {
		if _, there := want[name]; !there {
			t.Errorf("%s: %s is there too", what, name)
		}
	}
}

// row is one run's, as the provider prints it. Dollars are micro-dollars.
func row(id int, key string, at time.Time, name string, dollars int64) string {
	return fmt.Sprintf(`{"id":%d,"created_at":%q,"api_key":%q,"category":"completion","data":{"job_id":"swarms-%d","status":"success","swarm_name":%q,`+
		`"swarm_type":"SequentialWorkflow","output":[{"role":"A","content":"answer %d of %s"}],"number_of_agents":2,"execution_time":45.2,"usage":{"input_tokens":6000,"output_tokens":3000,`+
		`"billing_info":{"cost_breakdown":{"agent_cost":0.02,"input_token_cost":0.0195,"output_token_cost":0.02775,"night_time_discount_applied":true},"total_cost":%s,"discount_active":true,"discount_type":"night_time","discount_percentage":50}}}}`,
		id, at.Format(time.RFC3339Nano), key, id, name, id, key, money.USD(dollars))
}

// requestID is a request id made of a number.
func requestID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// threeDays are rows of two keys over three days, one of them today, some of
// them tagged; in order of id.
func threeDays() []string {
	var rows []string
	for i := range 60 {
		at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour) // 01:00 on the 21st
		key, name := ourKey, fmt.Sprintf("Digest [%s]", requestID(i))
		if i%3 == 0 {
			key, name = otherKey, "Somebody's run"
		}
		rows = append(rows, row(i+1, key, at, name, 67_250+int64(i)))
	}
	return rows
}

func shuffled(rows []string, seed uint64) []string {
	out := append([]string{}, rows...)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
