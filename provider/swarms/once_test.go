package swarms

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

// arrivals counts requests by their X-Job header or body, whole or not.
type arrivals struct {
	mu   sync.Mutex
	seen map[string]int
}

func (a *arrivals) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = map[string]int{}
	}
	a.seen[id]++
}

func (a *arrivals) of(id string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[id]
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 37\r\n\r\n" + `{"status":"success","swarm_name":"x"}`

// closing answers the first request of every connection, takes the second and
// closes without a word: what a restarting server or an idle timeout looks
// like to a client that keeps connections.
func closing(t *testing.T, got *arrivals) string {
	return rawServer(t, func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		in := bufio.NewReader(conn)
		for n := 1; ; n++ {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(r.Body)
			got.add(r.Method + string(body))
			if n == 2 {
				return
			}
			_, _ = io.WriteString(conn, okAnswer)
		}
	})
}

func TestPaidRequestArrivesOnce(t *testing.T) {
	t.Run("the server provokes net/http", func(t *testing.T) {
		// The proof that the test below can fail: the same server gets one and
		// the same POST twice from a client that marks it as safe to repeat.
		var got arrivals
		url := closing(t, &got)
		tr := wire.NewTransport()
		defer tr.CloseIdleConnections()
		for _, body := range []string{"first", "second"} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
			req.Header.Set("Idempotency-Key", body)
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if n := got.of("POSTsecond"); n != 2 {
			t.Errorf("the second POST arrived %d times; the server doesn't provoke a repetition any more", n)
		}
	})
	t.Run("paid", func(t *testing.T) {
		var got arrivals
		c := connect(t, Options{BaseURL: closing(t, &got)})
		for i := range 20 {
			payload := fmt.Sprintf(`{"n":%d}`, i)
			_, rec, err := c.Complete(t.Context(), []byte(payload))
			if n := got.of("POST" + payload); n != 1 {
				t.Errorf("request %d arrived %d times", i, n)
			}
			if i%2 == 1 {
				want(t, rec, faultOf(t, err), provider.WroteSome, batch.OutcomeUnknown, batch.MovedMaybe)
			} else if err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("free", func(t *testing.T) {
		var got arrivals
		c := connect(t, Options{BaseURL: closing(t, &got)})
		failed := 0
		for range 20 {
			if _, err := c.Health(t.Context()); err != nil && batch.KindOf(err) == batch.OutOfReach {
				failed++
			}
		}
		if n := got.of("GET"); n != 20 {
			t.Errorf("20 reads arrived as %d requests", n)
		}
		if failed == 0 {
			t.Error("no read met a closing connection")
		}
	})
}

// A server that closes behind its back races with the next request. Whoever
// wins: what is called not sent didn't arrive, what is answered arrived once.
func TestKeptConnectionRace(t *testing.T) {
	var got arrivals
	url := rawServer(t, func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		in := bufio.NewReader(conn)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		got.add(string(body))
		_, _ = io.WriteString(conn, okAnswer) // kept, it says, and closes
	})
	c := connect(t, Options{BaseURL: url})
	verdicts := map[batch.Kind]int{}
	for i := range 600 {
		payload := fmt.Sprintf(`{"n":%d}`, i)
		_, rec, err := c.Complete(t.Context(), []byte(payload))
		n, kind := got.of(payload), batch.KindOf(err)
		verdicts[kind]++
		switch kind {
		case "":
			if n != 1 {
				t.Errorf("request %d was answered and arrived %d times", i, n)
			}
		case batch.NotSent:
			if n != 0 || rec.Wrote != provider.WroteNothing {
				t.Errorf("request %d was not sent and arrived %d times", i, n)
			}
		case batch.OutcomeUnknown:
			if n > 1 {
				t.Errorf("request %d arrived %d times", i, n)
			}
		default:
			t.Errorf("request %d: %v", i, err)
		}
	}
	t.Logf("verdicts: %v", verdicts)
}

// No header may invite a repetition, and the key goes only where it belongs.
func TestHeadersOnTheWire(t *testing.T) {
	var mu sync.Mutex
	heads := map[string]http.Header{}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		heads[r.Method+" "+r.URL.Path] = r.Header.Clone()
		mu.Unlock()
		if r.ContentLength < 0 || len(r.TransferEncoding) > 0 {
			t.Errorf("%s %s came without a length", r.Method, r.URL.Path)
		}
		answer(200, "application/json", `{"status":"ok","swarm_name":"x","total_credits":1}`)(w, r)
	})
	_, _, f := complete(t, c)
	if f == nil {
		t.Error("status ok without usage is no success of a run")
	}
	if _, _, err := c.Credits(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.Health(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for what, key := range map[string]string{"POST " + PathCompletions: testKey, "GET " + PathCredits: testKey, "GET " + PathHealth: ""} {
		h := heads[what]
		if h.Get("X-Api-Key") != key || h.Get("Authorization") != "" || h.Get("Idempotency-Key") != "" || h.Get("X-Idempotency-Key") != "" || h.Get("User-Agent") != defaultUserAgent {
			t.Errorf("%s: unexpected headers", what)
		}
	}
	if ct := heads["POST "+PathCompletions].Get("Content-Type"); ct != "application/json" {
		t.Errorf("content type %q", ct)
	}
}

// A redirect could repeat a POST somewhere else; none is followed.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var got arrivals
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got.add(r.URL.Path)
		_, _ = io.Copy(io.Discard, r.Body)
		http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
	})
	_, _, f := complete(t, c)
	if f == nil || f.Kind != batch.RejectedByAPI || got.of("/other") != 0 || got.of(PathCompletions) != 1 {
		t.Errorf("%v, %v", f, got.seen)
	}
}
