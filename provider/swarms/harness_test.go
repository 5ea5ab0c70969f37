package swarms

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"go.uber.org/goleak"
)

const testKey = "sk-0123456789-this-is-a-test-key"

// secretPart is found in any spelling of testKey.
const secretPart = "this-is-a-test-key"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a real server on loopback and a client of it.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return connect(t, Options{BaseURL: srv.URL})
}

func connect(t *testing.T, o Options) *Client {
	t.Helper()
	o.Key = testKey
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second // no test waits for it
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// answer is a handler that always says the same. The request is read first:
// a server that answers and closes on unread bytes resets the connection.
func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// rawServer answers each connection with f, below HTTP.
func rawServer(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go f(conn)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// faultOf is err as a fault, and proves that it holds no key.
func faultOf(t *testing.T, err error) *batch.Fault {
	t.Helper()
	var f *batch.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v (%T) is no fault", err, err)
	}
	noKey(t, f, *f, f.Err)
	if f.Op == "" || f.Kind == "" || f.Moved == "" {
		t.Errorf("fault says too little: %+v", *f)
	}
	return f
}

// noKey fails when the key shows in any printed form of vs.
func noKey(t *testing.T, vs ...any) {
	t.Helper()
	for _, v := range vs {
		j, _ := json.Marshal(v)
		all := fmt.Sprintf("%v\n%+v\n%#v\n%s", v, v, v, j)
		if strings.Contains(all, secretPart) {
			t.Errorf("the key shows in %T: %s", v, all)
		}
	}
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// complete sends a payload and proves what holds for every answer.
func complete(t *testing.T, c *Client) (Completion, provider.Receipt, *batch.Fault) {
	t.Helper()
	run, rec, err := c.Complete(t.Context(), []byte(`{"name":"x","task":"say hello"}`))
	return checked(t, c, run, rec, err)
}

func checked(t *testing.T, c *Client, run Completion, rec provider.Receipt, err error) (Completion, provider.Receipt, *batch.Fault) {
	t.Helper()
	noKey(t, rec, run, string(run.Raw), string(run.Output), c, *c)
	if rec.Method != http.MethodPost || rec.Path != PathCompletions || rec.SentAt.IsZero() || rec.Elapsed < 0 {
		t.Errorf("receipt is incomplete: %+v", rec)
	}
	if (rec.Status != 0) != (rec.Wrote == provider.Answered) {
		t.Errorf("receipt says %q with status %d", rec.Wrote, rec.Status)
	}
	if err == nil {
		return run, rec, nil
	}
	return run, rec, faultOf(t, err)
}
