package lake

import (
	"errors"
	"sync"
	"testing"

	"github.com/offpeak/offpeak/internal/s3test"
)

// TestOnS3: on a real server that speaks S3, killed at each write and run
// again, and with two at once, the lake is the one that a disk has, byte by
// byte; old days go.
func TestOnS3(t *testing.T) {
	disk := newWorld(t, threeDays()...)
	disk.export()
	want := files(t, disk.dir)
	s := s3test.New(t)
	w := newWorld(t, threeDays()...)
	open := func(prefix string) *Lake {
		t.Helper()
		l, err := Open(t.Context(), s.URL(prefix))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	have := func(l *Lake) map[string][]byte {
		t.Helper()
		out := map[string][]byte{}
		for _, folder := range []string{logs, manifests} {
			for o, err := range l.store.List(t.Context(), folder) {
				if err != nil {
					t.Fatal(err)
				}
				if out[o.Key], err = l.store.Get(t.Context(), o.Key); err != nil {
					t.Fatal(err)
				}
			}
		}
		return out
	}
	l := open("killed")
	for at := 1; at <= writes; at += 2 { // each goes a little further
		broken := &Lake{&faulty{store: l.store, at: 2, how: []string{before, within, after}[at%3], stop: func() {}}}
		if _, err := broken.Export(t.Context(), w.order()); err != nil && !errors.Is(err, errStore) {
			t.Fatal(err)
		}
	}
	if _, err := l.Export(t.Context(), w.order()); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, "killed", have(l), want)
	w.verified(l)

	both := open("both")
	var wg sync.WaitGroup
	for range 2 {
		other := open("both")
		wg.Go(func() {
			if _, err := other.Export(t.Context(), w.order()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sameFiles(t, "two at once", have(both), want)
	w.verified(both)

	gone, err := both.Purge(t.Context(), PurgeOrder{Before: "2026-11-22", Why: "test", Now: w.order().Now, Program: "test"})
	if err != nil || gone.Days != 2 {
		t.Errorf("%+v, %v", gone, err)
	}
	if v := w.verified(both); v.Purged != 2 {
		t.Errorf("%+v", v)
	}
}
