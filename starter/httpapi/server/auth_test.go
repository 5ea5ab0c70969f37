package server_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/httpapi/server"
)

// TestWhoComesIn: no key, a wrong one, a good one; what is public needs none.
func TestWhoComesIn(t *testing.T) {
	t.Parallel()
	file, reader, operator := keyFile(t)
	s := serve(t, server.Options{Keys: ring(t, keys.Source{File: file})})
	for _, c := range []struct {
		what   string
		header []string
		status int
	}{
		{"none", nil, 401},
		{"wrong", []string{"Authorization: Bearer offpeak_wrong"}, 401},
		{"a part", []string{"Authorization: Bearer " + reader[:20]}, 401},
		{"another scheme", []string{"Authorization: Basic " + reader}, 401},
		{"bare", []string{"Authorization: " + reader}, 401},
		{"in another header", []string{"X-Api-Key: " + reader}, 401},
		{"good", []string{"Authorization: Bearer " + reader}, 200},
		{"good, small letters", []string{"authorization: bearer  " + operator}, 200},
	} {
		r := s.ask("GET", "/v1/who", nil, c.header...)
		if r.status != c.status {
			t.Errorf("%s: %d %s", c.what, r.status, r.text)
		}
		if c.status != 401 {
			continue
		}
		if p := r.problem(t); p.Kind != problem.Unauthenticated || p.Hint == "" {
			t.Errorf("%s: %+v", c.what, p)
		}
		if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("%s: %v", c.what, r.header)
		}
	}
	if r := s.ask("GET", "/v1/who", nil, "Authorization: Bearer "+reader); r.text != `{"id":"desk","known":true,"scope":"read"}`+"\n" {
		t.Errorf("who: %s", r.text)
	}
	for path, status := range map[string]int{"/docs": 200, "/healthz": 200, "/readyz": 200, "/v1": 401, "/v1/": 401, "/V1/who": 401, "/docs/../v1/who": 401, "/%76%31/who": 401, "/elsewhere": 401} {
		if r := s.ask("GET", path, nil); r.status != status {
			t.Errorf("%s without a key: %d", path, r.status)
		}
	}
	for _, secret := range []string{reader, operator, "offpeak_wrong"} {
		if strings.Contains(s.log.String(), secret[8:]) {
			t.Error("a secret is in the log")
		}
	}
	if !strings.Contains(s.log.String(), `"key":"desk"`) {
		t.Errorf("who asked isn't in the log: %s", s.log)
	}
}

