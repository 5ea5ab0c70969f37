package swarms

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offpeak/offpeak/provider/wire"
)

// seed hands every sample answer, and cuts of it, to a fuzzer.
func seed(f *testing.F, more ...string) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 15 {
		f.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		b := testdata(f, filepath.Base(file))
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	for _, s := range append(more, ``, `null`, `0`, `{`, `[`, `"`, `{}`, `[{}]`, `{"usage":{"billing_info":{"cost_breakdown":[]}}}`) {
		f.Add([]byte(s))
	}
}

func soundRun(t *testing.T, c Completion) {
	t.Helper()
	if c.Raw != nil && !json.Valid(c.Raw) || c.Output != nil && !json.Valid(c.Output) {
		t.Errorf("raw or output is no JSON: %q", c.Raw)
	}
	u := c.Usage
	if u == nil {
		return
	}
	if u.InputTokens < 0 || u.OutputTokens < 0 || (!u.HasTokens && u.InputTokens+u.OutputTokens != 0) {
		t.Errorf("tokens %+v", u)
	}
	j, err := json.Marshal(u) // a literal that is kept must be one that can be written
	if err != nil {
		t.Errorf("%+v: %v", u, err)
	}
	var back Usage
	if err := json.Unmarshal(j, &back); err != nil || back.TotalCost != u.TotalCost {
		t.Errorf("%s comes back as %+v: %v", j, back, err)
	}
	if !u.TotalCost.Known && u.TotalCost.USD != 0 {
		t.Errorf("an unknown amount of %s", u.TotalCost.USD)
	}
}

func FuzzCompletion(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCompletion(b)
		if err == nil && !json.Valid(b) {
			t.Error("not JSON, and no error")
		}
		if err != nil && c.OK {
			t.Error("an error, and OK")
		}
		soundRun(t, withoutKey(wire.NewSecret("success"), c))
		soundRun(t, c)
		if f := c.Fault(); (f == nil) != c.OK {
			t.Errorf("OK is %t with %v", c.OK, f)
		}
	})
}

func FuzzBatch(f *testing.F) {
	seed(f, `{"results":[1]}`, `{"detail":"x"}`)
	f.Fuzz(func(t *testing.T, b []byte) {
		runs, failed, err := decodeBatch(b)
		if (err != nil || failed != "") && runs != nil {
			t.Error("items beside an error")
		}
		if err == nil && failed == "" && runs == nil {
			t.Error("neither items nor an error")
		}
		for _, r := range runs {
			soundRun(t, r)
		}
	})
}

func FuzzLogs(f *testing.F) {
	deep(f, func(s string) { f.Add([]byte(s)) })
	seed(f, `{"logs":[{"api_key":"sk-secret-1","data":{"api_key":["sk-secret-1"],"X-API-KEY":"sk-secret-1","output":"sk-secret-1"}}]}`,
		`{"logs":[{"\u0061pi_key":"sk-secret-1","data":"{\"swarm_name\":\"sk-secret-1\"}"}]}`, `{"logs":[{"data":{"a":1.50,"authorization":{},"b":[{},{"api_key":1}]}}]}`)
	f.Fuzz(func(t *testing.T, b []byte) {
		err := readLog(bytes.NewReader(b), maxRow, false, func(w *rowWire, _ json.RawMessage) error {
			r := w.row()
			soundRun(t, r.Run)
			var members map[string]json.RawMessage
			if json.Unmarshal(r.Run.Raw, &members) == nil {
				for name := range members {
					if isCredential(name) {
						t.Errorf("%q is kept in %s", name, r.Run.Raw)
					}
				}
			}
			return nil
		})
		if err == nil && !isJSON(b) {
			t.Errorf("%.200q is no JSON, and passed", b)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	seed(f, `{"detail":[{"loc":["body",0],"msg":"m"}]}`, `<title>x</title>`, testKey, `{"error":{"detail":{"error":{"detail":{}}}}}`)
	s := wire.NewSecret(testKey)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, contentType := range []string{"application/json", "text/html"} {
			got := s.Text(readProblem(contentType, b).detail)
			if utf8.RuneCountInString(got) > wire.MaxDetail || !utf8.ValidString(got) || strings.Contains(got, testKey) || strings.ContainsFunc(got, unicode.IsControl) {
				t.Errorf("%q", got)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"42", "1.5", "-1", "Sun, 22 Nov 2026 05:01:00 GMT", "99999999999999999999", ""} {
		f.Add(v, int64(1_795_323_600))
	}
	f.Fuzz(func(t *testing.T, v string, now int64) {
		d, ok := wire.RetryAfter(v, time.Unix(now%(1<<40), 0), maxWait)
		if d < 0 || d > maxWait || (!ok && d != 0) {
			t.Errorf("%q is %s, %t", v, d, ok)
		}
	})
}
