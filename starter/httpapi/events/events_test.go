package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/httpapi/events"
	"github.com/offpeak/offpeak/starter/nightly"
)

const id = batch.ID("market-digest/2026-11-22")

// night is one that a test moves on by hand.
type night struct {
	mu    sync.Mutex
	view  nightly.View
	err   error
	finds atomic.Int64
	looks atomic.Int64
}

func (n *night) find(_ context.Context, asked batch.ID) (events.Look, error) {
	n.finds.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil || asked != id {
		return nil, errors.Join(n.err, &batch.Fault{Kind: batch.NotFound, Op: "find night", Thing: string(asked)})
	}
	return func(context.Context) (nightly.View, error) {
		n.looks.Add(1)
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.view, n.err
	}, nil
}

func (n *night) is(state string, done int, closed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.view = nightly.View{Closed: closed, Progress: batch.Progress{Batch: id, State: state, Jobs: batch.Counts{Total: 9, Succeeded: done}}}
}

func (n *night) fails(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

func shape(v nightly.View) any {
	return map[string]any{"state": v.Progress.State, "succeeded": v.Progress.Jobs.Succeeded}
}

// wire is a connection of a test that can stop reading.
type wire struct {
	mu       sync.Mutex
	header   http.Header
	status   int
	text     bytes.Buffer
	stuck    chan struct{} // writes wait here when not nil
	deadline time.Time
}

func (w *wire) Header() http.Header { return w.header }

func (w *wire) WriteHeader(status int) { w.status = status }

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stuck != nil {
		late := time.NewTimer(time.Until(w.deadline))
		defer late.Stop()
		select {
		case <-w.stuck:
		case <-late.C:
			return 0, context.DeadlineExceeded
		}
	}
	return w.text.Write(b)
}

func (w *wire) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }

func (w *wire) FlushError() error { return nil }

func (w *wire) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// stream is a client that follows.
type stream struct {
	*wire
	leave context.CancelFunc
	over  chan error
}

func follow(h *events.Hub, lastEventID string, stuck chan struct{}) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{&wire{header: http.Header{}, stuck: stuck}, cancel, make(chan error, 1)}
	go func() { s.over <- h.Stream(ctx, id, lastEventID, s) }()
	return s
}

// told is the events of a text in short: "progress 1 sending", with the ids.
func told(text string) (all, ids []string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		var name, data, at string
		for line := range strings.SplitSeq(part, "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "event":
				name = value
			case "data":
				data = value
			case "id":
				at = value
			}
		}
		if name != "" {
			all, ids = append(all, name+" "+data), append(ids, at)
		}
	}
	return all, ids
}

// pass lets time go by and everybody do what was due.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestANightIsToldOnce: changes alone are told, states first; a thousand
// clients cost one look a second, and nobody none.
func TestANightIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &night{}
		n.is("waiting", 0, false)
		h := events.New(events.Options{Find: n.find, Shape: shape})
		defer h.Close()
		var all []*stream
		for range 1000 {
			all = append(all, follow(h, "", nil))
		}
		synctest.Wait()
		if n.finds.Load() != 1 || n.looks.Load() != 1 || h.Following() != 1000 {
			t.Errorf("%d finds and %d looks for %d clients", n.finds.Load(), n.looks.Load(), h.Following())
		}
		pass(2500 * time.Millisecond) // between two looks
		n.is("sending", 1, false)
		pass(time.Second)
		n.is("sending", 2, false)
		pass(time.Second)
		n.is("done", 9, true)
		pass(time.Second)
		for _, s := range all {
			if err := <-s.over; err != nil {
				t.Fatal(err)
			}
			some, ids := told(s.said())
			same(t, "events", some, `progress {"state":"waiting","succeeded":0}`,
				`state {"batch":"market-digest/2026-11-22","from":"waiting","to":"sending"}`, `progress {"state":"sending","succeeded":1}`,
				`progress {"state":"sending","succeeded":2}`,
				`state {"batch":"market-digest/2026-11-22","from":"sending","to":"done"}`, `end {"state":"done","succeeded":9}`)
			if !strings.HasSuffix(ids[5], "-6-end") || !strings.HasSuffix(ids[0], "-1") {
				t.Errorf("ids %q", ids)
			}
			if s.status != http.StatusOK || s.header.Get("Content-Type") != "text/event-stream" || s.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d, %v", s.status, s.header)
			}
		}
		if looks := n.looks.Load(); looks != 6 || h.Following() != 0 {
			t.Errorf("%d looks in 5.5 seconds, %d follow", looks, h.Following())
		}
		pass(10 * time.Second)
		if n.looks.Load() != 6 {
			t.Error("somebody looks, and nobody follows")
		}
	})
}

