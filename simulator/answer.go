package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Bodies above gzipFrom bytes and up to gzipTo are compressed at level 6 for
// clients that take gzip (Swarms docs, response-compression). The API prefers
// LZ4 where a client lists it; this one doesn't have it.
const (
	gzipFrom = 500
	gzipTo   = 8 << 20
)

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, 6) // a valid level
	return w
}}

func compress(body []byte) []byte {
	var out bytes.Buffer
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	w.Reset(&out)
	w.Write(body) // a bytes.Buffer takes everything
	w.Close()
	return out.Bytes()
}

func takesGzip(h http.Header) bool {
	for part := range strings.SplitSeq(h.Get("Accept-Encoding"), ",") {
		coding, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(coding, "gzip") {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}

// answer books and sends a whole answer, spoiled if a cue says so.
func (x *exchange) answer(status int, contentType string, body []byte) {
	spoil := ""
	if w := x.cues.wire; w != nil && (status < 300 && w.Status == 0 || status == w.Status) {
		spoil = w.Kind
	}
	if spoil == KindBadJSON {
		body = append(bytes.Clone(body[:len(body)*2/3]), "NaN NaN"...)
	}
	x.booked(status)
	h := x.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Date", x.s.clock.Now().UTC().Format(http.TimeFormat))
	if !x.sw.NoGzip && len(body) > gzipFrom && len(body) <= gzipTo {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(x.r.Header) {
			body = compress(body)
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if spoil == KindTruncate {
		x.w.Write(body[:len(body)/2])
		http.NewResponseController(x.w).Flush()
		panic(http.ErrAbortHandler) // closes the connection, half of the body short
	}
	x.w.Write(body) // a client that has left is its own loss
}

func (x *exchange) json(status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a number that isn't one: a bug here, not in the request
		x.fail(http.StatusInternalServerError, "simulator: "+err.Error())
		return
	}
	x.answer(status, "application/json", body)
}

// fail answers FastAPI's {"detail": ...}. The auth layer's refusals carry no
// rate headers (Swarms docs, rate-limit-headers, 2026-07-13).
func (x *exchange) fail(status int, detail any) {
	x.bare(status)
	x.json(status, map[string]any{"detail": detail})
}

func (x *exchange) bare(status int) {
	if status != http.StatusPaymentRequired && status != http.StatusForbidden {
		return
	}
	for name := range x.w.Header() {
		if strings.HasPrefix(name, "X-Ratelimit-") {
			x.w.Header().Del(name)
		}
	}
}

// booked notes the status in the books before anyone can see it.
func (x *exchange) booked(status int) {
	x.s.books.answered(x.rec, status)
	for _, r := range x.items {
		x.s.books.answered(r, status)
	}
}

const html502 = `<html>
<head><title>502 Server Error</title></head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: Server Error</h1>
<h2>The server encountered a temporary error and could not complete your request.<p>Please try again in 30 seconds.</h2>
</body></html>
`

// mishap does the wire fault if its time has come; after is whether the work
// is done. It says whether the exchange is over.
func (x *exchange) mishap(after bool) bool {
	w := x.cues.wire
	if w == nil || w.AfterWork != after {
		return false
	}
	switch w.Kind {
	case KindStatus:
		x.statusFault(w, w.Detail)
	case KindHuge:
		if w.Status == 0 {
			return false
		}
		x.statusFault(w, hugeOutput()[0].Content)
	case KindTruncate, KindBadJSON:
		if w.Status == 0 {
			return false
		}
		x.statusFault(w, w.Detail)
	case KindHTML502:
		x.answer(http.StatusBadGateway, "text/html; charset=UTF-8", []byte(html502))
	case KindRate429:
		if w.RetryAfter != "" {
			x.w.Header().Set("Retry-After", w.RetryAfter)
		}
		x.fail(http.StatusTooManyRequests, or(w.Detail, tooMany([]string{"minute"}, x.tier)))
	case KindHang:
		Hang(x.r, x.s.life)
	case KindReset:
		Reset(x.w)
	default: // it happens before the body is read: see unread
		return false
	}
	return true
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
