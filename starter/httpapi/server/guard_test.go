package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/offpeak/offpeak/batch"

	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/httpapi/server"
)

// TestOtherNames: without keys the server answers to this machine's names
// alone, so that a page elsewhere can't reach it under its own.
func TestOtherNames(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	_, port, _ := strings.Cut(s.Addr(), ":")
	for host, status := range map[string]int{
		"localhost:" + port: 200, "LOCALHOST:" + port: 200, "127.0.0.1:" + port: 200, "[::1]:" + port: 200,
		"evil.example:" + port: 403, "evil.example": 403, "127.0.0.1": 403, "localhost:1": 403, "localhost.evil.example:" + port: 403,
		"127.0.0.1.evil.example:" + port: 403, "192.0.2.1:" + port: 403, "[::]:" + port: 403,
	} {
		for _, path := range []string{"/v1/who", "/docs", "/readyz"} {
			r := s.ask("GET", path, nil, "Host: "+host)
			if r.status != status {
				t.Errorf("%s as %s: %d %s", path, host, r.status, r.text)
			}
			if status == 403 {
				if p := r.problem(t); p.Kind != problem.Forbidden || p.Hint == "" {
					t.Errorf("%+v", p)
				}
			}
		}
	}
	if r := s.ask("GET", "/v1/who", nil); r.text != `{"id":"","known":true,"scope":"operate"}`+"\n" {
		t.Errorf("without keys everybody operates: %s", r.text)
	}
	file, reader, _ := keyFile(t)
	guarded := serve(t, server.Options{Keys: ring(t, keys.Source{File: file})})
	if r := guarded.ask("GET", "/v1/who", nil, "Host: nights.example.com", "Authorization: Bearer "+reader); r.status != 200 {
		t.Errorf("with keys any name will do: %d", r.status)
	}
}

// TestOtherOrigins: pages elsewhere may do nothing, but for those that were named.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	const desk, evil = "https://desk.example.com", "https://evil.example"
	closed, open := serve(t, server.Options{}), serve(t, server.Options{Origins: []string{desk}})
	preflight := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"}
	for _, c := range []struct {
		what, method, path, origin string
		header                     []string
		at                         *site
		status                     int
		allowed                    bool
	}{
		{"a change", "POST", "/v1/read", evil, []string{"Sec-Fetch-Site: cross-site"}, closed, 403, false},
		{"a change, old browser", "POST", "/v1/read", evil, nil, closed, 403, false},
		{"of nobody", "POST", "/v1/read", "null", nil, closed, 403, false},
		{"a look, unreadable", "GET", "/v1/who", evil, []string{"Sec-Fetch-Site: cross-site"}, closed, 200, false},
		{"a question", "OPTIONS", "/v1/read", evil, preflight, closed, 405, false},
		{"a question of one not named", "OPTIONS", "/v1/read", evil, preflight, open, 405, false},
		{"a change by one not named", "POST", "/v1/read", evil, nil, open, 403, false},
		{"a question of one that is named", "OPTIONS", "/v1/read", desk, preflight, open, 204, true},
		{"a change by it", "POST", "/v1/read", desk, []string{"Sec-Fetch-Site: cross-site"}, open, 200, true},
		{"a look by it", "GET", "/v1/who", desk, nil, open, 200, true},
		{"a page of ours", "POST", "/v1/read", closed.URL(), []string{"Sec-Fetch-Site: same-origin"}, closed, 200, false},
		{"no browser", "POST", "/v1/read", "", nil, closed, 200, false},
	} {
		header := c.header
		if c.origin != "" {
			header = append([]string{"Origin: " + c.origin}, header...)
		}
		r := c.at.ask(c.method, c.path, strings.NewReader("x"), header...)
		want := ""
		if c.allowed {
			want = c.origin
		}
		if r.status != c.status || r.header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%s: %d %v", c.what, r.status, r.header)
		}
		if c.status == 204 && (!strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "Authorization") || r.header.Get("Access-Control-Allow-Methods") == "") {
			t.Errorf("%s: %v", c.what, r.header)
		}
		if r.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies are allowed", c.what)
		}
	}
}

// TestHeaders: what browsers are told, and the request's id.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	for _, path := range []string{"/v1/who", "/v1/nothing", "/healthz", "/v1/panic"} {
		r := s.ask("GET", path, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Server": "",
		} {
			if r.header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, r.header.Get(name))
			}
		}
		if _, err := uuid.Parse(r.header.Get("X-Request-Id")); err != nil {
			t.Errorf("%s: id %q", path, r.header.Get("X-Request-Id"))
		}
	}
	id := uuid.NewString()
	if r := s.ask("GET", "/v1/who", nil, "X-Request-Id: "+id); r.header.Get("X-Request-Id") != id || !strings.Contains(s.log.String(), id) {
		t.Errorf("the client's id isn't kept: %v", r.header)
	}
	if r := s.ask("GET", "/v1/who", nil, "X-Request-Id: "+planted); r.header.Get("X-Request-Id") == planted {
		t.Error("anything is an id")
	}
}

