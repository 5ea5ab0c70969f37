package swarms

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

// readRequest takes one request off a raw connection.
func readRequest(conn net.Conn) error {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	return err
}

// oneAnswer reads a request, writes bytes and closes.
func oneAnswer(wire string) func(net.Conn) {
	return func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		if readRequest(conn) == nil {
			_, _ = io.WriteString(conn, wire)
		}
	}
}

// resetConn closes with RST instead of FIN.
func resetConn(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// want compares what matters of a request that went wrong.
func want(t *testing.T, rec provider.Receipt, f *batch.Fault, wrote provider.Wrote, kind batch.Kind, moved batch.Moved) {
	t.Helper()
	if f == nil {
		t.Fatalf("no fault; receipt %+v", rec)
	}
	if rec.Wrote != wrote || f.Kind != kind || f.Moved != moved {
		t.Errorf("got %s %s %s, want %s %s %s; %v", rec.Wrote, f.Kind, f.Moved, wrote, kind, moved, f)
	}
}

func TestNothingWritten(t *testing.T) {
	t.Run("refused connection", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		_, rec, f := complete(t, connect(t, Options{BaseURL: "http://" + l.Addr().String()}))
		want(t, rec, f, provider.WroteNothing, batch.NotSent, batch.MovedNo)
		if !errors.Is(f, syscall.ECONNREFUSED) {
			t.Errorf("cause of %v is lost", f)
		}
	})
	t.Run("unknown host", func(t *testing.T) {
		tr := wire.NewTransportVia(&net.Dialer{Resolver: noSuchName(t)})
		tr.Proxy = nil
		c := connect(t, Options{BaseURL: "https://nonexistent.invalid", Transport: tr})
		_, rec, f := complete(t, c)
		want(t, rec, f, provider.WroteNothing, batch.NotSent, batch.MovedNo)
		if !strings.Contains(f.Detail, "no such host") {
			t.Errorf("detail %q", f.Detail)
		}
	})
	t.Run("unknown authority", func(t *testing.T) {
		srv := httptest.NewUnstartedServer(answer(200, "application/json", "{}"))
		srv.Config.ErrorLog = quiet()
		srv.StartTLS()
		t.Cleanup(srv.Close)
		_, rec, f := complete(t, connect(t, Options{BaseURL: srv.URL}))
		want(t, rec, f, provider.WroteNothing, batch.NotSent, batch.MovedNo)
	})
	t.Run("no TLS behind https", func(t *testing.T) {
		srv := httptest.NewServer(answer(200, "application/json", "{}"))
		t.Cleanup(srv.Close)
		_, rec, f := complete(t, connect(t, Options{BaseURL: strings.Replace(srv.URL, "http:", "https:", 1)}))
		want(t, rec, f, provider.WroteNothing, batch.NotSent, batch.MovedNo)
	})
	t.Run("timeout in the handshake", func(t *testing.T) {
		gone := make(chan struct{})
		url := rawServer(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn); _ = conn.Close(); close(gone) })
		tr := wire.NewTransport()
		tr.TLSHandshakeTimeout = 50 * time.Millisecond
		c := connect(t, Options{BaseURL: strings.Replace(url, "http:", "https:", 1), Transport: tr})
		_, rec, f := complete(t, c)
		want(t, rec, f, provider.WroteNothing, batch.NotSent, batch.MovedNo)
		<-gone
	})
	t.Run("cancelled before", func(t *testing.T) {
		c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, rec, err := c.Complete(ctx, []byte(`{}`))
		want(t, rec, faultOf(t, err), provider.WroteNothing, batch.Cancelling, batch.MovedNo)
	})
	t.Run("no payload", func(t *testing.T) {
		c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
		for _, p := range []string{"", "[]", `{"a":`, "null"} {
			_, rec, err := c.Complete(t.Context(), []byte(p))
			want(t, rec, faultOf(t, err), provider.WroteNothing, batch.BadInput, batch.MovedNo)
		}
		_, rec, err := c.CompleteBatch(t.Context(), []byte(`{}`))
		want(t, rec, faultOf(t, err), provider.WroteNothing, batch.BadInput, batch.MovedNo)
	})
}

func TestWrittenAndNotAnswered(t *testing.T) {
	for name, f := range map[string]func(net.Conn){
		"closed":             oneAnswer(""),
		"cut in the headers": oneAnswer("HTTP/1.1 200 OK\r\nContent-Ty"),
		"not HTTP":           oneAnswer("hello\r\n\r\n"),
		"reset":              func(conn net.Conn) { _ = readRequest(conn); resetConn(conn) },
		"reset unread":       func(conn net.Conn) { var b [1]byte; _, _ = io.ReadFull(conn, b[:]); resetConn(conn) },
		"only 1xx":           oneAnswer("HTTP/1.1 103 Early Hints\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, Options{BaseURL: rawServer(t, f)})
			_, rec, fault := complete(t, c)
			want(t, rec, fault, provider.WroteSome, batch.OutcomeUnknown, batch.MovedMaybe)
			_, rec, err := c.Credits(t.Context())
			want(t, rec, faultOf(t, err), provider.WroteSome, batch.OutOfReach, batch.MovedNo)
		})
	}
	t.Run("timeout", func(t *testing.T) {
		gone := make(chan struct{})
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			close(gone)
		})
		run, rec, err := c.Complete(WithTimeout(t.Context(), 50*time.Millisecond), []byte(`{}`))
		_, rec, f := checked(t, c, run, rec, err)
		want(t, rec, f, provider.WroteSome, batch.OutcomeUnknown, batch.MovedMaybe)
		if f.Detail != "no complete answer within 50ms" || !errors.Is(f, context.DeadlineExceeded) {
			t.Errorf("%v", f)
		}
		<-gone
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, rec, err := c.Complete(ctx, []byte(`{}`))
		want(t, rec, faultOf(t, err), provider.WroteSome, batch.OutcomeUnknown, batch.MovedMaybe)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a read is cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
		_, rec, err := c.Credits(ctx)
		want(t, rec, faultOf(t, err), provider.WroteSome, batch.Cancelling, batch.MovedNo)
	})
}