// TestRates: each key has its own; refusals are counted by address, and a good
// key comes in beside them.
func TestRates(t *testing.T) {
	t.Parallel()
	file, reader, operator := keyFile(t)
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	s := serve(t, server.Options{
		Keys: ring(t, keys.Source{File: file}), Now: c.Now,
		Limits: server.Limits{PerKey: 0.5, PerKeyBurst: 3, Failures: 0.1, FailBurst: 2},
	})
	as := func(secret string) reply { return s.ask("GET", "/v1/who", nil, "Authorization: Bearer "+secret) }
	for range 3 {
		if r := as(reader); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	r := as(reader)
	if p := r.problem(t); r.status != 429 || p.Kind != problem.TooManyRequests || r.header.Get("Retry-After") != "2" {
		t.Errorf("%d %v %+v", r.status, r.header, p)
	}
	if r := as(operator); r.status != 200 {
		t.Errorf("another key: %d", r.status)
	}
	for i, want := range []int{401, 401, 429, 429} {
		if r := as("offpeak_guess" + strconv.Itoa(i)); r.status != want || (want == 429) != (r.header.Get("Retry-After") == "10") {
			t.Errorf("guess %d: %d %v", i, r.status, r.header)
		}
	}
	if r := as(operator); r.status != 200 {
		t.Errorf("a good key beside guesses: %d", r.status)
	}
	c.pass(2 * time.Second)
	if r := as(reader); r.status != 200 {
		t.Errorf("after the wait: %d", r.status)
	}
	if r := as("offpeak_guess"); r.status != 429 {
		t.Errorf("a guess after 2 s: %d", r.status)
	}
	c.pass(10 * time.Second)
	if r := as("offpeak_guess"); r.status != 401 {
		t.Errorf("a guess after 12 s: %d", r.status)
	}
}

// TestPages: what isn't the API's is the pages' to guard, and nobody guesses
// keys by signing in.
func TestPages(t *testing.T) {
	t.Parallel()
	file, reader, _ := keyFile(t)
	s := serve(t, server.Options{
		Keys: ring(t, keys.Source{File: file}), Now: (&clock{now: time.Unix(1_800_000_000, 0)}).Now, Limits: server.Limits{FailBurst: 3},
		Pages: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, known := keys.From(r.Context())
			_, _ = fmt.Fprintf(w, "page %s %v", r.URL.Path, known)
		}),
	})
	for _, path := range []string{"/", "/login", "/nights/a/2026-11-22", "/v1x", "/docsx"} {
		if r := s.ask("GET", path, nil); r.text != "page "+path+" false" {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	for _, path := range []string{"/v1", "/v1/", "/v1/who"} {
		if r := s.ask("GET", path, nil); r.status != 401 {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if r := s.ask("GET", "/docs", nil); r.text != "docs" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.ask("GET", "/v1/who", nil, "Authorization: Bearer "+reader); r.status != 200 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.ask("POST", "/login", strings.NewReader("key=guess")); r.status != 429 { // three were refused above
		t.Errorf("a guess: %d %s", r.status, r.text)
	}
}

// TestRotation: keys change while the server runs; who follows a night with one
// that was revoked is cut off; a broken file changes nothing and is told of.
func TestRotation(t *testing.T) {
	t.Parallel()
	file, reader, operator := keyFile(t)
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	s := serve(t, server.Options{Keys: ring(t, keys.Source{File: file, Now: c.Now}), Now: c.Now})
	as := func(secret string) int { return s.ask("GET", "/v1/who", nil, "Authorization: Bearer "+secret).status }
	follow := func(secret string) *http.Response {
		return s.begin("GET", "/v1/batches/a/2026-11-22/events", nil, "Authorization: Bearer "+secret)
	}
	newReader, line, err := keys.New("desk", keys.Read)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(lines)+line)
	c.pass(time.Second)
	if as(reader) != 200 || as(newReader) != 200 {
		t.Error("old and new hold beside each other")
	}
	old, good := follow(reader), follow(newReader)
	defer old.Body.Close()
	defer good.Body.Close()
	events := lineReader(good.Body)
	if got := <-events; got != "retry: 2000" {
		t.Errorf("%q", got)
	}
	_, two, _ := strings.Cut(string(lines), "\n")
	write(t, file, line+"\n"+two)
	s.Reload()
	for range lineReader(old.Body) {
	}
	if as(reader) != 401 || as(newReader) != 200 || as(operator) != 200 {
		t.Error("the old key is good, or others aren't")
	}
	select {
	case _, more := <-events:
		if !more {
			t.Error("a good key's stream ended")
		}
	default:
	}
	write(t, file, "desk:read:"+newReader)
	c.pass(time.Second)
	if as(newReader) != 200 {
		t.Error("a broken file took the keys away")
	}
	c.pass(time.Second)
	r := s.ask("GET", "/readyz", nil)
	if r.status != 503 || !strings.Contains(r.text, `{"name":"keys","ok":false`) || strings.Contains(r.text, file) {
		t.Errorf("%d %s", r.status, r.text)
	}
	if !strings.Contains(s.log.String(), file) || strings.Contains(s.log.String(), newReader) {
		t.Error("the log doesn't say which file, or says the secret")
	}
	write(t, file, line)
	c.pass(time.Second)
	if r := s.ask("GET", "/readyz", nil); r.status != 200 {
		t.Errorf("mended: %d %s", r.status, r.text)
	}
}

// TestAddresses: without keys nobody listens where others can reach it.
func TestAddresses(t *testing.T) {
	t.Parallel()
	none := ring(t, keys.Source{})
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1", ""} {
		_, err := server.New(context.Background(), server.Options{Addr: addr, Keys: none})
		if batch.KindOf(err) != batch.BadInput {
			t.Errorf("%q: %v", addr, err)
		}
	}
	_, err := server.New(context.Background(), server.Options{Addr: ":0", Keys: none, Cert: "x", Origins: []string{"*", "null", "https://a/", "ftp://a"}})
	for _, want := range []string{"no keys", "--tls-key", `"*"`, `"null"`, `"https://a/"`, `"ftp://a"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q isn't said: %v", want, err)
		}
	}
	file, _, _ := keyFile(t)
	s, err := server.New(context.Background(), server.Options{Addr: ":0", Keys: ring(t, keys.Source{File: file})})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
