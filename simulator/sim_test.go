package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offpeak/offpeak/money"
	"github.com/offpeak/offpeak/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a simulator on a real socket, and a plain client of it.
type world struct {
	t      testing.TB
	sim    *simulator.Server
	url    string
	client *http.Client
	key    string
}

// at is an instant in Pacific time, "2026-11-22 21:00:00".
func at(t testing.TB, s string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	v, err := time.ParseInLocation(time.DateTime, s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func start(t testing.TB, o simulator.Options) *world {
	t.Helper()
	if o.Latency.Kind == "" {
		o.Latency.Kind = "none"
	}
	sim, err := simulator.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(func() {
		sim.Close()
		transport.CloseIdleConnections()
		srv.Close()
	})
	return &world{t: t, sim: sim, url: srv.URL, client: &http.Client{Transport: transport, Timeout: 30 * time.Second}, key: simulator.DefaultKey}
}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of the exchange or of reading the body
}

func (w *world) do(method, path, body string, edit ...func(*http.Request)) answer {
	w.t.Helper()
	req, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("x-api-key", w.key)
	req.GetBody = nil // what is counted here must not be sent again by net/http
	for _, e := range edit {
		e(req)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b, err}
}

func (w *world) get(path string) answer  { w.t.Helper(); return w.do(http.MethodGet, path, "") }
func (w *world) post(body string) answer { w.t.Helper(); return w.do(http.MethodPost, swarm, body) }
func (w *world) batch(items ...string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, batchPath, "["+strings.Join(items, ",")+"]")
}

const (
	swarm     = "/v1/swarm/completions"
	batchPath = "/v1/swarm/batch/completions"
)

// want fails the test unless the answer has the status.
func (w *world) want(a answer, status int) answer {
	w.t.Helper()
	if a.err != nil {
		w.t.Fatalf("want status %d, got %v", status, a.err)
	}
	if a.status != status {
		w.t.Fatalf("want status %d, got %d: %s", status, a.status, a.body)
	}
	return a
}

func (w *world) admin(what, body string) answer {
	w.t.Helper()
	return w.want(w.do(http.MethodPost, "/__admin/"+what, body), http.StatusOK)
}

// dig finds a value in JSON by its path, such as "usage.billing_info.total_cost"
// or "0.status". Numbers stay as they are printed.
func dig(t testing.TB, body []byte, path string) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			got, ok := x[part]
			if !ok {
				t.Fatalf("no %q (of %s) in %.300s", part, path, body)
			}
			v = got
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				t.Fatalf("no item %q (of %s) in %.300s", part, path, body)
			}
			v = x[i]
		default:
			t.Fatalf("nothing below %q (of %s) in %.300s", part, path, body)
		}
	}
	return v
}

func (w *world) expect(a answer, path, want string) {
	w.t.Helper()
	if got := fmt.Sprint(dig(w.t, a.body, path)); got != want {
		w.t.Errorf("%s = %s, want %s", path, got, want)
	}
}

// job is a request with a name, and five agents as in the night-mode guide.
func job(name string) string {
	return fmt.Sprintf(`{"name":%q,"swarm_type":"SequentialWorkflow","task":"Summarize today's announcements.","max_loops":1,"agents":[`+
		`{"agent_name":"A","model_name":"gpt-4o-mini"},{"agent_name":"B","model_name":"gpt-4o-mini"},{"agent_name":"C","model_name":"gpt-4o-mini"},`+
		`{"agent_name":"D","model_name":"gpt-4o-mini"},{"agent_name":"E","model_name":"gpt-4o","max_tokens":2048}]}`, name)
}

// id is a request id, and tag a name that ends with it.
func id(n int) string               { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
func tag(name string, n int) string { return name + " [" + id(n) + "]" }
func usd(t testing.TB, s string) money.USD {
	t.Helper()
	v, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// guide are the worked figures of the night-mode guide: 6,000 tokens in,
// 3,000 out.
var guide = simulator.Tokens{In: 6000, Out: 3000}
