package httpapi

import (
	"context"
	"sync"
)

// lazy is opened at its first use and kept. One that can't be opened is tried
// again at the next: the worker that makes the books may start later.
type lazy[T any] struct {
	open  func(context.Context) (T, error)
	close func(T) error

	mu    sync.Mutex
	value T
	there bool
	ours  bool
}

// have sets a value that stays somebody else's to close.
func (l *lazy[T]) have(v T) { l.value, l.there = v, true }

// get opens with a context that outlives the request: what is kept must not end
// with whoever came first.
func (l *lazy[T]) get(ctx context.Context) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.there {
		return l.value, nil
	}
	v, err := l.open(context.WithoutCancel(ctx))
	if err == nil {
		l.value, l.there, l.ours = v, true, true
	}
	return v, err
}

// peek is the value if there is one.
func (l *lazy[T]) peek() (v T, there bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value, l.there
}

func (l *lazy[T]) end() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ours {
		return nil
	}
	l.there, l.ours = false, false
	return l.close(l.value)
}
