package lake

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// cut is a store that fails at the n-th change: before it, or in the middle.
type cut struct {
	store
	left int
	mid  bool
}

var errCut = errors.New("the store is gone")

func (c *cut) Put(ctx context.Context, key string, content []byte) error {
	if c.left--; c.left < 0 {
		return errCut
	}
	return c.store.Put(ctx, key, content)
}

func (c *cut) Remove(ctx context.Context, keys []string, gone func(string)) error {
	if c.left--; c.left < 0 {
		if c.mid {
			_ = c.store.Remove(ctx, keys[:1], gone) // the failure that counts is the next one
		}
		return errCut
	}
	return c.store.Remove(ctx, keys, gone)
}

// TestPurgeCutShort fails before and in every change that a purge makes:
// whatever the moment the lake holds, and the next purge ends it.
func TestPurgeCutShort(t *testing.T) {
	t.Parallel()
	upTo := PurgeOrder{Before: "2026-11-22", Why: "OFFPEAK_KEEP_LOGS=90d", Now: func() time.Time { return noon }, Program: "test"}
	for _, mid := range []bool{false, true} {
		whole := false
		for at := 0; !whole; at++ {
			w := newWorld(t, threeDays()...)
			w.export()
			l := w.lake()
			l.store = &cut{store: l.store, left: at, mid: mid}
			_, err := l.Purge(t.Context(), upTo)
			if whole = err == nil; !whole && !errors.Is(err, errCut) {
				t.Fatalf("cut at %d: %v", at, err)
			}
			w.verified(w.lake())
			if _, err := w.lake().Purge(t.Context(), upTo); err != nil {
				t.Fatal(err)
			}
			for name := range files(t, w.dir) {
				if strings.Contains(name, "day=2026-11-21") {
					t.Errorf("cut at %d: %s is left", at, name)
				}
			}
			if v := w.verified(w.lake()); v.Purged != 2 || v.Manifests != 6 {
				t.Errorf("cut at %d: %+v", at, v)
			}
			if at > 20 {
				t.Fatal("it is never whole")
			}
		}
	}
}
