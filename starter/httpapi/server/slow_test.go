package server_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/offpeak/offpeak/starter/httpapi/problem"
	"github.com/offpeak/offpeak/starter/httpapi/server"
)

// zeros has no end and takes no room.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestABodyOfAGigabyte is refused without being read, whether it says its size
// or not; no more than the limit and what the sockets hold has crossed.
func TestABodyOfAGigabyte(t *testing.T) {
	t.Parallel()
	const limit, all = 1 << 20, 1 << 30
	s := serve(t, server.Options{Limits: server.Limits{Body: limit, Upload: 2 * limit}})
	for _, c := range []struct{ what, head string }{
		{"with its size", fmt.Sprintf("POST /v1/read HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", s.Addr(), all)},
		{"in chunks", fmt.Sprintf("POST /v1/read HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n", s.Addr())},
		{"that nobody reads", fmt.Sprintf("POST /v1/unread HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n", s.Addr())},
	} {
		conn := s.dial()
		if _, err := io.WriteString(conn, c.head); err != nil {
			t.Fatal(err)
		}
		sent := make(chan int64, 1)
		go func() {
			n, _ := io.Copy(conn, io.LimitReader(zeros{}, all))
			sent <- n
		}()
		r, rest := read(t, conn)
		if c.what == "that nobody reads" {
			if r.status != 204 {
				t.Errorf("%s: %d %s", c.what, r.status, r.text)
			}
		} else if p := r.problem(t); r.status != 413 || p.Kind != problem.TooLarge || !strings.Contains(p.Detail, "1,048,576 bytes") || !strings.Contains(p.Hint, "/v1/uploads") {
			t.Errorf("%s: %d %s", c.what, r.status, r.text)
		}
		if _, err := rest.ReadByte(); err == nil {
			t.Errorf("%s: the connection goes on", c.what)
		}
		_ = conn.Close()
		if n := <-sent; n > all/4 {
			t.Errorf("%s: %d bytes were taken", c.what, n)
		}
	}
	// What is allowed comes through, and an upload may be larger.
	if r := s.ask("POST", "/v1/read", io.LimitReader(zeros{}, limit)); r.text != fmt.Sprintf("{\"bytes\":%d}\n", limit) {
		t.Errorf("as large as may be: %d %s", r.status, r.text)
	}
	if r := s.ask("POST", "/v1/read", bytes.NewReader(make([]byte, limit+1))); r.status != 413 {
		t.Errorf("a byte more: %d %s", r.status, r.text)
	}
	if r := s.ask("POST", "/v1/uploads", bytes.NewReader(make([]byte, 2*limit))); r.status != 404 { // no operation of this test
		t.Errorf("an upload: %d %s", r.status, r.text)
	}
}

// TestSlowHeaders: a byte now and then keeps no connection.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{Limits: server.Limits{Header: 100 * time.Millisecond, Idle: 100 * time.Millisecond}})
	conn := s.dial()
	if _, err := io.WriteString(conn, "GET /v1/who HTTP/1.1\r\nHost: "+s.Addr()+"\r\n"); err != nil {
		t.Fatal(err)
	}
	drip(conn, "X-Slow: a\r\n")
	if text, err := io.ReadAll(conn); err != nil && !errors.Is(err, net.ErrClosed) && !isReset(err) || len(text) > 0 && !strings.Contains(string(text), " 408 ") {
		t.Errorf("%q, %v", text, err)
	}
	idle := s.dial()
	if text, err := io.ReadAll(idle); len(text) > 0 && !strings.Contains(string(text), " 408 ") || err != nil && !isReset(err) {
		t.Errorf("nothing asked: %q, %v", text, err)
	}
}

// TestSlowBodies: one that doesn't come is refused; one that comes at its pace
// may take longer than the grace.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	const grace = 150 * time.Millisecond
	s := serve(t, server.Options{Limits: server.Limits{Grace: grace, Pace: 100}})
	head := "POST /v1/%s HTTP/1.1\r\nHost: " + s.Addr() + "\r\nContent-Length: 5000\r\n\r\n"
	conn := s.dial()
	fmt.Fprintf(conn, head, "read")
	drip(conn, "x")
	r, rest := read(t, conn)
	if p := r.problem(t); r.status != 408 || p.Kind != problem.Timeout {
		t.Errorf("%d %s", r.status, r.text)
	}
	if _, err := rest.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
	// Nobody reads it, and net/http would wait for what it throws away.
	conn = s.dial()
	fmt.Fprintf(conn, head, "unread")
	drip(conn, "x")
	if _, err := io.ReadAll(conn); err != nil && !isReset(err) {
		t.Error(err)
	}
	// 4,000 bytes at once are good for 40 s.
	conn = s.dial()
	fmt.Fprintf(conn, head+"%s", "read", strings.Repeat("x", 4000))
	<-time.After(3 * grace)
	fmt.Fprint(conn, strings.Repeat("x", 1000))
	if r, _ := read(t, conn); r.status != 200 || r.text != "{\"bytes\":5000}\n" {
		t.Errorf("%d %s", r.status, r.text)
	}
	// The connection is as good as before when the body's time is over.
	again := bufio.NewReader(conn)
	<-time.After(2 * grace)
	fmt.Fprintf(conn, "GET /v1/who HTTP/1.1\r\nHost: %s\r\n\r\n", s.Addr())
	if line, err := again.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("%q, %v", line, err)
	}
}

// TestSlowReader: who takes nothing of an answer doesn't hold it for ever.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{Limits: server.Limits{Stall: 100 * time.Millisecond}})
	conn := s.dial()
	fmt.Fprintf(conn, "GET /v1/endless HTTP/1.1\r\nHost: %s\r\n\r\n", s.Addr())
	if err := <-s.broken; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// drip writes a little over and over, until the other side has had enough.
func drip(conn net.Conn, what string) {
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(conn, what); err != nil {
				return
			}
		}
	}()
}

func isReset(err error) bool {
	return errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe")
}

// lineReader is the lines of a stream, closed at its end.
func lineReader(r io.Reader) <-chan string {
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(r); in.Scan(); {
			lines <- in.Text()
		}
	}()
	return lines
}