// TestResume: a client that comes back gets what it missed, no more and no
// less; after the end, on whichever server, it is told to stay away.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &night{}
		n.is("sending", 0, false)
		h := events.New(events.Options{Find: n.find, Shape: shape, Keep: 4})
		defer h.Close()
		witness := follow(h, "", nil)
		pass(time.Second / 2) // between two looks
		for i := 1; i <= 9; i++ {
			n.is("sending", i, false)
			pass(time.Second)
		}
		want, ids := told(witness.said())
		if len(ids) != 10 {
			t.Fatalf("%q", want)
		}
		for _, c := range []struct {
			what, last string
			want       []string
		}{
			{"three missed", ids[6], want[7:]},
			{"four missed, as many as are kept", ids[5], want[6:]},
			{"more missed than are kept", ids[4], want[9:]},
			{"nothing missed", ids[9], nil},
			{"an id that was never given", strings.Replace(ids[9], "-10", "-11", 1), want[9:]},
			{"another server's", "0123456789ab-7", want[9:]},
			{"nonsense", "7", want[9:]},
			{"nothing seen", "", want[9:]},
		} {
			s := follow(h, c.last, nil)
			synctest.Wait()
			got, _ := told(s.said())
			same(t, c.what, got, c.want...)
			s.leave()
		}
		// Within a minute after the last one left the events are there yet, and
		// what happened meanwhile is told as one step.
		witness.leave()
		synctest.Wait()
		n.is("auditing", 9, false)
		pass(59 * time.Second)
		late := follow(h, ids[8], nil)
		synctest.Wait()
		got, now := told(late.said())
		same(t, "after 59 s", got, want[9], `state {"batch":"market-digest/2026-11-22","from":"sending","to":"auditing"}`, `progress {"state":"auditing","succeeded":9}`)
		late.leave()
		synctest.Wait()
		pass(61 * time.Second)
		late = follow(h, now[1], nil)
		synctest.Wait()
		got, _ = told(late.said())
		same(t, "after 61 s", got, `progress {"state":"auditing","succeeded":9}`)
		n.is("done", 9, true)
		pass(time.Second)
		got, now = told(late.said())
		same(t, "the end", got[2:], `end {"state":"done","succeeded":9}`)
		if err := <-late.over; err != nil {
			t.Error(err)
		}
		other := events.New(events.Options{Find: n.find, Shape: shape})
		defer other.Close()
		for _, h := range []*events.Hub{h, other} {
			s := follow(h, now[2], nil)
			if err := <-s.over; err != nil || s.status != http.StatusNoContent || s.said() != "" {
				t.Errorf("after the end: %d %q, %v", s.status, s.said(), err)
			}
			s = follow(h, "", nil)
			<-s.over
			got, _ = told(s.said())
			same(t, "a night that is over", got, `end {"state":"done","succeeded":9}`)
		}
		// A night that is run again after its end is followed again.
		n.is("sending", 9, false)
		s := follow(h, "", nil)
		synctest.Wait()
		got, _ = told(s.said())
		same(t, "run again", got, `progress {"state":"sending","succeeded":9}`)
		s.leave()
		synctest.Wait()
	})
}

// TestSlowAndSilent: one who takes nothing is dropped and holds up nobody; who
// hears nothing for a while hears that the connection lives.
func TestSlowAndSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &night{}
		n.is("waiting", 0, false)
		h := events.New(events.Options{Find: n.find, Shape: shape})
		defer h.Close()
		slow, quick := follow(h, "", make(chan struct{})), follow(h, "", nil)
		pass(9 * time.Second)
		if h.Following() != 2 {
			t.Errorf("%d follow before the deadline", h.Following())
		}
		pass(2 * time.Second)
		if err := <-slow.over; err != nil || h.Following() != 1 {
			t.Errorf("%v, %d follow", err, h.Following())
		}
		pass(30 * time.Second)
		if got := strings.Count(quick.said(), ":\n\n"); got != 2 {
			t.Errorf("%d comments in 41 s of silence: %q", got, quick.said())
		}
		quick.leave()
		<-quick.over
	})
}

// TestOutOfReach: a look that isn't answered ends no stream; a night that is
// gone does, and who comes back is told.
func TestOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &night{}
		n.is("sending", 1, false)
		h := events.New(events.Options{Find: n.find, Shape: shape})
		defer h.Close()
		s := follow(h, "", nil)
		pass(1500 * time.Millisecond)
		n.fails(&batch.Fault{Kind: batch.OutOfReach, Op: "look at night"})
		pass(time.Minute)
		n.fails(nil)
		n.is("sending", 2, false)
		pass(time.Second)
		got, ids := told(s.said())
		same(t, "over an outage", got, `progress {"state":"sending","succeeded":1}`, `progress {"state":"sending","succeeded":2}`)
		n.fails(&batch.Fault{Kind: batch.NotFound, Op: "look at night"})
		pass(time.Second)
		if err := <-s.over; err != nil {
			t.Error(err)
		}
		for _, last := range []string{"", ids[0], ids[1]} {
			s = follow(h, last, nil)
			if err := <-s.over; batch.KindOf(err) != batch.NotFound || s.status != 0 {
				t.Errorf("a night that is gone: %d, %v", s.status, err)
			}
		}
	})
}

// TestBounds: no more clients than may be, and none when the server goes away.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &night{}
		n.is("sending", 1, false)
		h := events.New(events.Options{Find: n.find, Shape: shape, Most: 2})
		a, b := follow(h, "", nil), follow(h, "", nil)
		synctest.Wait()
		var f *batch.Fault
		if err := <-follow(h, "", nil).over; !errors.As(err, &f) || f.Kind != batch.OutOfReach || f.After <= 0 {
			t.Errorf("a third client: %v", err)
		}
		a.leave()
		<-a.over
		c := follow(h, "", nil)
		synctest.Wait()
		h.Close()
		for i, s := range []*stream{b, c} {
			if err := <-s.over; err != nil {
				t.Error(err)
			}
			var again int
			if _, err := fmt.Sscanf(s.said()[strings.LastIndex(s.said(), "retry:"):], "retry: %d", &again); err != nil || again < 2000 || again > 5000 {
				t.Errorf("client %d isn't told when to come back: %q", i, s.said())
			}
		}
		if err := <-follow(h, "", nil).over; batch.KindOf(err) != batch.OutOfReach {
			t.Errorf("after the end: %v", err)
		}
		h.Close()
	})
}
