package swarms

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// lines reads a log of these rows.
func lines(t *testing.T, rows ...string) []LogLine {
	t.Helper()
	var out []LogLine
	_, err := serve(t, jsonAnswer(`{"status":"success","logs":[`+strings.Join(rows, ",")+`]}`)).
		LogLines(t.Context(), func(l LogLine) error { out = append(out, l); return nil })
	if err != nil || len(out) != len(rows) {
		t.Fatalf("%d rows of %d: %v", len(out), len(rows), err)
	}
	return out
}

// TestLogLines: a row is kept whole, without its key, as the same bytes however
// it was printed.
func TestLogLines(t *testing.T) {
	const other = "sk-another-key-of-the-account"
	escaped := `\u0073k-another-key-of-the-account`
	want := `{"category":"completion","created_at":"2026-07-01T10:30:00+00:00","data":{"job_id":"swarms-L1","output":[{"content":"é <b> [redacted]!","role":"A"}],` +
		`"request":{"api_key":"[redacted]","headers":{"Authorization":"[redacted]"}},"status":"success","usage":{"billing_info":{"total_cost":0.058500000000000003}}},` +
		`"id":12345,"key_id":"` + KeyID(other) + `","note":"a member of tomorrow, 1.50E+2"}`
	data := `{"job_id":"swarms-L1","status":"success","output":[{"role":"A","content":"é <b> ` + other + `!"}],"request":{"api_key":"` + other + `","headers":{"Authorization":"Bearer 12345678"}},"usage":{"billing_info":{"total_cost":0.058500000000000003}}}`
	inString, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]string{
		"as documented": `{"id":12345,"created_at":"2026-07-01T10:30:00+00:00","api_key":"` + other + `","category":"completion","note":"a member of tomorrow, 1.50E+2","data":` + data + `}`,
		"another order": `{"data":` + data + `,"note":"a member of tomorrow, 1.50E+2","category":"completion","api_key":"` + other + `","created_at":"2026-07-01T10:30:00+00:00","id":12345}`,
		"spaced":        "{ \"id\" : 12345,\n\"created_at\":\"2026-07-01T10:30:00+00:00\",\t\"api_key\":\"" + other + `","category":"completion","note":"a member of tomorrow, 1.50E+2","data":` + strings.ReplaceAll(data, ",", " , ") + `}`,
		"escaped":       `{"id":12345,"created_at":"2026-07-01T10:30:00\u002b00:00","\u0061pi_key":"` + escaped + `","category":"completion","note":"a member of tomorrow, 1.50E+2","data":` + strings.NewReplacer("é", `\u00e9`, "<", `\u003c`, other, escaped).Replace(data) + `}`,
		"in a string":   `{"id":12345,"created_at":"2026-07-01T10:30:00+00:00","api_key":"` + other + `","category":"completion","note":"a member of tomorrow, 1.50E+2","data":` + string(inString) + `}`,
	} {
		l := lines(t, row)[0]
		if string(l.Line) != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, l.Line, want)
		}
		if l.KeyID != KeyID(other) || l.Run.JobID != "swarms-L1" || l.Run.Usage.TotalCost.Text != "0.058500000000000003" || l.Run.Usage.TotalCost.USD != 58_500 {
			t.Errorf("%s: %+v", name, l.LogRow)
		}
	}
	own := lines(t, `{"id":1,"data":{"output":"it is `+testKey+`","n":[1.0]}}`)[0]
	if s := string(own.Line); s != `{"data":{"n":[1.0],"output":"it is [redacted]"},"id":1,"key_id":""}` {
		t.Errorf("the client's own key: %s", s)
	}
}

// TestLinesSayWhatRowsSay: reading a line again gives the row that Logs gives.
func TestLinesSayWhatRowsSay(t *testing.T) {
	log := string(testdata(t, "logs.json"))
	rows, err := readLogs(t, jsonAnswer(log))
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	_, err = serve(t, jsonAnswer(log)).LogLines(t.Context(), func(l LogLine) error {
		again, err := ReadLine(l.Line)
		if d := cmp.Diff(l.LogRow, again); d != "" || err != nil {
			t.Errorf("row %d read again: %v %s", i, err, d)
		}
		if d := cmp.Diff(rows[i], again, cmpopts.IgnoreFields(Completion{}, "Raw")); d != "" {
			t.Errorf("row %d as Logs has it: %s", i, d)
		}
		noKey(t, l, string(l.Line))
		i++
		return nil
	})
	if err != nil || i != len(rows) {
		t.Errorf("%d lines of %d: %v", i, len(rows), err)
	}
	if _, err := ReadLine([]byte("{")); err == nil {
		t.Error("half a line is read")
	}
}

// FuzzLine: whatever a row holds, its line is JSON on one line, the same when
// it is made of itself, and has no key in it.
func FuzzLine(f *testing.F) {
	f.Add(`{"id":1,"api_key":"sk-0123456789","data":{"a":"sk-0123456789","b":[1.50,null,{"x-api-key":7}]}}`)
	f.Add(`{"data":"{\"authorization\":\"Bearer abcdefgh\",\"z\":\"abcdefgh\"}","\u0041PI_KEY":"abcdefgh"}`)
	f.Add("{\"id\":\"\\ud800\",\"created_at\":\"\xff\",\"data\":[]}")
	f.Fuzz(func(t *testing.T, raw string) {
		var w *rowWire
		if json.Unmarshal([]byte(raw), &w) != nil || w == nil {
			return
		}
		line, err := w.line([]byte(raw), testKey)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if !json.Valid(line) || strings.ContainsAny(string(line), "\n\r") || strings.Contains(string(line), testKey) {
			t.Fatalf("%q became %q", raw, line)
		}
		if key := str(w.Key); len(key) >= minSecret && key != redacted && strings.Contains(string(line), key) &&
			!strings.Contains(`"category""created_at""data""id""key_id"[redacted]`+KeyID(key), key) && !strings.ContainsAny(key, `"\<>&`) {
			t.Fatalf("%q keeps the key: %q", raw, line)
		}
		if _, err := ReadLine(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	})
}
