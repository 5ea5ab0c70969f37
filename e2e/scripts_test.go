package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// scripts are the examples that talk HTTP, and what runs them.
var scripts = []struct{ name, needs, file string }{
	{"curl", "curl", "../examples/curl/night.sh"},
	{"python", "python3", "../examples/python/night.py"},
}

// have says whether a program is here. One that isn't is for CI to have.
func have(t *testing.T, program string) bool {
	t.Helper()
	_, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("CI has no %s, which an example needs", program)
	}
	if err != nil {
		t.Logf("%s isn't here: the example that needs it isn't tried", program)
	}
	return err == nil
}

// script runs an example in a folder of its own.
func (h *house) script(file, server, key, dir string, args ...string) done {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 4*time.Minute) // whatever hangs is to say so
	defer cancel()
	path, err := filepath.Abs(file)
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "OFFPEAK_URL=" + server, "OFFPEAK_KEY=" + key}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		h.t.Fatalf("%s: %v", file, err)
	}
	return done{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// badLine is a line to the server on which things get lost: the answer to the
// first start, and the first two streams of events after their first event.
type badLine struct {
	*httputil.ReverseProxy
	followed chan struct{} // closed when the first stream of events has begun
	mu       sync.Mutex
	starts   []string // idempotency keys
	seen     []string // last event ids with which somebody came
}

func newBadLine(t *testing.T, to string) (*badLine, string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l := &badLine{ReverseProxy: httputil.NewSingleHostReverseProxy(u), followed: make(chan struct{})}
	host := l.Director
	l.Director = func(r *http.Request) { host(r); r.Host = u.Host }
	l.FlushInterval = -1
	l.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	l.ErrorLog = log.New(io.Discard, "", 0)
	l.ModifyResponse = l.lose
	s := httptest.NewServer(l)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return l, s.URL
}

// lose loses what is to be lost.
func (l *badLine) lose(r *http.Response) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case r.Request.Method == http.MethodPost && r.StatusCode < 300:
		l.starts = append(l.starts, r.Request.Header.Get("Idempotency-Key"))
		if len(l.starts) == 1 {
			return http.ErrAbortHandler
		}
	case strings.HasSuffix(r.Request.URL.Path, "/events") && r.StatusCode == http.StatusOK:
		l.seen = append(l.seen, r.Request.Header.Get("Last-Event-ID"))
		if len(l.seen) == 1 {
			close(l.followed)
		}
		if len(l.seen) <= 2 {
			r.Body = &cut{from: r.Body}
		}
	}
	return nil
}

// cut is a body that breaks off behind its first event.
type cut struct {
	from  io.ReadCloser
	first []byte
	left  []byte
	over  bool
}

func (c *cut) Read(b []byte) (int, error) {
	for !c.over {
		some := make([]byte, 4096)
		n, err := c.from.Read(some)
		c.first = append(c.first, some[:n]...)
		if i := bytes.Index(c.first, []byte("\ndata: ")); i >= 0 {
			if end := bytes.Index(c.first[i:], []byte("\n\n")); end >= 0 {
				c.left, c.over = c.first[:i+end+2], true
			}
		}
		if err != nil && !c.over {
			return 0, err
		}
	}
	n := copy(b, c.left)
	if c.left = c.left[n:]; n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}

func (c *cut) Close() error { return c.from.Close() }

// TestTheScripts: each script starts a night and follows it over a line that
// breaks, fetches what came of it, and says what is wrong.
func TestTheScripts(t *testing.T) {
	t.Parallel()
	h := open(t, want{opens: -time.Minute})
	w := h.serve()
	server, key := w.url, w.key
	type going struct {
		path, dir string
		line      *badLine
		ended     chan done
	}
	all := map[string]going{}
	for _, s := range scripts {
		if !have(t, s.needs) {
			continue
		}
		line, bad := newBadLine(t, server)
		g := going{h.manifest(s.name+"-digest", 3, ""), t.TempDir(), line, make(chan done, 1)}
		all[s.name] = g
		go func() { g.ended <- h.script(s.file, bad, key, g.dir, g.path) }()
	}
	// The nights go on when both are followed: what is lost is lost in between.
	for _, g := range all {
		select {
		case <-g.line.followed:
		case d := <-g.ended:
			t.Fatalf("it ended before anybody worked: exit %d\n%s", d.code, d.stderr)
		}
	}
	h.worker()
	for _, s := range scripts {
		g, ok := all[s.name]
		if !ok {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			d, line := <-g.ended, g.line
			if d.code != 0 {
				t.Fatalf("exit %d\n%s%s", d.code, d.out, d.stderr)
			}
			t.Log("\n" + d.stderr) // as its user sees it
			files := filepath.Join(g.dir, s.name+"-digest-"+string(h.night()))
			results, err := os.ReadFile(files + ".jsonl")
			if err != nil {
				t.Fatal(err)
			}
			checkResults(t, string(results), 3)
			report, err := os.ReadFile(files + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var r batch.Result
			if err := json.Unmarshal(report, &r); err != nil || r.Jobs.Succeeded != 3 || !r.Audit.Passed {
				t.Errorf("the report: %+v, %v", r, err)
			}
			if left, _ := filepath.Glob(filepath.Join(g.dir, "*.part")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if len(line.starts) != 2 || line.starts[0] == "" || line.starts[0] != line.starts[1] {
				t.Errorf("started with the keys %q, want the same one twice", line.starts)
			}
			if len(line.seen) < 3 || line.seen[0] != "" || line.seen[1] == "" || line.seen[2] == "" || line.seen[1] == line.seen[2] {
				t.Errorf("followed from %q, want from the start and then each time from what was seen last", line.seen)
			}
			if n := len(h.books().of("Job 001")); n > len(all) {
				t.Errorf("a job of %d manifests was sent %d times", len(all), n)
			}

			try := func(what, key, path string, code int, say ...string) {
				d := h.script(s.file, server, key, g.dir, path)
				if d.code != code {
					t.Errorf("%s: exit %d, want %d\n%s", what, d.code, code, d.stderr)
				}
				for _, text := range say {
					if !strings.Contains(d.stderr, text) {
						t.Errorf("%s: %q isn't said\n%s", what, text, d.stderr)
					}
				}
				if strings.Contains(d.out+d.stderr, key) {
					t.Errorf("%s: the key was printed", what)
				}
			}
			try("the same command again", key, g.path, batch.ExitDone)
			try("refused for money", key, h.manifest(s.name+"-refused", 2, "budget: {batch: 0.000001}\n"), batch.ExitMoney, "OverBudget", "budget.batch")
			try("a bad manifest", key, h.file(s.name+"-wrong.yaml", "name: Bad Name\njbos: []\n"), batch.ExitBadInput, "jbos", "Bad Name")
			try("a key that nobody has", "offpeak_nobodys", g.path, batch.ExitBadInput, "Unauthenticated")
		})
	}
	t.Cleanup(func() {
		if n := len(h.books().posts); n != 3*len(all) {
			t.Errorf("%d paid requests for %d jobs", n, 3*len(all))
		}
	})
}
