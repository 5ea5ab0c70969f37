package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/offpeak/offpeak/batch"
)

// httpDoor is a starter serve that runs beside the test.
type httpDoor struct {
	*proc
	url, key string
}

// serve starts the HTTP API with one key, which may operate.
func (h *house) serve(extra ...string) httpDoor {
	h.t.Helper()
	made := h.starter("keys", "new", "--id", "e2e", "--scope", "operate", "--json")
	var k struct{ Secret, Line string }
	if err := json.Unmarshal([]byte(made.out), &k); err != nil || k.Secret == "" {
		h.t.Fatalf("starter keys new: %v\n%s%s", err, made.out, made.stderr)
	}
	extra = append(extra, "OFFPEAK_HTTP_KEYS_FILE="+h.file("keys", k.Line+"\n"))
	p := h.start("starter", extra, "serve", "--addr", "127.0.0.1:0")
	p.await("serving http://")
	return httpDoor{p, regexp.MustCompile(`serving (http://[^ ,;]+)`).FindStringSubmatch(p.text())[1], k.Secret}
}

// ask is one request with the key. What is refused is its fault.
func (w httpDoor) ask(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+w.key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	c := http.Client{}
	answer, err := c.Do(r)
	if err != nil || answer.StatusCode < 300 {
		return answer, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	var f batch.Fault
	if err := json.Unmarshal(text, &f); err != nil || f.Kind == "" {
		return nil, fmt.Errorf("%s %s: %s, and no problem: %s", method, path, answer.Status, text)
	}
	return nil, &f
}

// night starts a night, follows it to its end and fetches its report.
func (w httpDoor) night(ctx context.Context, manifest []byte) (r batch.Result, err error) {
	started, err := w.ask(ctx, http.MethodPost, "/v1/batches", manifest)
	if err != nil {
		return r, err
	}
	_ = started.Body.Close()
	night := started.Header.Get("Location")
	events, err := w.ask(ctx, http.MethodGet, night+"/events", nil)
	if err != nil {
		return r, err
	}
	defer events.Body.Close()
	var last struct {
		Ended *batch.Fault `json:"ended"` // why it didn't end well
	}
	lines, event := bufio.NewScanner(events.Body), ""
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = name
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && event == "end" {
			if err := json.Unmarshal([]byte(data), &last); err != nil {
				return r, err
			}
		}
	}
	switch {
	case event != "end":
		return r, errors.Join(fmt.Errorf("the events of %s ended before the night", night), lines.Err())
	case last.Ended != nil:
		return r, last.Ended
	}
	report, err := w.ask(ctx, http.MethodGet, night+"/report", nil)
	if err != nil {
		return r, err
	}
	defer report.Body.Close()
	if kind := report.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		return r, fmt.Errorf("the report of %s is %s", night, kind)
	}
	return r, json.NewDecoder(report.Body).Decode(&r)
}
