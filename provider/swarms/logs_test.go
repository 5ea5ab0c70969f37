package swarms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/offpeak/offpeak/batch"
)

// readLogs reads a whole log and proves that no row keeps a key.
func readLogs(t *testing.T, h http.HandlerFunc) ([]LogRow, error) {
	t.Helper()
	var rows []LogRow
	rec, err := serve(t, h).Logs(t.Context(), func(r LogRow) error { rows = append(rows, r); return nil })
	for _, r := range rows {
		noKey(t, r, string(r.Run.Raw))
		if strings.Contains(string(r.Run.Raw), "sk-another") {
			t.Errorf("another key of the account is kept: %s", r.Run.Raw)
		}
	}
	noKey(t, rec)
	return rows, err
}

func TestLogs(t *testing.T) {
	got, err := readLogs(t, jsonAnswer(string(testdata(t, "logs.json"))))
	want := []LogRow{
		{
			ID: "12345", CreatedAt: "2026-07-01T10:30:00+00:00", Category: "completion", KeyID: KeyID(testKey),
			Run: Completion{
				JobID: "swarms-L1", OK: true, Status: "success", SwarmName: "EU [0b0e3c1a-7c57-4c1f-9d5e-3d1f4a2b6c7d]",
				SwarmType: "SequentialWorkflow", Output: json.RawMessage("[]"), Agents: 2, ExecutionTime: "45.2",
				Usage: &Usage{InputTokens: 1, OutputTokens: 2, HasTokens: true, Agents: 2, TotalCost: dollars(t, "0.06725"), DiscountActive: p(true)},
			},
		},
		{
			ID: "uuid-2", CreatedAt: "2026-07-01T10:31:00+00:00", Category: "completion", KeyID: KeyID("sk-another-key-of-the-account"),
			Run: Completion{
				JobID: "agent-1", OK: true, SwarmName: "Researcher", Output: json.RawMessage("[]"),
				Usage: &Usage{InputTokens: 45, OutputTokens: 120, HasTokens: true, TotalCost: dollars(t, "0.002735")},
			},
		},
		{ID: "3", CreatedAt: "2026-07-01T10:32:00+00:00", Category: "completion"},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Completion{}, "Raw")); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
}

func TestLogShapes(t *testing.T) {
	for body, want := range map[string]int{
		`{"logs":[]}`: 0,
		`{"count":2,"logs":[{"id":1},{"id":2}],"status":"SUCCESS"}`:                           2,
		`{"other":{"logs":[1]},"logs":[{"data":{"swarm_name":"a"}}]}`:                         1,
		`{"logs":[{"data":"{\"swarm_name\":\"in a string\"}"}]}`:                              1,
		`{"logs":[{"data":"not json"},{"data":[1]},{"data":7}]}`:                              3,
		`{"logs":[{"api_key":null,"data":{"client":{"authorization":"sk-another-key"}}}]}`:    1,
		`{"logs":[{"data":{"output":"` + testKey + `","\u0061pi_key":"sk-another"}}]}`:        1,
		`{"logs":[{"api_key":"` + testKey + `","data":{"output":"\"api_key\": in a text"}}]}`: 1,
	} {
		rows, err := readLogs(t, jsonAnswer(body))
		if err != nil || len(rows) != want {
			t.Errorf("%s: %d rows, %v", body, len(rows), err)
		}
	}
}

// A masked key is no key: looked for in the row, it would destroy the tag that
// the run is found by.
func TestMaskedKeyLeavesTheRow(t *testing.T) {
	for _, masked := range []string{"", "sk-", "1", "***", "0b0e3"} {
		rows, err := readLogs(t, jsonAnswer(`{"logs":[{"api_key":"`+masked+`","data":{"swarm_name":"Risk-1 *** [`+uuid1+`]","usage":{"total_cost":0.11}}}]}`))
		if err != nil || len(rows) != 1 {
			t.Fatalf("%q: %d rows, %v", masked, len(rows), err)
		}
		if id, ok := TagOf(rows[0].Run.SwarmName); !ok || id != uuid1 || rows[0].Run.Usage.TotalCost.USD != 110_000 {
			t.Errorf("%q: %+v", masked, rows[0])
		}
	}
}

