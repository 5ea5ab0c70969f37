package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// example builds an example into the house and starts it.
func (h *house) example(name string, args ...string) *proc {
	h.t.Helper()
	binary := filepath.Join(h.dir, name)
	if out, err := exec.Command("go", "build", "-o", binary, "../examples/"+name).CombinedOutput(); err != nil {
		h.t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return h.startAt(binary, nil, args...)
}

// ask is one HTTP request, its status and its body.
func ask(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	c := http.Client{Timeout: time.Minute}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// brief is a manifest without jobs, as JSON.
func (h *house) brief(name string) string {
	return fmt.Sprintf(`{"name": %q, "policy": {"request_timeout": "5s", "log_lag": "1s"},
		"window": {"timezone": %q, "open": %q, "close": %q, "start_at": %q, "finish_by": %q, "buffer": "0s"},
		"defaults": {"agents": [{"agent_name": "Writer", "model_name": "gpt-4o-mini", "max_tokens": 256}]}}`,
		name, h.window.Zone, h.window.Open, h.window.Close, h.window.StartAt, h.window.FinishBy)
}

// TestTheGoService: examples/go-service has topics written about at night,
// finds its night again after a restart, and says what is wrong.
func TestTheGoService(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	common := h.file("brief.json", h.brief("morning-brief"))
	serve := func() (p *proc, url string) {
		p = h.example("go-service", "--addr", "127.0.0.1:0", "--manifest", common)
		p.await(`"msg":"serving"`)
		return p, "http://" + regexp.MustCompile(`"address":"([^"]+)"`).FindStringSubmatch(p.text())[1]
	}
	service, url := serve()
	briefs := url + "/briefs"

	for _, bad := range []struct{ body, say string }{
		{`{"topics": []}`, "jobs"},
		{`{"topics": ["a"], "tonight": true}`, "tonight"},
		{`topics`, `post {`},
	} {
		if r, text := ask(t, "POST", briefs, bad.body); r.StatusCode != http.StatusBadRequest || !strings.Contains(text, bad.say) {
			t.Errorf("%s: %d %s", bad.body, r.StatusCode, text)
		}
	}
	night := briefs + "/" + string(h.night())
	if r, text := ask(t, "GET", night, ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("before any night: %d %s", r.StatusCode, text)
	}

	// Without a worker it is started, and waits: time to be asked twice and to go away.
	topics := `{"topics": ["EU SaaS funding", "US macro data", "` + secretPrompt + `"]}`
	first, text := ask(t, "POST", briefs, topics)
	if first.StatusCode != http.StatusAccepted || first.Header.Get("Location") != "/briefs/"+string(h.night()) {
		t.Fatalf("start: %d %s", first.StatusCode, text)
	}
	if r, text := ask(t, "POST", briefs, topics); r.StatusCode != http.StatusOK || !strings.Contains(text, `"already_running":true`) {
		t.Errorf("started again: %d %s", r.StatusCode, text)
	}
	if r, text := ask(t, "GET", night, ""); r.StatusCode != http.StatusConflict || r.Header.Get("Retry-After") == "" {
		t.Errorf("while it runs: %d %s", r.StatusCode, text)
	}
	if service.stop() != 0 {
		t.Errorf("it ended badly:\n%s", service.text())
	}

	again, url := serve()
	h.worker()
	again.await("the night is over")
	r, text := ask(t, "GET", url+"/briefs/"+string(h.night()), "")
	if r.StatusCode != http.StatusOK || r.Header.Get("Offpeak-Audit") != "" {
		t.Fatalf("the answers: %d %s", r.StatusCode, text)
	}
	checkResults(t, text, 3)
	if again.stop() != 0 || strings.Contains(again.text(), secretPrompt) {
		t.Errorf("it ended badly, or logged a topic:\n%s", again.text())
	}
	if n := h.sim.Books().Totals(); n.Executions != 3 {
		t.Errorf("%d runs", n.Executions)
	}
}

// checkResults: each line is a job that succeeded, with an output.
func checkResults(t *testing.T, lines string, jobs int) {
	t.Helper()
	dec, n := json.NewDecoder(bytes.NewReader([]byte(lines))), 0
	for dec.More() {
		var l struct {
			Job    string          `json:"name"`
			State  string          `json:"state"`
			Output json.RawMessage `json:"output"`
		}
		if err := dec.Decode(&l); err != nil {
			t.Fatalf("%v in\n%s", err, lines)
		}
		if n++; l.State != "succeeded" || len(l.Output) == 0 {
			t.Errorf("job %q: %s, %s", l.Job, l.State, l.Output)
		}
	}
	if n != jobs {
		t.Errorf("%d results, want %d:\n%s", n, jobs, lines)
	}
}
