package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/fresh"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
)

// Server listens from New on and answers while Run does.
type Server struct {
	o        Options
	open     bool // without keys: loopback only, everybody may operate
	ln       net.Listener
	http     *http.Server
	cert     *fresh.Value[*tls.Certificate]
	crossing *http.CrossOriginProtection
	draining atomic.Bool
	requests chan struct{} // room for requests at once
	ready    readiness

	mu       sync.Mutex
	active   map[*record]context.CancelCauseFunc // whose key may be revoked while they run
	perKey   map[string]*limiter
	failures map[string]*limiter
}

// New checks the options and listens. Whoever doesn't Run it has to Close it.
func New(ctx context.Context, o Options) (*Server, error) {
	o.Limits.defaults()
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{
		o: o, open: o.Keys.Empty(), crossing: http.NewCrossOriginProtection(), requests: make(chan struct{}, o.Limits.Requests),
		active: map[*record]context.CancelCauseFunc{}, perKey: map[string]*limiter{}, failures: map[string]*limiter{},
	}
	for _, origin := range o.Origins {
		if err := s.crossing.AddTrustedOrigin(origin); err != nil { // check has seen to it
			return nil, &batch.Fault{Kind: batch.BadInput, Op: "serve", Thing: origin, Err: err}
		}
	}
	s.http = &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: o.Limits.Header, IdleTimeout: o.Limits.Idle, MaxHeaderBytes: o.Limits.HeaderBytes,
		ErrorLog: debugLog(o.Log),
	}
	if o.Cert != "" {
		if err := s.certificate(); err != nil {
			return nil, err
		}
	}
	if o.Drain != nil {
		s.http.RegisterOnShutdown(o.Drain)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, &batch.Fault{Kind: batch.BadInput, Op: "listen on", Thing: o.Addr, Err: err, Hint: "--addr or OFFPEAK_HTTP_ADDR names another address"}
	}
	s.ln = bounded(ln, o.Limits.Conns)
	return s, nil
}

// debugLog is where net/http complains of clients: of broken handshakes and the
// like, which anybody can cause as often as he likes.
func debugLog(z *zap.Logger) *log.Logger {
	l, err := zap.NewStdLogAt(z, zap.DebugLevel)
	if err != nil { // only for a level that isn't one
		return log.New(io.Discard, "", 0)
	}
	return l
}

// Close lets go of the address, for a server that won't run.
func (s *Server) Close() error { return s.ln.Close() }

// Addr is where it listens: of port 0, the one that it got.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Loopback says that it can't be reached from other machines.
func (s *Server) Loopback() bool {
	host, _, err := net.SplitHostPort(s.Addr())
	return err == nil && loopback(host)
}

// URL is how clients on this machine name it.
func (s *Server) URL() string {
	if s.cert != nil {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

// Reload reads keys and certificate now, changed or not.
func (s *Server) Reload() {
	s.o.Keys.Reload()
	if s.cert != nil {
		s.cert.Reload()
	}
	s.revoke()
}

// Run answers until ctx ends, and then drains: /readyz says no, nothing new is
// accepted, those who follow events are told to come back elsewhere, running
// requests end. When they take too long, or cut is closed, they are cut off,
// and the fault is of kind Cancelling.
func (s *Server) Run(ctx context.Context, cut <-chan struct{}) error {
	served := make(chan error, 1)
	go func() {
		if s.cert != nil {
			served <- s.http.ServeTLS(s.ln, "", "")
			return
		}
		served <- s.http.Serve(s.ln)
	}()
	// Keys are looked at when one is used. Who follows a night for hours uses
	// his once: what was revoked meanwhile is noticed here.
	watching := time.NewTicker(fresh.Every)
	defer watching.Stop()
	turn := s.o.Keys.Turn()
	for {
		select {
		case err := <-served:
			return &batch.Fault{Kind: batch.Internal, Op: "serve", Thing: s.Addr(), Err: err}
		case <-watching.C:
			if now := s.o.Keys.Turn(); now != turn {
				turn = now
				s.revoke()
			}
			continue
		case <-ctx.Done():
		}
		break
	}
	return s.drain(context.WithoutCancel(ctx), cut)
}

func (s *Server) drain(ctx context.Context, cut <-chan struct{}) error {
	s.draining.Store(true)
	s.o.Log.Info("draining", zap.Duration("at most", s.o.Limits.Drain))
	if s.o.Limits.Delay > 0 {
		wait := time.NewTimer(s.o.Limits.Delay)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-cut:
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Limits.Drain)
	defer cancel()
	go func() {
		select {
		case <-cut:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // what is still there is cut off: that is meant
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			return &batch.Fault{Kind: batch.Internal, Op: "drain", Err: err}
		}
		return &batch.Fault{
			Kind: batch.Cancelling, Op: "drain", Detail: fmt.Sprintf("requests were cut off that hadn't ended after %s, or at a second signal", s.o.Limits.Drain),
			Hint: "what they had ordered of Temporal goes on; asked again, a start finds its night",
		}
	}
	s.o.Log.Info("drained")
	return nil
}

// certificate reads the files for the first time.
func (s *Server) certificate() error {
	var err error
	s.cert, err = fresh.Open(s.o.Now, func(err error) {
		if err != nil {
			s.o.Log.Error("the certificate isn't taken: the one from before holds", zap.Error(err))
			return
		}
		s.o.Log.Info("the certificate was read anew")
	}, func() (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(s.o.Cert, s.o.CertKey)
		if err != nil {
			return nil, &batch.Fault{Kind: batch.BadInput, Op: "read certificate", Thing: s.o.Cert, Err: err, Hint: "--tls-cert and --tls-key name PEM files that belong together"}
		}
		return &c, nil
	}, s.o.Cert, s.o.CertKey)
	s.http.TLSConfig = &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.cert.Get(), nil },
	}
	return err
}

// revoke ends what runs with keys that are no longer good.
func (s *Server) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rec, cancel := range s.active {
		if !s.o.Keys.Holds(rec.who) {
			cancel(errRevoked)
		}
	}
}

var errRevoked = errors.New("the key was revoked")

// hold notes that a request runs with a key; done forgets it.
func (s *Server) hold(ctx context.Context, rec *record, k keys.Key) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.who = k
	s.active[rec] = cancel
	return ctx, func() {
		s.mu.Lock()
		delete(s.active, rec)
		s.mu.Unlock()
		cancel(nil)
	}
}
