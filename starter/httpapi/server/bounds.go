package server

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// boundedRequests answers only so many at once. Those who follow events aren't
// counted: they wait, and the hub has a bound of its own.
func (s *Server) boundedRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/events") && // of the API and of the pages
			(strings.HasPrefix(r.URL.Path, "/v1/batches/") || strings.HasPrefix(r.URL.Path, "/nights/")) {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case s.requests <- struct{}{}:
			defer func() { <-s.requests }()
			next.ServeHTTP(w, r)
		default:
			refuse(w, r, &batch.Fault{
				Kind: batch.OutOfReach, Op: "answer", Detail: "as many requests are under way as this server answers at once", After: time.Second,
				Hint: "try again in a moment",
			})
		}
	})
}

// bounded accepts only so many connections at once; more wait in the kernel's
// queue. What nobody asks anything on is closed after Limits.Idle.
func bounded(ln net.Listener, most int) net.Listener {
	return &listener{Listener: ln, room: make(chan struct{}, most), closed: make(chan struct{})}
}

type listener struct {
	net.Listener
	room   chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.room <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &conn{Conn: c, leave: func() { <-l.room }}, nil
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type conn struct {
	net.Conn
	once  sync.Once
	leave func()
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}

// CloseWrite ends the answer while the client is still sending, so that it can
// read why.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
