package events

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/offpeak/offpeak/batch"
)

// back is how soon a client may come back when its connection breaks.
const back = 2 * time.Second

// Stream follows a batch's night for one client until the night is over, the
// client leaves, or the server goes away. It writes status and headers itself:
// a nil error means that it did; an error, a *batch.Fault, that nothing was
// written, so that the caller can answer with a problem.
func (h *Hub) Stream(ctx context.Context, id batch.ID, lastEventID string, w http.ResponseWriter) error {
	if ended(lastEventID) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	t, looked, err := h.join(id)
	if err != nil {
		return err
	}
	defer h.leave(t)
	next, known := t.place(lastEventID)
	if !known {
		select {
		case <-looked:
		case <-ctx.Done():
			return &batch.Fault{Kind: batch.Cancelling, Op: "follow", Thing: string(id), Detail: "interrupted", Err: ctx.Err()}
		case <-h.closed:
			return &batch.Fault{Kind: batch.OutOfReach, Op: "follow", Thing: string(id), Detail: "the server is going away", After: back}
		}
		if next, err = t.newest(); err != nil {
			return err
		}
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would collect events into a buffer
	w.WriteHeader(http.StatusOK)
	c := &client{w: w, rc: http.NewResponseController(w), stall: h.o.Stall}
	if c.write(fmt.Appendf(nil, "retry: %d\n\n", back.Milliseconds())) != nil || c.flush() != nil {
		return nil //nolint:nilerr // the client left: nobody is there to be told
	}
	h.follow(ctx, t, next, c)
	return nil
}

// follow tells one client what happens, from an event on.
func (h *Hub) follow(ctx context.Context, t *topic, next int64, c *client) {
	quiet := time.NewTimer(h.o.KeepAlive)
	defer quiet.Stop()
	for {
		some, more, lost := t.from(next)
		for _, e := range some {
			if c.write(e.raw) != nil {
				return
			}
			next = e.n + 1
		}
		if len(some) > 0 {
			if c.flush() != nil || some[len(some)-1].end {
				return
			}
			quiet.Reset(h.o.KeepAlive)
			continue // there may be more by now
		}
		if lost != nil {
			return // without an end: the client comes back and is told why
		}
		select {
		case <-more:
		case <-quiet.C:
			if c.write([]byte(":\n\n")) != nil || c.flush() != nil {
				return
			}
			quiet.Reset(h.o.KeepAlive)
		case <-h.closed:
			// Not all at the same moment: two thousand clients come back.
			wait := back + rand.N(3*time.Second)
			if c.write(fmt.Appendf(nil, ": the server is going away\nretry: %d\n\n", wait.Milliseconds())) == nil {
				_ = c.flush() // the last word, heard or not
			}
			return
		case <-ctx.Done():
			return
		}
	}
}

// client is a connection that has to take what it is given in time.
type client struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	stall time.Duration
}

// write has no deadline left behind: HTTP/2 resets a silent stream by one that
// has passed.
func (c *client) write(b []byte) error {
	if err := c.rc.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return err
	}
	if _, err := c.w.Write(b); err != nil {
		return err
	}
	return c.rc.SetWriteDeadline(time.Time{})
}

func (c *client) flush() error {
	if err := c.rc.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return err
	}
	if err := c.rc.Flush(); err != nil {
		return err
	}
	return c.rc.SetWriteDeadline(time.Time{})
}
