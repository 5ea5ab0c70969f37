package simulator

import (
	"context"
	"sync"
	"time"
)

// Clock is the simulator's time. Everything that it stamps, prices, counts or
// waits for goes by it.
type Clock interface {
	Now() time.Time
	// Wait returns nil once d has passed on this clock (at once for d <= 0),
	// or ctx's error if that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// Tunable is a clock that can be set, frozen and made faster. It is safe for
// concurrent use. Under testing/synctest it follows the bubble's time.
type Tunable struct {
	mu      sync.Mutex
	base    time.Time            // the instant that it showed at since
	since   time.Time            // by the machine's clock
	scale   float64              // 1 real, 60 a minute a second, 0 frozen
	moved   chan struct{}        // closed and replaced when the clock is set or scaled
	waiting map[*waiter]struct{} // those whose instant hasn't come
	counted chan struct{}        // closed when waiting changes; nil while nobody watches
}

type waiter struct {
	until time.Time
	free  chan struct{} // closed when the clock is moved to until or beyond, even if it is then moved back
}

// NewClock is a clock at the machine's time and speed.
func NewClock() *Tunable {
	now := time.Now()
	return &Tunable{base: now, since: now, scale: 1, moved: make(chan struct{}), waiting: map[*waiter]struct{}{}}
}

// FrozenClock is a clock that stands at t until it is set or advanced.
func FrozenClock(t time.Time) *Tunable {
	return &Tunable{base: t, since: time.Now(), moved: make(chan struct{}), waiting: map[*waiter]struct{}{}}
}

// Now is the instant that the clock shows.
func (c *Tunable) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now(time.Now())
}

func (c *Tunable) now(machine time.Time) time.Time {
	passed := machine.Sub(c.since)
	switch c.scale {
	case 0:
		return c.base
	case 1:
		return c.base.Add(passed)
	}
	return c.base.Add(time.Duration(float64(passed) * c.scale))
}

// Set makes the clock show t from now on. Whoever waits for an instant that
// is thereby past goes on.
func (c *Tunable) Set(t time.Time) { c.change(func(time.Time) time.Time { return t }, nil) }

// Offset makes the clock show the machine's time plus d.
func (c *Tunable) Offset(d time.Duration) {
	c.change(func(machine time.Time) time.Time { return machine.Add(d) }, nil)
}

// Advance moves the clock forward by d.
func (c *Tunable) Advance(d time.Duration) {
	c.change(func(machine time.Time) time.Time { return c.now(machine).Add(d) }, nil)
}

// MaxScale is the fastest that a clock goes: a day in a tenth of a second.
const MaxScale = 1e6

// Scale makes the clock go n times as fast as the machine's: 60 turns a
// night of ten hours into ten minutes, 0 freezes. Beyond 0 and [MaxScale] it
// is one of them.
func (c *Tunable) Scale(n float64) {
	n = min(max(n, 0), MaxScale)
	c.change(c.now, &n)
}

func (c *Tunable) change(base func(machine time.Time) time.Time, scale *float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	machine := time.Now()
	c.base, c.since = base(machine), machine
	if scale != nil {
		c.scale = *scale
	}
	for w := range c.waiting { // at once, so that AwaitWaiting never counts those who are free to go
		if !w.until.After(c.now(machine)) {
			close(w.free)
			c.leave(w)
		}
	}
	close(c.moved)
	c.moved = make(chan struct{})
}

func (c *Tunable) leave(w *waiter) {
	delete(c.waiting, w)
	c.count()
}

func (c *Tunable) count() {
	if c.counted != nil {
		close(c.counted)
		c.counted = nil
	}
}

// Wait implements [Clock]. On a frozen clock it lasts until the clock is moved.
func (c *Tunable) Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	c.mu.Lock()
	w := &waiter{c.now(time.Now()).Add(d), make(chan struct{})}
	c.waiting[w] = struct{}{}
	c.count()
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.leave(w)
		c.mu.Unlock()
	}()
	for {
		c.mu.Lock()
		left, scale, moved := w.until.Sub(c.now(time.Now())), c.scale, c.moved
		c.mu.Unlock()
		if left <= 0 {
			return nil
		}
		var ring <-chan time.Time
		if scale > 0 { // an hour at most: a slow clock would ask for more than a Duration holds
			t := time.NewTimer(time.Duration(min(float64(left)/scale, float64(time.Hour))) + 1)
			defer t.Stop()
			ring = t.C
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.free:
			return nil
		case <-ring:
		case <-moved:
			select {
			case <-w.free:
				return nil
			default:
			}
		}
	}
}

// Reading is what a clock shows, for the admin endpoint.
type Reading struct {
	Now     time.Time `json:"now"`
	Scale   float64   `json:"scale"`
	Waiting int       `json:"waiting"` // how many runs wait on it
}

// Read says what the clock shows and how fast it goes.
func (c *Tunable) Read() Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Reading{Now: c.now(time.Now()), Scale: c.scale, Waiting: len(c.waiting)}
}

// AwaitWaiting returns once at least n waits are under way: the moment at
// which a test may move a frozen clock.
func (c *Tunable) AwaitWaiting(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		if c.counted == nil {
			c.counted = make(chan struct{})
		}
		waiting, counted := len(c.waiting), c.counted
		c.mu.Unlock()
		if waiting >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-counted:
		}
	}
}
