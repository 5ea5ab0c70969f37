package swarms

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offpeak/offpeak/provider"
)

// NewTransport is the transport of a Client, for those who want to wrap it
// (tracing). It speaks HTTP/1.1 only: with HTTP/2 hundreds of paid runs would
// share one connection and one reset would make all of them unknown, and the
// bytes of one request couldn't be told from another's. There is no limit on
// connections: how much is in flight is the gate's business.
func NewTransport() *http.Transport {
	return newTransport(&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second})
}

func newTransport(d *net.Dialer) *http.Transport {
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

// wire watches one request on its way out. Its question is "did a byte leave?",
// and its answer is yes unless no is certain.
type wire struct {
	mu      sync.Mutex
	asked   bool // the transport reports its progress at all
	conn    *wireConn
	before  int64 // writes on conn before it was ours
	unknown bool  // a connection that doesn't count
	headers bool
}

func (w *wire) trace() *httptrace.ClientTrace {
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

func (w *wire) set(f func()) { w.mu.Lock(); defer w.mu.Unlock(); f() }

// wrote is asked when the transport has given up without an answer; net/http
// has ended its writing by then. WroteHeaders alone proves nothing, because
// the headers it speaks of may still be in a buffer; the socket decides.
func (w *wire) wrote() provider.Wrote {
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

func parseBase(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", errors.New("it is not a URL; write https://host[:port]") // url.Error would repeat a password
	}
	switch {
	case u.User != nil:
		return "", errors.New("it has user info; the key belongs into SWARMS_API_KEY")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("its scheme is %q; write https://host[:port]", u.Scheme)
	case u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("it has no host; write https://host[:port]")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it has a query or a fragment; write https://host[:port]")
	case u.Scheme == "http" && !staysHome(u.Hostname()):
		return "", fmt.Errorf("http://%s would send the key in clear over the internet; write https://%s", u.Host, u.Host)
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// staysHome says whether a host can be reached in clear without crossing the
// internet.
func staysHome(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range []string{".localhost", ".internal", ".svc", ".svc.cluster.local"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
