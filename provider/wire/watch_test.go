package wire

import (
	"io"
	"net"
	"net/http/httptrace"
	"testing"

	"github.com/offpeak/offpeak/provider"
)

// The socket decides whether something was written: net/http says that it
// wrote the headers as soon as they are in its buffer.
func TestWrote(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() }()
		}
	}()
	dial := func() *wireConn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return &wireConn{Conn: conn}
	}
	write := func(c net.Conn) { _, _ = io.WriteString(c, "POST / HTTP/1.1\r\n") }
	for name, tc := range map[string]struct {
		do   func(h *httptrace.ClientTrace)
		want provider.Wrote
	}{
		"no report at all": {func(*httptrace.ClientTrace) {}, provider.WroteSome},
		"no connection":    {func(h *httptrace.ClientTrace) { h.GetConn("") }, provider.WroteNothing},
		"connected":        {func(h *httptrace.ClientTrace) { h.GetConn(""); h.GotConn(httptrace.GotConnInfo{Conn: dial()}) }, provider.WroteNothing},
		"written": {func(h *httptrace.ClientTrace) {
			c := dial()
			h.GetConn("")
			h.GotConn(httptrace.GotConnInfo{Conn: c})
			write(c)
		}, provider.WroteSome},
		"an earlier request's writes": {func(h *httptrace.ClientTrace) {
			c := dial()
			write(c)
			h.GetConn("")
			h.GotConn(httptrace.GotConnInfo{Conn: c, Reused: true})
		}, provider.WroteNothing},
		"headers in the buffer of a dead connection": {func(h *httptrace.ClientTrace) {
			c := dial()
			h.GetConn("")
			h.GotConn(httptrace.GotConnInfo{Conn: c, Reused: true})
			_ = c.Close()
			write(c)
			h.WroteHeaders()
		}, provider.WroteNothing},
		"a connection that doesn't count": {func(h *httptrace.ClientTrace) {
			h.GetConn("")
			h.GotConn(httptrace.GotConnInfo{Conn: dial().Conn})
		}, provider.WroteSome},
		"a second connection": {func(h *httptrace.ClientTrace) {
			h.GetConn("")
			h.GotConn(httptrace.GotConnInfo{Conn: dial()})
			h.GotConn(httptrace.GotConnInfo{Conn: dial()})
		}, provider.WroteSome},
	} {
		var w Watch
		tc.do(w.Trace())
		if got := w.Wrote(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