// A transport that reports no progress can't prove that nothing was written.
func TestSilentTransportIsNotTrusted(t *testing.T) {
	c := connect(t, Options{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("no idea") })})
	_, rec, f := complete(t, c)
	want(t, rec, f, provider.WroteSome, batch.OutcomeUnknown, batch.MovedMaybe)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAnsweredInPart(t *testing.T) {
	body := string(testdata(t, "completion.json"))
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
	for name, f := range map[string]func(net.Conn){
		"truncated":          oneAnswer(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body[:len(body)/2])),
		"announced too much": oneAnswer(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body)+9, body)),
		"chunks without end": oneAnswer(head + "Transfer-Encoding: chunked\r\n\r\n" + chunk),
		"headers and then rst": func(c net.Conn) {
			_ = readRequest(c)
			_, _ = io.WriteString(c, head+"Content-Length: 9\r\n\r\n{")
			resetConn(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, rec, fault := complete(t, connect(t, Options{BaseURL: rawServer(t, f)}))
			want(t, rec, fault, provider.Answered, batch.OutcomeUnknown, batch.MovedYes)
			if !rec.Truncated || rec.Status != 200 {
				t.Errorf("receipt %+v", rec)
			}
		})
	}
	t.Run("timeout in mid-body", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, body[:100])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		c.timeout = 100 * time.Millisecond
		_, rec, f := complete(t, c)
		want(t, rec, f, provider.Answered, batch.OutcomeUnknown, batch.MovedYes)
		if rec.BodySize != 100 || !rec.Truncated || f.Detail != "no complete answer within 100ms" {
			t.Errorf("receipt %+v, %v", rec, f)
		}
	})
	t.Run("switched protocols", func(t *testing.T) {
		url := rawServer(t, oneAnswer("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"))
		_, rec, f := complete(t, connect(t, Options{BaseURL: url}))
		want(t, rec, f, provider.Answered, batch.OutcomeUnknown, batch.MovedMaybe)
	})
	t.Run("truncated refusal is a refusal", func(t *testing.T) {
		url := rawServer(t, oneAnswer("HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n{\"detail\":"))
		_, rec, f := complete(t, connect(t, Options{BaseURL: url}))
		want(t, rec, f, provider.Answered, batch.KeyRefused, batch.MovedNo)
	})
	t.Run("1xx before the answer", func(t *testing.T) {
		url := rawServer(t, oneAnswer("HTTP/1.1 103 Early Hints\r\n\r\n"+head+"Connection: close\r\n\r\n"+body))
		run, rec, f := complete(t, connect(t, Options{BaseURL: url}))
		if f != nil || !run.OK || rec.Status != 200 {
			t.Errorf("%v, receipt %+v", f, rec)
		}
	})
}

func TestAnswerAboveTheLimit(t *testing.T) {
	flood := func(n int64) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"output":"`)
			chunk := bytes.Repeat([]byte("x"), 1<<20)
			for range n >> 20 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
			_, _ = io.WriteString(w, `"}`)
		}
	}
	_, rec, f := complete(t, serve(t, flood(maxCompletion)))
	want(t, rec, f, provider.Answered, batch.OutcomeUnknown, batch.MovedYes)
	if rec.BodySize > maxCompletion+1 || !rec.Truncated {
		t.Errorf("%d bytes were read", rec.BodySize)
	}
	_, rec, err := serve(t, flood(maxRead)).Credits(t.Context())
	want(t, rec, faultOf(t, err), provider.Answered, batch.OutOfReach, batch.MovedNo)
	if rec.BodySize > maxRead+1 {
		t.Errorf("%d bytes were read", rec.BodySize)
	}
}

func TestGzip(t *testing.T) {
	body := testdata(t, "completion.json")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body)
	_ = z.Close()
	send := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Errorf("asked for %q", r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(b)
		}
	}
	run, rec, f := complete(t, serve(t, send(packed.Bytes())))
	sum := sha256.Sum256(body)
	if f != nil || !run.OK || rec.BodyHash != hex.EncodeToString(sum[:]) || rec.BodySize != int64(len(body)) {
		t.Errorf("%v, receipt %+v", f, rec)
	}
	_, rec, f = complete(t, serve(t, send(packed.Bytes()[:packed.Len()/2])))
	want(t, rec, f, provider.Answered, batch.OutcomeUnknown, batch.MovedYes)
	_, rec, f = complete(t, serve(t, send([]byte("not gzip"))))
	want(t, rec, f, provider.Answered, batch.OutcomeUnknown, batch.MovedYes)
}
