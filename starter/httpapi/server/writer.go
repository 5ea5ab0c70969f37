package server

import (
	"net/http"
	"time"

	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// writer counts an answer and gives the client a time to take each piece of it,
// instead of one for the whole: a download may last hours, a client that takes
// nothing may not.
type writer struct {
	http.ResponseWriter
	rc     *http.ResponseController
	stall  time.Duration
	theirs bool // the handler has set a deadline of its own
	status int
	bytes  int64
	body   *body // of the request; nil without one
	req    *http.Request
	drop   bool // the answer was replaced
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader begins the answer. When the body was too large or too slow, that
// is the answer, whatever a handler made of an error in mid-body.
func (w *writer) WriteHeader(status int) {
	if status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.status != 0 {
		return
	}
	w.status = status
	if w.body != nil && w.body.fault != nil && status >= 400 {
		w.drop = true
		w.status = problem.Status(w.body.fault.Kind)
		w.Header().Set("Connection", "close")
		problem.Write(counted{w}, w.req, w.body.fault)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.drop {
		return len(b), nil
	}
	return w.write(b)
}

func (w *writer) write(b []byte) (int, error) {
	w.deadline()
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	w.clear()
	return n, err
}

// FlushError sends what was written.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.deadline()
	defer w.clear()
	return w.rc.Flush()
}

// Flush is FlushError for those who don't ask.
func (w *writer) Flush() { _ = w.FlushError() } // the next write says so too

// SetWriteDeadline lets a handler have its own.
func (w *writer) SetWriteDeadline(t time.Time) error {
	w.theirs = !t.IsZero()
	return w.rc.SetWriteDeadline(t)
}

// deadline can fail only where there are none.
func (w *writer) deadline() {
	if !w.theirs {
		_ = w.rc.SetWriteDeadline(time.Now().Add(w.stall))
	}
}

// clear leaves none behind: HTTP/2 resets a stream when one passes, though
// nothing is written.
func (w *writer) clear() {
	if !w.theirs {
		_ = w.rc.SetWriteDeadline(time.Time{})
	}
}

// finish gives the rest of the answer, which net/http sends, its time.
func (w *writer) finish() {
	_ = w.rc.SetWriteDeadline(time.Now().Add(w.stall))
	if w.body != nil {
		w.body.finish()
	}
}

// counted writes to the client what takes an answer's place.
type counted struct{ w *writer }

func (c counted) Header() http.Header         { return c.w.Header() }
func (c counted) WriteHeader(status int)      { c.w.ResponseWriter.WriteHeader(status) }
func (c counted) Write(b []byte) (int, error) { return c.w.write(b) }
