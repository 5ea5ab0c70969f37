package events

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// Look says how one run of a night stands.
type Look func(context.Context) (nightly.View, error)

// Options say how a Hub looks and tells. Only Find and Shape are required.
type Options struct {
	// Find says how to look at the night of a batch: at the run that goes on,
	// or the last one. It is asked again only when nobody has followed for a
	// while, or that run is over. Both end when their context does.
	Find func(context.Context, batch.ID) (Look, error)
	// Shape is what the status operation answers with a view; it becomes JSON.
	// Two views that should be told as one must be equal in it.
	Shape func(nightly.View) any

	Every     time.Duration // between two looks; 1 s. Shorter costs Temporal queries, longer makes clients wait
	KeepAlive time.Duration // of silence before a comment is sent; 15 s. Proxies cut what is silent for a minute
	Linger    time.Duration // how long events are kept when nobody follows; 1 min. Who comes back later gets a progress of now
	Stall     time.Duration // how long a client may take to take an event before it is dropped; 10 s
	Keep      int           // events of a night that are kept; 256
	Most      int           // clients at once; 4,000. Each costs some tens of KiB
	Log       *zap.Logger   // nil: none
}

// Hub serves all who follow nights. Make it with New; end it with Close.
type Hub struct {
	o      Options
	looks  chan struct{} // at most this many looks at once
	closed chan struct{}

	mu      sync.Mutex
	topics  map[batch.ID]*topic
	streams int
	closing bool
}

// looksAtOnce bounds what the hub asks of Temporal when many nights are followed.
const looksAtOnce = 32

// New makes a Hub.
func New(o Options) *Hub {
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&o.Every, time.Second}, {&o.KeepAlive, 15 * time.Second}, {&o.Linger, time.Minute}, {&o.Stall, 10 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if o.Keep <= 0 {
		o.Keep = 256
	}
	if o.Most <= 0 {
		o.Most = 4000
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Hub{o: o, looks: make(chan struct{}, looksAtOnce), closed: make(chan struct{}), topics: map[batch.ID]*topic{}}
}

// Nights finds by a client of Temporal. Of a run that is over the last word
// counts: that of a later reconciliation.
func Nights(c *nightly.Client) func(context.Context, batch.ID) (Look, error) {
	return func(ctx context.Context, id batch.ID) (Look, error) {
		n, err := c.Find(ctx, id)
		if err != nil {
			return nil, err
		}
		return n.Following().Judged, nil
	}
}

// Close ends all streams: each client is told when to come back, to a server
// that is still there. Streams that come later are refused.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return
	}
	h.closing = true
	close(h.closed)
	for id, t := range h.topics {
		t.rest()
		delete(h.topics, id)
	}
}

// Following is how many clients follow nights now.
func (h *Hub) Following() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams
}

// join makes a client a follower of a night and sees to it that somebody looks.
// The channel is closed when a look has come in that isn't old.
func (h *Hub) join(id batch.ID) (*topic, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	busy := batch.Fault{Kind: batch.OutOfReach, Op: "follow", Thing: string(id), After: 5 * time.Second}
	switch {
	case h.closing:
		busy.Detail, busy.Hint = "the server is going away", "connect again: another one, or its successor, answers"
		return nil, nil, &busy
	case h.streams >= h.o.Most:
		busy.Detail = fmt.Sprintf("%s clients follow nights already, the most that this server serves", batch.Grouped(int64(h.o.Most)))
		busy.Hint = "try again later, or ask for the status now and then"
		return nil, nil, &busy
	}
	t := h.topics[id]
	if t == nil {
		t = newTopic(id, h.o.Keep)
		h.topics[id] = t
	}
	h.streams++
	t.followers++
	if t.forget != nil {
		t.forget.Stop()
		t.forget = nil
	}
	if t.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		t.stop = cancel
		go h.watch(ctx, t)
	}
	return t, t.wait(), nil
}

// leave ends a follower. With the last one the looking ends at once, and what
// was kept after a while.
func (h *Hub) leave(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
	t.followers--
	if t.followers > 0 || h.closing {
		return
	}
	t.rest()
	if !t.known() { // nothing to keep: no such night, or nobody answered
		delete(h.topics, t.id)
		return
	}
	t.forget = time.AfterFunc(h.o.Linger, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if t.followers == 0 && h.topics[t.id] == t {
			delete(h.topics, t.id)
		}
	})
}

// watch looks at a night until nobody follows it, it is over, or it is gone.
func (h *Hub) watch(ctx context.Context, t *topic) {
	tick := time.NewTicker(h.o.Every)
	defer tick.Stop()
	var look Look
	for {
		if h.once(ctx, t, &look) {
			h.mu.Lock()
			if ctx.Err() == nil { // else somebody else may look by now
				t.rest()
			}
			h.mu.Unlock()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lookTimeout bounds one look, as Temporal may hang.
const lookTimeout = 20 * time.Second

// once looks once and says whether that was the last time.
func (h *Hub) once(ctx context.Context, t *topic, look *Look) (over bool) {
	select {
	case h.looks <- struct{}{}:
		defer func() { <-h.looks }()
	case <-ctx.Done():
		return true
	}
	asking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var (
		v   nightly.View
		err error
	)
	if *look == nil {
		*look, err = h.o.Find(asking, t.id)
	}
	if err == nil {
		v, err = (*look)(asking)
	}
	if ctx.Err() != nil {
		return true
	}
	if err != nil {
		// Temporal that is away for a while ends no stream: who follows has the
		// last word that there was. A night that isn't there does.
		lost := batch.KindOf(err) != batch.OutOfReach
		h.o.Log.Debug("a look at a night wasn't answered", zap.String("batch", string(t.id)), zap.String("kind", string(batch.KindOf(err))))
		t.fail(err, lost)
		return lost
	}
	t.tell(v, h.o.Shape(v))
	return v.Closed
}
