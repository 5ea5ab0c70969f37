package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offpeak/offpeak/provider"
)

// NewTransport is the transport of a client that pays, for those who want to
// wrap it (tracing). It speaks HTTP/1.1 only: with HTTP/2 hundreds of paid runs would
// share one connection and one reset would make all of them unknown, and the
// bytes of one request couldn't be told from another's. There is no limit on
// connections: how much is in flight is the gate's business.
func NewTransport() *http.Transport {
	return NewTransportVia(&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second})
}

// NewTransportVia is NewTransport with a dialer of the caller's.
func NewTransportVia(d *net.Dialer) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &wireConn{Conn: conn}, nil
		},
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: 512,
		// Shorter than the 5 s after which uvicorn, the server behind FastAPI,
		// closes an idle connection: a run takes seconds, a new connection
		// milliseconds, and a request that meets a closing connection is noise.
		IdleConnTimeout:        4 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		Protocols:              &http1,
	}
}

// wireConn counts the writes that reached, or may have reached, the socket.
type wireConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *wireConn) Write(b []byte) (int, error) {
	c.writes.Add(1) // before the call: a write under way counts
	n, err := c.Conn.Write(b)
	if n == 0 && err != nil {
		c.writes.Add(-1)
	}
	return n, err
}

// Watch watches one request on its way out. Its question is "did a byte leave?",
// and its answer is yes unless no is certain.
type Watch struct {
	mu      sync.Mutex
	asked   bool // the transport reports its progress at all
	conn    *wireConn
	before  int64 // writes on conn before it was ours
	unknown bool  // a connection that doesn't count
	headers bool
}

// Trace is what the request carries in its context.
func (w *Watch) Trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { w.set(func() { w.asked = true }) },
		GotConn: func(info httptrace.GotConnInfo) {
			w.set(func() {
				conn := info.Conn
				if t, ok := conn.(*tls.Conn); ok {
					conn = t.NetConn()
				}
				if c, ok := conn.(*wireConn); ok && w.conn == nil && !w.unknown {
					w.conn, w.before = c, c.writes.Load()
				} else {
					w.unknown = true
				}
			})
		},
		WroteHeaders: func() { w.set(func() { w.headers = true }) },
	}
}

func (w *Watch) set(f func()) { w.mu.Lock(); defer w.mu.Unlock(); f() }

// Wrote is asked when the transport has given up without an answer; net/http
// has ended its writing by then. WroteHeaders alone proves nothing, because
// the headers it speaks of may still be in a buffer; the socket decides.
func (w *Watch) Wrote() provider.Wrote {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.asked, w.unknown:
		return provider.WroteSome
	case w.conn == nil && !w.headers:
		return provider.WroteNothing
	case w.conn != nil && w.conn.writes.Load() == w.before:
		return provider.WroteNothing
	}
	return provider.WroteSome
}

// Body is a request's body that can be read once. net/http knows how to rewind a
// *bytes.Reader and would use that to send a request a second time. Also a GET
// gets such a body, an empty one: net/http re-sends a GET without a body by
// itself when a kept connection dies, and one method here is one request.
// Nothing of it shows on the wire.
func Body(b []byte) io.ReadCloser { return once{bytes.NewReader(b)} }

// once hides what else a reader could do.
type once struct{ r *bytes.Reader }

func (o once) Read(p []byte) (int, error) { return o.r.Read(p) }
func (once) Close() error                 { return nil }
