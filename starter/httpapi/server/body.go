package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/problem"
)

// body is a request's, bounded in size and in slowness: it has to come at a
// pace, on average and after a grace, so that a long upload lives and a byte now
// and then doesn't hold a connection for ever. Bytes that came early count for
// later: a server that is busy with what it has read is no fault of the client.
type body struct {
	io.ReadCloser
	rc    *http.ResponseController
	limit int64
	grace time.Duration
	pace  int64
	began time.Time
	read  int64
	over  bool // it was read to its end
	fault *batch.Fault
}

// bounded gives a request's body its limits. One that says itself that it is
// too large is refused unread.
func (s *Server) boundedBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		limit := s.o.Limits.Body
		if r.Method == http.MethodPost && r.URL.Path == uploads {
			limit = s.o.Limits.Upload
		}
		if r.ContentLength > limit {
			refuse(w, r, tooLarge(limit))
			return
		}
		b := &body{ReadCloser: r.Body, rc: http.NewResponseController(w), limit: limit, grace: s.o.Limits.Grace, pace: s.o.Limits.Pace, began: time.Now()}
		// Also for what net/http reads by itself, of a body that nobody wanted.
		_ = b.rc.SetReadDeadline(b.began.Add(b.grace))
		if ours, ok := w.(*writer); ok {
			ours.body, ours.req = b, r
		}
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

// uploads is the path that takes more than a request's usual size.
const uploads = "/v1/uploads"

func (b *body) Read(p []byte) (int, error) {
	if b.fault != nil {
		return 0, b.fault
	}
	if b.over {
		return 0, io.EOF
	}
	// The real clock: the connection has no other.
	_ = b.rc.SetReadDeadline(b.began.Add(b.grace + time.Duration(b.read/b.pace)*time.Second))
	if left := b.limit - b.read + 1; int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	switch {
	case b.read > b.limit:
		b.fault = tooLarge(b.limit)
		return n - 1, b.fault
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.fault = &batch.Fault{
			Kind: problem.Timeout, Op: "read body", Err: err,
			Detail: fmt.Sprintf("%s bytes came in %s; it has to come at %d bytes a second", batch.Grouped(b.read), time.Since(b.began).Round(time.Millisecond), b.pace),
			Hint:   "send it again over a better connection",
		}
		return n, b.fault
	case errors.Is(err, io.EOF):
		b.over = true
		// Else the connection counted as broken when the deadline passes.
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// finish leaves little time for a rest that nobody has read.
func (b *body) finish() {
	if !b.over {
		_ = b.rc.SetReadDeadline(time.Now().Add(time.Second))
	}
}

func tooLarge(limit int64) *batch.Fault {
	return &batch.Fault{
		Kind: problem.TooLarge, Op: "read body", Detail: fmt.Sprintf("it is larger than %s bytes", batch.Grouped(limit)),
		Hint: "send many jobs as JSON Lines to POST " + uploads + ", and name the URL that it answers in jobs_from",
	}
}

// refuse answers before the body was read, and doesn't wait for it.
func refuse(w http.ResponseWriter, r *http.Request, f *batch.Fault) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
	}
	problem.Write(w, r, f)
}
