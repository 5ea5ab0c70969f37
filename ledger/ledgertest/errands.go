package ledgertest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// errands: the first one does it, everybody else gets its answer, from any
// handle, until it is forgotten.
func errands(t *testing.T, r *room) {
	l, other := r.open(t), r.open(t)
	ctx := t.Context()
	d := &desk{tb: t, Ledger: l, clock: r.clock, ctx: ctx}
	begin := func(on *ledger.Ledger, key, digest, owner string, want ledger.Begun) ledger.Errand {
		t.Helper()
		e, got, err := on.BeginErrand(ctx, key, digest, owner, time.Minute)
		d.ok(err)
		if got != want {
			t.Fatalf("%s by %s: %s, want %s (%+v)", key, owner, got, want, e)
		}
		return e
	}
	for _, bad := range [][3]string{{"", "d", "o"}, {"k", "", "o"}, {"k", "d", ""}} {
		_, _, err := l.BeginErrand(ctx, bad[0], bad[1], bad[2], time.Minute)
		d.refused(err, batch.Internal)
	}
	begin(l, "k", "d", "a", ledger.ErrandYours)
	begin(l, "k", "d", "a", ledger.ErrandYours) // his call may be repeated
	begin(other, "k", "d", "b", ledger.ErrandRunning)
	begin(other, "k", "other work", "b", ledger.ErrandDiffers)
	d.ok(other.EndErrand(ctx, "k", "b", []byte("not his")))
	d.ok(l.EndErrand(ctx, "k", "a", []byte("done")))
	d.ok(l.EndErrand(ctx, "k", "a", []byte("done again")))
	if e := begin(other, "k", "d", "b", ledger.ErrandDone); string(e.Answer) != "done" {
		t.Errorf("%+v", e)
	}
	begin(other, "k", "other work", "b", ledger.ErrandDiffers)
	begin(other, "k2", "other work", "b", ledger.ErrandYours)

	// Given up: the next one begins anew, also with other work.
	begin(l, "given up", "d", "a", ledger.ErrandYours)
	d.ok(l.EndErrand(ctx, "given up", "a", nil))
	begin(other, "given up", "mended", "b", ledger.ErrandYours)
	d.ok(other.EndErrand(ctx, "given up", "b", []byte{}))
	if e := begin(l, "given up", "mended", "a", ledger.ErrandDone); e.Answer == nil || len(e.Answer) != 0 {
		t.Errorf("an empty answer: %+v", e)
	}

	// Abandoned: taken over when its time is up, and the first owner is late.
	begin(l, "abandoned", "d", "a", ledger.ErrandYours)
	r.clock.Add(time.Minute - time.Microsecond)
	begin(other, "abandoned", "d", "b", ledger.ErrandRunning)
	r.clock.Add(time.Microsecond)
	begin(other, "abandoned", "d", "b", ledger.ErrandYours)
	d.ok(l.EndErrand(ctx, "abandoned", "a", []byte("too late")))
	d.ok(other.EndErrand(ctx, "abandoned", "b", []byte("his")))
	if e := begin(l, "abandoned", "d", "c", ledger.ErrandDone); string(e.Answer) != "his" {
		t.Errorf("%+v", e)
	}

	// Forgotten after a month, and not before.
	r.clock.Add(ledger.KeepErrands - time.Hour)
	begin(l, "k", "d", "c", ledger.ErrandDone)
	r.clock.Add(time.Hour + time.Microsecond)
	begin(l, "k", "other work", "c", ledger.ErrandYours)
	begin(l, "abandoned", "d", "d", ledger.ErrandYours)

	// At the same moment, on two handles.
	var (
		crew sync.WaitGroup
		mu   sync.Mutex
		n    int
	)
	for i := range 20 {
		crew.Go(func() {
			on := []*ledger.Ledger{l, other}[i%2]
			_, got, err := on.BeginErrand(ctx, "at once", "d", fmt.Sprint(i), time.Minute)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if got == ledger.ErrandYours {
				n++
			}
		})
	}
	crew.Wait()
	if n != 1 {
		t.Errorf("%d of 20 do it", n)
	}
	d.sound()
}
