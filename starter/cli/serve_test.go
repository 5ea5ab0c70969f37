package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/config"
	"github.com/offpeak/offpeak/starter/cli"
)

// heard is an output that is read while it is written.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

// TestServe is a night over HTTP: started, followed to its end, its answers
// fetched, with everything real but the provider; and then the server drains.
func TestServe(t *testing.T) {
	s := newStage(t)
	dir := filepath.Dir(strings.TrimPrefix(s.ledger, "sqlite:"))
	var lines []string
	secrets := map[string]string{}
	for _, scope := range []string{"read", "operate"} {
		made := try(t, "", nil, "keys", "new", "--id", scope+"er", "--scope", scope)
		_, secrets[scope], _ = strings.Cut(strings.TrimSpace(made.err), ": ")
		lines = append(lines, strings.TrimSpace(made.out))
	}
	file := filepath.Join(dir, "keys")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	errs, ended := &heard{}, make(chan int, 1)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	released := make(chan struct{})
	go func() {
		ended <- cli.Run(ctx, []string{"serve", "--addr", "127.0.0.1:0", "--json", "--address", s.address}, cli.World{
			In: strings.NewReader(""), Out: in, Err: errs, Now: time.Now, Local: time.UTC, Release: func() { close(released) },
			Env: config.Env{"HOME=" + t.TempDir(), "OFFPEAK_LEDGER=" + s.ledger, "OFFPEAK_ARCHIVE=file://" + filepath.Join(dir, "archive"), "OFFPEAK_HTTP_KEYS_FILE=" + file},
		})
		_ = in.Close()
	}()
	var serving struct{ URL string }
	if err := json.NewDecoder(out).Decode(&serving); err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	begin := func(method, path, scope, body string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, serving.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if scope != "" {
			r.Header.Set("Authorization", "Bearer "+secrets[scope])
		}
		c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	ask := func(method, path, scope, body string) (int, string) {
		res := begin(method, path, scope, body)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	if status, text := ask("GET", "/readyz", "", ""); status != 200 || !strings.Contains(text, `"temporal","ok":true`) || !strings.Contains(text, `"ledger","ok":true`) {
		t.Errorf("readyz: %d %s", status, text)
	}
	now := time.Now().UTC()
	at := func(hours int) string { return now.Add(time.Duration(hours) * time.Hour).Format("15:04") }
	manifest := fmt.Sprintf(`{"name": "served", "policy": {"log_lag": "0s"}, "window": {"timezone": "UTC", "open": %q, "close": %q, "start_at": %q, "finish_by": %q},
		"jobs": [{"name": "one", "task": "Say it.", "agents": [{"agent_name": "a", "model_name": "gpt-4o-mini", "max_tokens": 10}]}]}`, at(-2), at(8), at(-1), at(7))
	for _, c := range []struct {
		method, path, scope string
		status              int
	}{
		{"POST", "/v1/batches", "", 401},
		{"POST", "/v1/batches", "read", 403},
		{"POST", "/v1/batches", "operate", 201},
		{"POST", "/v1/batches", "operate", 200},
		{"GET", "/v1/batches", "read", 200},
		{"GET", "/openapi.json", "", 200},
		{"GET", "/docs", "", 200},
		{"GET", "/", "", 303},
		{"GET", "/login", "", 200},
	} {
		if status, text := ask(c.method, c.path, c.scope, manifest); status != c.status {
			t.Errorf("%s %s with %q: %d %s", c.method, c.path, c.scope, status, text)
		}
	}
	var last, kind string
	events := begin("GET", "/v1/batches/served/latest/events", "read", "")
	for lines := bufio.NewScanner(events.Body); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ": "); name == "event" {
			kind = value
		} else if name == "data" {
			last = value
		}
	}
	_ = events.Body.Close()
	if kind != "end" || !strings.Contains(last, `"state":"done"`) || !strings.Contains(last, `"succeeded":1`) {
		t.Errorf("the last event: %s %s", kind, last)
	}
	if status, text := ask("GET", "/v1/batches/served/latest/results", "read", ""); status != 200 || !strings.Contains(text, `"name":"one"`) {
		t.Errorf("results: %d %s", status, text)
	}
	stop()
	<-released // a second signal would end the program
	if code := <-ended; code != batch.ExitDone {
		t.Errorf("exit code %d", code)
	}
	log := errs.String()
	for _, secret := range []string{secrets["read"], secrets["operate"], "Say it", s.ledger} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	for _, want := range []string{`"msg":"drained"`, `"route":"POST /v1/batches","status":201`, `"key":"operateer"`} {
		if !strings.Contains(log, want) {
			t.Errorf("%s isn't in the log: %s", want, log)
		}
	}
}

// TestServeRefuses says what is wrong before anybody is asked for anything.
func TestServeRefuses(t *testing.T) {
	for _, c := range []struct {
		what string
		env  []string
		args []string
		want string
	}{
		{"sizes", nil, []string{"--max-body", "much", "--max-upload", "-1GiB", "--rate", "0"}, "--max-upload \"-1GiB\""},
		{"a secret for a key", []string{"OFFPEAK_HTTP_KEYS=offpeak_hunter2"}, nil, "entry 1: isn't ID:SCOPE:sha256=HEX"},
		{"no file", []string{"OFFPEAK_HTTP_KEYS_FILE=/nowhere/keys"}, nil, "/nowhere/keys"},
		{"no Temporal", nil, []string{"--address", "127.0.0.1:1"}, "Temporal at 127.0.0.1:1 can't be reached"},
	} {
		s := try(t, "", c.env, append([]string{"serve"}, c.args...)...)
		want := batch.ExitBadInput
		if c.what == "no Temporal" {
			want = batch.ExitOutOfReach
		}
		if s.code != want || !strings.Contains(s.err, c.want) || strings.Contains(s.err, "hunter2") {
			t.Errorf("%s: %d %q", c.what, s.code, s.err)
		}
	}
}
