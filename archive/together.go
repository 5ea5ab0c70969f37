package archive

import "sync"

// together syncs folders for many writers at once: a sync that begins after a
// name was made covers that name, so those who ask while one is under way share
// the next. A night's answers are small and many, and lie in one folder.
type together struct {
	mu   sync.Mutex
	next map[string]*round // by folder: the one that hasn't begun; an entry of nil says that one is under way
}

// round is one sync and those who wait for it.
type round struct {
	done chan struct{}
	err  error
}

// sync brings a folder's names to disk. It returns the error of a sync that
// began after the call.
func (t *together) sync(path string) error {
	t.mu.Lock()
	if t.next == nil {
		t.next = map[string]*round{}
	}
	mine, busy := t.next[path]
	if mine == nil {
		mine = &round{done: make(chan struct{})}
	}
	if busy {
		t.next[path] = mine
		t.mu.Unlock()
		<-mine.done
		return mine.err
	}
	t.next[path] = nil
	t.mu.Unlock()
	t.run(path, mine)
	return mine.err
}

// run does a round. The next one, where somebody waits for it, is nobody's: the
// caller has what it came for.
func (t *together) run(path string, r *round) {
	r.err = syncPath(path)
	close(r.done)
	t.mu.Lock()
	defer t.mu.Unlock()
	next := t.next[path]
	if next == nil {
		delete(t.next, path)
		return
	}
	t.next[path] = nil
	go t.run(path, next)
}
