package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is the simulator under way.
type program struct {
	t      *testing.T
	url    string
	stop   context.CancelFunc
	code   chan int
	stderr *strings.Builder
}

func launch(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &program{t: t, stop: stop, code: make(chan int, 1), stderr: &strings.Builder{}}
	out, in := io.Pipe()
	go func() {
		p.code <- run(ctx, args, in, p.stderr)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok || err != nil {
		stop()
		t.Fatalf("first line %q, %v; exit %d: %s", line, err, <-p.code, p.stderr)
	}
	p.url = url
	return p
}

func (p *program) end() (int, string) {
	p.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	p.stop()
	return <-p.code, p.stderr.String()
}

func (p *program) post(path, body string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("x-api-key", "sk-demo")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const swarm = "/v1/swarm/completions"

func TestServe(t *testing.T) {
	script := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(script, []byte("- {match: lost, kind: status, status: 500, after_work: true, attempts: first 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "--key", "sk-demo", "--credit", "2.50", "--latency", "none", "--tokens", "6000/3000",
		"--now", "2026-11-22T21:00:00-08:00", "--faults", script, "--log-lag", "1h", "--limits", "3/1h", "--strict",
		"--switch", "billing=untyped", "--switch", "invalid_key=403", "--switch", "usage_report=true")
	job := `{"name":"lost [00000000-0000-4000-8000-000000000001]","task":"t","agents":[{"agent_name":"A","model_name":"gpt-4o"}]}`
	if status, body := p.post(swarm, job); status != 500 {
		t.Errorf("%d %s", status, body)
	}
	status, body := p.post(swarm, job)
	if status != 200 || !strings.Contains(body, `"total_cost":0.05725,"discount_active":true}`) {
		t.Errorf("%d %s", status, body)
	}
	p.post(swarm, `{}`)
	if status, body := p.post(swarm, job); status != 429 {
		t.Errorf("%d %s", status, body)
	}
	resp, err := http.Get(p.url + "/__admin/books")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var books struct {
		Billed   string   `json:"billed"`
		Twice    []string `json:"double_billed"`
		Accounts []struct{ Credits string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&books); err != nil {
		t.Fatal(err)
	}
	if books.Billed != "0.114500" || len(books.Twice) != 1 || books.Accounts[0].Credits != "2.385500" {
		t.Errorf("%+v", books)
	}
	code, text := p.end()
	if code != exitDone || !strings.Contains(text, "2 runs, $0.1145 billed, 2 of them discounted") || !strings.Contains(text, "billed more than once: 1") {
		t.Errorf("exit %d: %s", code, text)
	}
	if strings.Contains(text, "sk-demo") {
		t.Error("the key was printed")
	}
}

// A stop ends what is under way, however long it would take.
func TestStopEndsWork(t *testing.T) {
	p := launch(t, "--key", "sk-demo", "--latency", "10h", "--quiet", "--scale", "0")
	answered := make(chan int, 1)
	go func() {
		status, _ := p.post(swarm, `{"task":"t"}`)
		answered <- status
	}()
	for waiting := 0; waiting == 0; {
		resp, err := http.Get(p.url + "/__admin/clock")
		if err != nil {
			t.Fatal(err)
		}
		var clock struct{ Waiting int }
		err = json.NewDecoder(resp.Body).Decode(&clock)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		waiting = clock.Waiting
	}
	code, text := p.end()
	if status := <-answered; code != exitDone || status != 503 || text != "" {
		t.Errorf("exit %d, answer %d, printed %q", code, status, text)
	}
}

func TestBadFlags(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.yaml")
	for _, c := range []struct {
		args, says string
	}{
		{"--tier gold", "gold"},
		{"--credit lots", "lots"},
		{"--credit 1.2345678", "1.2345678"},
		{"--window 20:00", "OPEN-CLOSE@ZONE"},
		{"--latency soon", "soon"},
		{"--tokens 6000", "IN/OUT"},
		{"--now yesterday", "yesterday"},
		{"--scale -1", "time doesn't run back"},
		{"--scale NaN", "write 0 to 1e+06"},
		{"--limits many", "LIMIT/SPAN"},
		{"--log-lag -1s", "negative"},
		{"--faults " + missing, "none.yaml"},
		{"--switch batch_shape=Z", "none of A, B, C, D, E"},
		{"--switch nope=1", "nope"},
		{"--switch nope", "name=value"},
		{"--addr 0.0.0.0:0", "not loopback"},
		{"--addr nonsense", "nonsense"},
		{"--nope", "nope"},
		{"extra", "extra"},
	} {
		var out, stderr strings.Builder
		if code := run(t.Context(), strings.Fields(c.args), &out, &stderr); code != exitBadInput || !strings.Contains(stderr.String(), c.says) || out.Len() > 0 {
			t.Errorf("%s: exit %d, %s%s", c.args, code, out.String(), stderr.String())
		}
	}
}

func TestHelp(t *testing.T) {
	var out, stderr strings.Builder
	if code := run(t.Context(), []string{"--help"}, &out, &stderr); code != exitDone {
		t.Errorf("exit %d", code)
	}
	for _, s := range []string{"go run ./cmd/simulator", "-latency", "-faults", "/__admin/books"} {
		if !strings.Contains(stderr.String(), s) {
			t.Errorf("no %s in the help", s)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	p := launch(t, "--quiet")
	var out, stderr strings.Builder
	if code := run(t.Context(), []string{"--addr", strings.TrimPrefix(p.url, "http://")}, &out, &stderr); code != exitFault {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
	if code, _ := p.end(); code != exitDone {
		t.Errorf("exit %d", code)
	}
}

// Another dialect is served, asked and summed up the same way.
func TestDialect(t *testing.T) {
	script := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(script, []byte("- {match: lost, kind: status, code: INTERNAL_SERVER_ERROR, after_work: true, attempts: first 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "--dialect", "swiftia", "--account", "acme=sk-1,sk-2", "--account", "zeta=sk-3", "--faults", script,
		"--now", "2026-11-22T12:00:00Z", "--scale", "0", "--switch", "job_key=id")
	as := func(key, body string) string {
		req, err := http.NewRequest(http.MethodPost, p.url+"/api/jobs", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.Status + " " + string(b)
	}
	job := `{"functionName":"VideoShorts","youtubeVideoId":"lost"}`
	for _, c := range []struct{ key, says string }{{"sk-1", "INTERNAL_SERVER_ERROR"}, {"sk-2", "RATE_LIMIT_EXCEEDED"}, {"sk-3", `200 OK {"id":"job_`}} {
		if got := as(c.key, job); !strings.Contains(got, c.says) {
			t.Errorf("%s: %s", c.key, got)
		}
	}
	code, text := p.end()
	if code != exitDone {
		t.Errorf("exit %d", code)
	}
	for _, s := range []string{
		"swiftia, clock 2026-11-22 12:00:00", "3 requests, bought 2 jobs for $", "acme: 2 requests, 1 refused by its limits, two of them 0s apart",
		"bought and not answered whole: 1, such as job_", "bought more than once: 1, such as lost",
	} {
		if !strings.Contains(text, s) {
			t.Errorf("no %q in\n%s", s, text)
		}
	}
	if strings.Contains(text, "sk-") {
		t.Error("a key was printed")
	}
}

func TestDialectFlags(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"--dialect nope", "is none of swarms"},
		{"--dialect swiftia --window 20:00-06:00@UTC", "--window belongs to"},
		{"--dialect swiftia --switch limits=nope", "is none of organisation"},
		{"--dialect swiftia --switch batch_shape=A", "switch batch_shape: there is none"},
		{"--dialect swiftia --latency soon", "soon"},
		{"--dialect swiftia --account acme", "write name=key"},
		{"--dialect swiftia --account a=k --account b=k", "used twice"},
		{"--dialect allswap --account a=key", "key 1 of a: write ID:SECRET"},
		{"--dialect allswap --key ak_live_1:sk_sandbox_1", "of the same environment"},
		{"--account a=k", "use --key"},
	} {
		var out, stderr strings.Builder
		if code := run(t.Context(), strings.Fields(c.args), &out, &stderr); code != exitBadInput || !strings.Contains(stderr.String(), c.says) || out.Len() > 0 {
			t.Errorf("%s: exit %d, %s%s", c.args, code, out.String(), stderr.String())
		}
	}
	for name := range dialects {
		var out, stderr strings.Builder
		if code := run(t.Context(), []string{"--dialect", name, "--help"}, &out, &stderr); code != exitDone {
			t.Errorf("exit %d", code)
		}
		p := dialects[name].describe()
		for _, want := range []string{p.Routes[0].Path, p.Switches[0].Means, "truncate", "-account"} {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: no %q in the help", name, want)
			}
		}
	}
}