// TestPanics: an answer with the request's id, a stack in the log, and the
// server goes on; half an answer is not made to look whole.
func TestPanics(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	for path, panicked := range map[string]string{"/v1/panic": "of type string", "/v1/nil": "nil pointer dereference"} {
		r := s.ask("GET", path, nil)
		id := r.header.Get("X-Request-Id")
		if p := r.problem(t); r.status != 500 || p.Kind != batch.Internal || strings.Contains(r.text, "goroutine") {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
		var line struct{ Panic, Stack, Route string }
		for text := range strings.Lines(s.log.String()) {
			if strings.Contains(text, id) && strings.Contains(text, "panicked") {
				if err := json.Unmarshal([]byte(text), &line); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !strings.Contains(line.Panic, panicked) || !strings.Contains(line.Stack, "harness_test.go") || line.Route != "GET "+path {
			t.Errorf("%s: logged %+v", path, line)
		}
	}
	res := s.begin("GET", "/v1/half", nil)
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err == nil || string(text) != "half an answer" {
		t.Errorf("%q, %v", text, err)
	}
	if r := s.ask("GET", "/v1/who", nil); r.status != 200 {
		t.Errorf("afterwards: %d", r.status)
	}
}

// TestNothingLeaks: a secret is planted wherever a client can put one, and is
// neither in the log nor in an answer.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	file, reader, operator := keyFile(t)
	s := serve(t, server.Options{Keys: ring(t, keys.Source{File: file}), Limits: server.Limits{Body: 100}})
	auth := "Authorization: Bearer " + operator
	var said strings.Builder
	asked := 0
	ask := func(method, path string, body string, header ...string) {
		r := s.ask(method, path, strings.NewReader(body), header...)
		asked++
		said.WriteString(r.text)
		for name, values := range r.header {
			said.WriteString(name + strings.Join(values, " "))
		}
	}
	everywhere := []string{
		"X-Request-Id: " + planted, "User-Agent: " + planted, "Referer: https://h/" + planted, "Cookie: k=" + planted, "X-Forwarded-For: " + planted,
		"Idempotency-Key: " + planted, "Last-Event-ID: " + planted, "Content-Type: " + planted, "Accept: " + planted,
	}
	for _, path := range []string{"/v1/who", "/v1/read", "/v1/panic", "/v1/nil", "/docs", "/healthz", "/readyz"} {
		for _, method := range []string{"GET", "POST", "DELETE", strings.ToUpper(strings.ReplaceAll(planted, "-", ""))} {
			ask(method, path+"?key="+planted, planted, append([]string{auth}, everywhere...)...)
			ask(method, path+"?key="+planted, planted, append([]string{"Authorization: Bearer " + planted}, everywhere...)...)
			ask(method, path, planted, "Origin: https://"+planted+".example", "Host: "+planted+".example")
		}
	}
	ask("POST", "/v1/read", strings.Repeat(planted, 100), auth)
	res := s.begin("GET", "/v1/half", nil, auth)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	// In a path: whoever asked may be told what he asked for, the log not.
	r := s.ask("GET", "/v1/"+planted, nil, auth)
	if r.status != 404 {
		t.Errorf("%d", r.status)
	}
	// On the wire, where it is no HTTP at all.
	for _, text := range []string{planted + "\r\n\r\n", "GET /" + planted + " HTTP/9.9\r\n\r\n", "GET /v1/who HTTP/1.1\r\nHost: a b " + planted + "\r\n\r\n", "GET /v1/who HTTP/1.1\r\nHost: a\r\n" + planted + "\x00: x\r\n\r\n"} {
		conn := s.dial()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(conn)
		said.Write(answer)
	}
	s.stop()
	<-s.ended
	log := s.log.String()
	for _, secret := range []string{planted, "HUNTER2", reader, reader[8:], operator[8:], file} {
		for where, text := range map[string]string{"the log": log, "an answer": said.String()} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s tells %q: %s", where, secret, text[max(0, at-300):min(len(text), at+100)])
			}
		}
	}
	if n := strings.Count(log, `"msg":"request"`); n < asked {
		t.Errorf("%d requests are logged of %d", n, asked)
	}
	var line map[string]any
	for text := range bytes.Lines([]byte(log)) {
		if !bytes.Contains(text, []byte(`"msg":"request"`)) {
			continue
		}
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"method", "route", "status", "bytes", "ms", "key", "request_id"} {
			if _, there := line[name]; !there {
				t.Fatalf("a line without %s: %s", name, text)
			}
		}
	}
}

// TestAtOnce: beyond its bound the server says so instead of taking more on.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{Limits: server.Limits{Requests: 2}})
	answers := make(chan *http.Response, 2)
	for range 2 {
		go func() {
			res, err := s.client.Get(s.URL() + "/v1/wait")
			if err != nil {
				t.Error(err)
			}
			answers <- res
		}()
	}
	<-s.begun
	<-s.begun
	if r := s.ask("GET", "/v1/who", nil); r.status != 503 || r.header.Get("Retry-After") != "1" || r.problem(t).Detail == "" {
		t.Errorf("%d %v %s", r.status, r.header, r.text)
	}
	if r := s.ask("GET", "/readyz", nil); r.status != 200 {
		t.Errorf("readyz: %d", r.status)
	}
	events := s.begin("GET", "/v1/batches/a/2026-11-22/events", nil)
	if events.StatusCode != http.StatusOK {
		t.Errorf("events: %d", events.StatusCode)
	}
	_ = events.Body.Close()
	close(s.release)
	for range 2 {
		if res := <-answers; res != nil {
			_ = res.Body.Close()
		}
	}
	if r := s.ask("GET", "/v1/who", nil); r.status != 200 {
		t.Errorf("afterwards: %d", r.status)
	}
}