// Absence from the log decides whether a run is paid for again. So a log that
// can't be read to its end must never pass as one that was.
func TestHostileLogs(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"cut in a row":        jsonAnswer(`{"logs":[{"id":1},{"id":`),
		"cut behind a row":    jsonAnswer(`{"logs":[{"id":1}`),
		"cut behind the list": jsonAnswer(`{"logs":[{"id":1}]`),
		"no logs":             jsonAnswer(`{"status":"success"}`),
		"logs are null":       jsonAnswer(`{"logs":null}`),
		"logs are an object":  jsonAnswer(`{"logs":{}}`),
		"a row is null":       jsonAnswer(`{"logs":[null]}`),
		"a row is a list":     jsonAnswer(`{"logs":[[]]}`),
		"broken json":         jsonAnswer(`{"logs":[{"id":1} {"id":2}]}`),
		"wrong bracket":       jsonAnswer(`{"logs":[{"id":1}}}`),
		"two documents":       jsonAnswer(`{"logs":[]}{}`),
		"error status":        jsonAnswer(`{"logs":[],"status":"error"}`),
		"error object":        jsonAnswer(`{"logs":[],"detail":"not now"}`),
		"part":                answer(206, "application/json", `{"logs":[]}`),
		"deep":                jsonAnswer(`{"logs":[{"data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}]}`),
	} {
		_, err := readLogs(t, h)
		if err == nil {
			t.Errorf("%s: passed", name)
			continue
		}
		if f := faultOf(t, err); f.Kind != batch.OutOfReach || f.Moved != batch.MovedNo || f.Detail == "" {
			t.Errorf("%s: %+v", name, *f)
		}
	}
}

// One value of a log is bounded, wherever it stands.
func TestEndlessValues(t *testing.T) {
	const most = 256 << 10
	for name, parts := range map[string][3]string{
		"row":               {`{"logs":[{"id":1},{"data":"`, "x", `"}]}`},
		"name of a member":  {`{"`, "x", `":1,"logs":[]}`},
		"other member":      {`{"other":"`, "x", `","logs":[]}`},
		"white space":       {`{"logs":[{"id":1}`, " \n", `]}`},
		"white space first": {``, " ", `{"logs":[]}`},
		"nesting":           {`{"other":`, "[", ``},
	} {
		body := func(n int) string { return parts[0] + strings.Repeat(parts[1], n/len(parts[1])) + parts[2] }
		c := serve(t, jsonAnswer(body(2*most)))
		c.maxRow = most
		_, err := c.Logs(t.Context(), func(LogRow) error { return nil })
		f := faultOf(t, err)
		bounded := strings.Contains(f.Detail, "larger than") || (name == "nesting" && strings.Contains(f.Detail, "depth"))
		if f.Kind != batch.OutOfReach || !bounded {
			t.Errorf("%s: %+v", name, *f)
		}
		if name == "nesting" {
			continue
		}
		// The same below the bound passes, so it is the bound that refused it.
		c = serve(t, jsonAnswer(body(most-100)))
		c.maxRow = most
		if _, err := c.Logs(t.Context(), func(LogRow) error { return nil }); err != nil {
			t.Errorf("%s below the bound: %v", name, err)
		}
	}
}

func TestLogsStopWhenAsked(t *testing.T) {
	stop := errors.New("seen enough")
	n := 0
	rec, err := serve(t, jsonAnswer(`{"logs":[{"id":1},{"id":2}]}`)).Logs(t.Context(), func(LogRow) error { n++; return stop })
	if err != stop || n != 1 || rec.Status != 200 || !rec.Truncated {
		t.Errorf("%d rows, %v, %+v", n, err, rec)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"logs":[{"id":1},`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, err = c.Logs(ctx, func(LogRow) error { cancel(); return nil })
	if f := faultOf(t, err); f.Kind != batch.Cancelling {
		t.Errorf("%+v", *f)
	}
}

// The log has no pages: one answer holds all that ever ran on the account.
func TestLogsInConstantMemory(t *testing.T) {
	const total = 200 << 20
	output := strings.Repeat("lorem ipsum ", 1500)
	sent := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"success","count":null,"logs":[`)
		for size := 0; size < total; sent++ {
			if sent > 0 {
				_, _ = io.WriteString(w, ",")
			}
			n, err := fmt.Fprintf(w, `{"id":%d,"api_key":"%s","category":"completion","data":{"status":"success","swarm_name":"job %d","output":"%s","usage":{"input_tokens":1,"output_tokens":2,"billing_info":{"total_cost":0.067250}}}}`, sent, testKey, sent, output)
			if err != nil {
				return
			}
			size += n
		}
		_, _ = io.WriteString(w, `]}`)
	})
	c.timeout = 10 * time.Minute // the race detector reads slowly
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak, rows := m.HeapAlloc, uint64(0), 0
	rec, err := c.Logs(t.Context(), func(r LogRow) error {
		if want := fmt.Sprintf("job %d", rows); r.Run.SwarmName != want || r.Run.Usage.TotalCost.USD != 67_250 {
			return fmt.Errorf("row %d is %q", rows, r.Run.SwarmName)
		}
		if rows++; rows%200 == 0 {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
		return nil
	})
	if err != nil || rows != sent || rows < 10_000 || rec.BodySize < total {
		t.Fatalf("%d of %d rows, %d bytes: %v", rows, sent, rec.BodySize, err)
	}
	if grown := int64(peak) - int64(before); grown > 24<<20 {
		t.Errorf("the heap grew by %d MB over a log of %d MB", grown>>20, rec.BodySize>>20)
	}
}
