package swarms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/provider"
	"github.com/offpeak/offpeak/provider/wire"
)

// Bounds on what is read into memory.
const (
	maxCompletion = 64 << 20 // bytes of a paid answer, decompressed
	maxRead       = 16 << 20 // bytes of any other answer; the log is streamed and has a bound per row instead
	maxProblem    = 1 << 20  // bytes of an error's body that are looked at
)

// ask is one request.
type ask struct {
	method string
	path   string
	query  url.Values
	body   []byte
	paid   bool // money moves: POST of a run
	open   bool // needs no key
	limit  int64
}

func (a ask) op() string { return a.method + " " + a.path }

// exchange is one request on its way: what has been learnt of it so far.
type exchange struct {
	c      *Client
	ask    ask
	parent context.Context
	ctx    context.Context
	cancel context.CancelFunc
	limit  time.Duration
	watch  wire.Watch
	resp   *http.Response
	hash   hash.Hash
	rec    provider.Receipt
}

// send writes the request and waits for the status line. On an error the
// exchange is over; otherwise x.close must be called.
func (c *Client) send(ctx context.Context, a ask) (*exchange, error) {
	x := &exchange{c: c, ask: a, parent: ctx, limit: c.timeoutOf(ctx), hash: sha256.New()}
	x.rec = provider.Receipt{Method: a.method, Path: a.path, Wrote: provider.WroteNothing, SentAt: c.now()}
	if ctx.Err() != nil {
		return x, x.fault(batch.Cancelling, batch.MovedNo, "cancelled before anything was sent", ctx.Err())
	}
	x.ctx, x.cancel = context.WithTimeout(ctx, x.limit)
	req, err := x.request()
	if err != nil {
		x.cancel()
		return x, x.fault(batch.Internal, batch.MovedNo, c.secret.Text(err.Error()), nil)
	}
	x.rec.SentAt = c.now()
	x.resp, err = c.transport.RoundTrip(req)
	if err != nil {
		x.rec.Wrote = x.watch.Wrote()
		x.rec.Elapsed = c.now().Sub(x.rec.SentAt)
		err = x.unanswered(err)
		x.cancel()
		return x, err
	}
	x.rec.Wrote = provider.Answered
	x.rec.Status = x.resp.StatusCode
	x.rec.Header = c.keepHeaders(x.resp.Header)
	x.rec.Limits = c.limits(x.resp.Header, x.rec.SentAt)
	x.rec.Elapsed = c.now().Sub(x.rec.SentAt)
	return x, nil
}

func (x *exchange) request() (*http.Request, error) {
	target := x.c.base + x.ask.path
	if len(x.ask.query) > 0 {
		target += "?" + x.ask.query.Encode()
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(x.ctx, x.watch.Trace()), x.ask.method, target, nil)
	if err != nil {
		return nil, err
	}
	req.Body, req.ContentLength, req.GetBody = wire.Body(x.ask.body), int64(len(x.ask.body)), nil
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", x.c.userAgent)
	if x.ask.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !x.ask.open {
		req.Header.Set("X-Api-Key", x.c.secret.Reveal())
	}
	return req, nil
}

var errTooLarge = errors.New("answer is above the limit")

// read takes the body in, at most limit bytes of it.
func (x *exchange) read(limit int64) ([]byte, error) {
	if x.resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, errors.New("connection was switched to another protocol") // its body has no end
	}
	var buf bytes.Buffer
	if n := x.resp.ContentLength; n > 0 && n <= limit && n <= maxProblem {
		buf.Grow(int(n) + bytes.MinRead)
	}
	_, err := io.Copy(&buf, io.LimitReader(x.body(), limit+1))
	body := buf.Bytes()
	if err == nil && int64(len(body)) > limit {
		body, err = body[:limit], fmt.Errorf("%w of %d bytes", errTooLarge, limit)
	}
	return body, err
}

// body is the answer's body; what is read from it goes into the receipt.
func (x *exchange) body() io.Reader { return io.TeeReader(x.resp.Body, counted{x}) }

type counted struct{ x *exchange }

func (c counted) Write(p []byte) (int, error) {
	c.x.rec.BodySize += int64(len(p))
	return c.x.hash.Write(p)
}

// close ends the exchange and completes the receipt; cut says that the body
// wasn't taken in whole.
func (x *exchange) close(cut bool) {
	x.rec.Elapsed = x.c.now().Sub(x.rec.SentAt)
	x.rec.BodyHash = hex.EncodeToString(x.hash.Sum(nil))
	x.rec.Truncated = cut
	x.cancel() // before Close: no waiting for the rest of a body that nobody wants
	_ = x.resp.Body.Close()
}

// call is a whole exchange: the body of a 2xx answer, or a fault.
func (c *Client) call(ctx context.Context, a ask) ([]byte, *exchange, error) {
	x, err := c.send(ctx, a)
	if err != nil {
		return nil, x, err
	}
	if !is2xx(x.resp.StatusCode) {
		return nil, x, x.refused()
	}
	body, err := x.read(a.limit)
	if err != nil {
		detail := x.whyBroken(err)
		x.close(true)
		return nil, x, x.unreadable(detail)
	}
	x.close(false)
	if x.rec.Status == http.StatusPartialContent {
		return nil, x, x.unreadable("the answer is a part of something that wasn't asked for in parts")
	}
	return body, x, nil
}

// refused reads an answer that isn't 2xx and judges it.
func (x *exchange) refused() error {
	body, err := x.read(maxProblem)
	x.close(err != nil)
	return x.judge(readProblem(x.resp.Header.Get("Content-Type"), body))
}

func is2xx(status int) bool { return status >= 200 && status < 300 }
