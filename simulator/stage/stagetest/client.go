// Package stagetest is the exam that every simulated API sits, and the plain
// client of its own tests.
package stagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/simulator/stage"
)

// Client talks to a simulator on a real socket, and never sends twice.
type Client struct {
	T       testing.TB
	URL     string
	Headers map[string]string // sent with every request
	http    *http.Client
}

// Start serves until the test ends.
func Start(t testing.TB, s *stage.Server, headers map[string]string) *Client {
	t.Helper()
	web := httptest.NewServer(s)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(func() {
		s.Close()
		transport.CloseIdleConnections()
		web.Close()
	})
	return &Client{T: t, URL: web.URL, Headers: headers, http: &http.Client{
		Transport: transport, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// As is the same client with other headers.
func (c *Client) As(headers map[string]string) *Client {
	other := *c
	other.Headers = headers
	return &other
}

// Answer is what came back, read to its end.
type Answer struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
	Err    error // of the exchange, or of reading the body
}

// Do sends one request.
func (c *Client) Do(method, path, body string) Answer {
	c.T.Helper()
	req, err := http.NewRequestWithContext(c.T.Context(), method, c.URL+path, strings.NewReader(body))
	if err != nil {
		c.T.Fatal(err)
	}
	req.GetBody = nil // what is counted here must not be sent again by net/http
	for k, v := range c.Headers {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{t: c.T, Err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return Answer{c.T, resp.StatusCode, resp.Header, string(b), err}
}

// Get sends one GET, Post one POST.
func (c *Client) Get(path string) Answer { c.T.Helper(); return c.Do(http.MethodGet, path, "") }

func (c *Client) Post(path, body string) Answer {
	c.T.Helper()
	return c.Do(http.MethodPost, path, body)
}

// Want fails the test unless the answer came whole with the status, and, for
// pairs of path and value, says so: Want(400, "error.code", "invalid_request").
func (a Answer) Want(status int, pairs ...string) Answer {
	a.t.Helper()
	if a.Err != nil || a.Status != status {
		a.t.Fatalf("want %d, got %d %s, %v", status, a.Status, a.Body, a.Err)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := a.Dig(pairs[i]); got != pairs[i+1] {
			a.t.Errorf("%s = %s, want %s, in %s", pairs[i], got, pairs[i+1], a.Body)
		}
	}
	return a
}

// Dig finds a value in the body by its path, such as "data.shorts.0.id";
// numbers stay as they are printed, and what isn't there is "(none)".
func (a Answer) Dig(path string) string {
	a.t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(a.Body)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		a.t.Fatalf("%v in %.300s", err, a.Body)
	}
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				return "(none)"
			}
			v = x[i]
		default:
			return "(none)"
		}
	}
	if v == nil {
		return "(none)"
	}
	return fmt.Sprint(v)
}
