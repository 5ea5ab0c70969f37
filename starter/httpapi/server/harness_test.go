package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/obs"
	"github.com/offpeak/offpeak/starter/httpapi/events"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/httpapi/server"
	"github.com/offpeak/offpeak/starter/nightly"
)

// site is a server on a real socket, with operations that show what comes
// through to them.
type site struct {
	*server.Server
	t      *testing.T
	log    *buffer
	hub    *events.Hub
	client *http.Client
	ended  chan error // of Run
	stop   context.CancelFunc
	cut    chan struct{}

	begun   chan struct{} // an operation that waits has begun
	release chan struct{} // and may end
	broken  chan error    // what a write ended with
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// planted stands for whatever must not be told to anybody.
const planted = "hunter2-never-to-be-told"

func serve(t *testing.T, o server.Options) *site {
	t.Helper()
	s := &site{
		t: t, log: &buffer{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}, ended: make(chan error, 1), cut: make(chan struct{}),
		begun: make(chan struct{}, 100), release: make(chan struct{}), broken: make(chan error, 1),
	}
	var err error
	if o.Log, err = obs.New(obs.Options{Level: "debug", Out: s.log}); err != nil {
		t.Fatal(err)
	}
	if o.Keys == nil {
		if o.Keys, err = keys.Open(keys.Source{}); err != nil {
			t.Fatal(err)
		}
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	s.hub = events.New(events.Options{Find: s.find, Shape: func(v nightly.View) any { return v.Progress }, Log: o.Log})
	o.Handler, o.Drain = s.operations(), s.hub.Close
	if s.Server, err = server.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.ended <- s.Run(ctx, s.cut); close(s.ended) }()
	t.Cleanup(func() {
		stop()
		s.client.CloseIdleConnections()
		select {
		case <-s.cut:
		default:
			close(s.cut)
		}
		for range s.ended {
		}
	})
	return s
}

// find is a night that goes on.
func (s *site) find(context.Context, batch.ID) (events.Look, error) {
	return func(context.Context) (nightly.View, error) {
		return nightly.View{Progress: batch.Progress{Batch: "a/2026-11-22", State: "sending"}}, nil
	}, nil
}

func (s *site) operations() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/who", func(w http.ResponseWriter, r *http.Request) {
		k, ok := keys.From(r.Context())
		_ = json.NewEncoder(w).Encode(map[string]any{"id": k.ID, "scope": k.Scope, "known": ok})
	})
	mux.HandleFunc("POST /v1/read", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, "as a handler would have it: "+err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]int64{"bytes": n})
	})
	mux.HandleFunc("POST /v1/unread", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/wait", func(w http.ResponseWriter, r *http.Request) {
		s.begun <- struct{}{}
		select {
		case <-s.release:
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("GET /v1/endless", func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 64<<10)
		for {
			if _, err := w.Write(piece); err != nil {
				s.broken <- err
				return
			}
		}
	})
	mux.HandleFunc("GET /v1/panic", func(http.ResponseWriter, *http.Request) { panic(planted) })
	mux.HandleFunc("GET /v1/nil", func(http.ResponseWriter, *http.Request) {
		var v *nightly.View
		_ = v.Progress.State
	})
	mux.HandleFunc("GET /v1/half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half an answer")
		_ = http.NewResponseController(w).Flush()
		panic(planted)
	})
	mux.HandleFunc("GET /v1/batches/{name}/{night}/events", func(w http.ResponseWriter, r *http.Request) {
		id := batch.ID(r.PathValue("name") + "/" + r.PathValue("night"))
		if err := s.hub.Stream(r.Context(), id, r.Header.Get("Last-Event-ID"), w); err != nil {
			problem.Write(w, r, err)
		}
	})
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "docs") })
	return mux
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	text   string
}

// problem is the answer as one.
func (r reply) problem(t *testing.T) problem.Problem {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal([]byte(r.text), &p); err != nil || r.header.Get("Content-Type") != problem.ContentType || p.Status != r.status {
		t.Errorf("not a problem: %d %s %q", r.status, r.header.Get("Content-Type"), r.text)
	}
	return p
}

// ask sends one request; header is "Name: value" lines.
func (s *site) ask(method, path string, body io.Reader, header ...string) reply {
	s.t.Helper()
	res := s.begin(method, path, body, header...)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

func (s *site) begin(method, path string, body io.Reader, header ...string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res
}

// dial is a connection on which a test writes what it likes.
func (s *site) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// read is one answer from a connection.
func read(t *testing.T, c net.Conn) (reply, *bufio.Reader) {
	t.Helper()
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(text)}, r
}

// keyFile is a file of keys with one of each scope.
func keyFile(t *testing.T) (file, reader, operator string) {
	t.Helper()
	reader, one, err := keys.New("desk", keys.Read)
	if err != nil {
		t.Fatal(err)
	}
	operator, two, err := keys.New("ci", keys.Operate)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "keys")
	write(t, file, one+"\n"+two+"\n")
	return file, reader, operator
}

func ring(t *testing.T, s keys.Source) *keys.Ring {
	t.Helper()
	r, err := keys.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write replaces a file at once, as whoever rotates should.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
