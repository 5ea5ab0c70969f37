package web

import (
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// How long what was asked stands: a moment for a night's own word, a little
// longer for the count of its requests, and a minute for the count of a night
// that is over, which only a reconciliation changes.
const (
	moment = 900 * time.Millisecond
	fresh  = 2 * time.Second
	still  = time.Minute

	mostKept = 64
)

// cache keeps answers for a while, so that a night is asked about once for all
// who watch it, and not more often than it moves.
type cache[T any] struct {
	once singleflight.Group
	mu   sync.Mutex
	kept map[string]answer[T]
}

type answer[T any] struct {
	value T
	at    time.Time
}

// get is the answer of that name, when there is one that is young enough, else
// a new one. Errors aren't kept.
func (c *cache[T]) get(name string, age time.Duration, ask func() (T, error)) (T, error) {
	c.mu.Lock()
	k, ok := c.kept[name]
	c.mu.Unlock()
	if ok && time.Since(k.at) < age {
		return k.value, nil
	}
	got, err, _ := c.once.Do(name, func() (any, error) { return ask() })
	if err != nil {
		var none T
		return none, err
	}
	v := got.(T)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= mostKept {
		c.kept = map[string]answer[T]{}
	}
	c.kept[name] = answer[T]{v, time.Now()}
	return v, nil
}

// forget has the next one ask anew.
func (c *cache[T]) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, name)
}
