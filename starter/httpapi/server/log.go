package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/keys"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// record is what is noted of a request on its way.
type record struct {
	id    string
	who   keys.Key
	route string // the pattern that answered, never the path: a client can write anything there
}

type inContext struct{}

func recordOf(ctx context.Context) *record {
	rec, _ := ctx.Value(inContext{}).(*record)
	return rec
}

// requestID is the client's own, when it is a UUID: whatever else is put there
// would stand in the log.
func requestID(r *http.Request) string {
	if id, err := uuid.Parse(r.Header.Get("X-Request-Id")); err == nil {
		return id.String()
	}
	return uuid.NewString()
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// logged is the outermost: it gives the request its id, keeps a panic from
// ending the connection without an answer, and writes the line of the access log.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(plain http.ResponseWriter, r *http.Request) {
		began := s.o.Now()
		rec := &record{id: requestID(r)}
		w := &writer{ResponseWriter: plain, rc: http.NewResponseController(plain), stall: s.o.Limits.Stall}
		w.Header().Set("X-Request-Id", rec.id)
		r = r.WithContext(context.WithValue(r.Context(), inContext{}, rec))
		defer func() {
			what := recover()
			if what != nil && what != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
				s.o.Log.Error("a request panicked", zap.String("request_id", rec.id), zap.String("route", rec.route), zap.String("panic", panicked(what)), zap.ByteString("stack", debug.Stack()))
				if w.status == 0 {
					problem.Write(w, r, &batch.Fault{Kind: batch.Internal, Op: "answer", Err: errPanic, Hint: "the server's log tells of it under " + rec.id})
					what = nil
				} else {
					what = http.ErrAbortHandler // the client must not take half an answer for a whole one
				}
			}
			w.finish()
			s.access(r, rec, w, s.o.Now().Sub(began))
			if what != nil {
				panic(what)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

var errPanic = errors.New("panic")

// panicked is a panic's message where it is the runtime's own; another one may
// hold what a client sent.
func panicked(what any) string {
	var err runtime.Error
	if e, ok := what.(error); ok && errors.As(e, &err) {
		return err.Error()
	}
	return fmt.Sprintf("of type %T", what)
}

func (s *Server) access(r *http.Request, rec *record, w *writer, took time.Duration) {
	method, route, status := r.Method, rec.route, w.status
	if !slices.Contains(methods, method) {
		method = "OTHER"
	}
	if route == "" {
		route = "none"
	}
	if status == 0 {
		status = http.StatusOK
	}
	level := zapcore.InfoLevel
	if route == "/healthz" || route == "/readyz" {
		level = zapcore.DebugLevel
	}
	s.o.Log.Log(level, "request", zap.String("method", method), zap.String("route", route), zap.Int("status", status), zap.Int64("bytes", w.bytes),
		zap.Int64("ms", took.Milliseconds()), zap.String("key", rec.who.ID), zap.String("request_id", rec.id))
}

// routed is the innermost: it notes which pattern answers.
func routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { recordOf(r.Context()).route = r.Pattern }()
		next.ServeHTTP(w, r)
	})
}
