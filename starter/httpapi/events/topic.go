package events

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/starter/nightly"
)

// topic is one night that is followed, and the last events of it. All who
// follow share the events as they go over the wire; each has only a place in
// the list, so that one who is slow costs nothing and holds up nobody.
type topic struct {
	id    batch.ID
	epoch string // of the ids: another server, or a later topic, has another
	keep  int

	// Under the hub's lock.
	followers int
	stop      context.CancelFunc // of whoever looks; nil while nobody does
	forget    *time.Timer

	mu      sync.Mutex
	kept    []event
	next    int64         // number of the next event
	changed chan struct{} // closed when there is another event, or an error
	looked  chan struct{} // closed when the look has come in that those who joined since wait for
	state   string
	last    []byte // the progress or end that was told last
	err     error  // why there is no look
	lost    bool   // err ends the streams
}

// event is one, as it goes over the wire.
type event struct {
	n   int64
	end bool
	raw []byte
}

func newTopic(id batch.ID, keep int) *topic {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return &topic{id: id, epoch: hex.EncodeToString(b[:]), keep: keep, next: 1, changed: make(chan struct{}), looked: make(chan struct{})}
}

// rest ends the looking; who joins next begins it anew and waits for a look
// that isn't old. Under the hub's lock.
func (t *topic) rest() {
	if t.stop == nil {
		return
	}
	t.stop()
	t.stop = nil
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.looked:
		t.looked = make(chan struct{})
	default: // nobody has looked yet: who waits goes on waiting
	}
}

// known says whether anything was ever told.
func (t *topic) known() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.kept) > 0
}

// tell makes events of a look, where something changed.
func (t *topic) tell(v nightly.View, shape any) {
	data, err := json.Marshal(shape)
	if err != nil {
		t.fail(&batch.Fault{Kind: batch.Internal, Op: "tell how a night stands", Thing: string(t.id), Err: err}, true)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err, t.lost = nil, false
	state := v.Progress.State
	moved := state != t.state
	if moved {
		if t.state != "" {
			change, err := json.Marshal(struct {
				Batch batch.ID `json:"batch"`
				From  string   `json:"from"`
				To    string   `json:"to"`
			}{t.id, t.state, state})
			if err == nil { // three strings: it can't be otherwise
				t.add("state", change, false)
			}
		}
		t.state = state
	}
	ended := len(t.kept) > 0 && t.kept[len(t.kept)-1].end
	if moved || ended != v.Closed || !bytes.Equal(data, t.last) {
		t.last = data
		if v.Closed {
			t.add("end", data, true)
		} else {
			t.add("progress", data, false)
		}
	}
	t.wake()
}

// fail notes why there was no look. Who waits for the first one is told.
func (t *topic) fail(err error, lost bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err, t.lost = err, lost
	t.wake()
}

// wake has the lock.
func (t *topic) wake() {
	select {
	case <-t.looked:
	default:
		close(t.looked)
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// add has the lock.
func (t *topic) add(name string, data []byte, end bool) {
	id := fmt.Sprintf("%s-%d", t.epoch, t.next)
	if end {
		id += endMark
	}
	raw := fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", id, name, data) // JSON has no line end in it
	if len(t.kept) >= t.keep {
		t.kept = append(t.kept[:0:0], t.kept[len(t.kept)-t.keep+1:]...)
	}
	t.kept = append(t.kept, event{t.next, end, raw})
	t.next++
}

// endMark ends the id of an end.
const endMark = "-end"

// ended says that a client has seen the end, on whichever server.
func ended(id string) bool { return strings.HasSuffix(id, endMark) }

// place is where a client goes on: behind the event that it saw last. False
// when that isn't known, or what follows isn't kept.
func (t *topic) place(id string) (int64, bool) {
	epoch, number, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost || epoch != t.epoch || err != nil || len(t.kept) == 0 || n+1 < t.kept[0].n || n >= t.next {
		return 0, false
	}
	return n + 1, true
}

// wait is the channel to wait on for a look that isn't old. Under the hub's
// lock: whoever looks then will close it.
func (t *topic) wait() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.looked
}

// newest is the number of the newest event, or why there is none.
func (t *topic) newest() (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil && (t.lost || len(t.kept) == 0) {
		return 0, t.err
	}
	return t.next - 1, nil
}

// from is the events from a number on, to the first end, and the channel that
// tells of more. Who fell behind what is kept goes on with the newest: a
// progress says all that those before it did. lost is why no more will come.
func (t *topic) from(n int64) (some []event, more <-chan struct{}, lost error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost {
		lost = t.err
	}
	if n >= t.next {
		return nil, t.changed, lost
	}
	first := t.next - int64(len(t.kept))
	if n < first {
		n = t.next - 1
	}
	some = t.kept[n-first:]
	for i, e := range some {
		if e.end {
			return some[:i+1], t.changed, nil
		}
	}
	return some, t.changed, lost
}
