package ledgertest

import (
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// polite lets a job go when every window of its key has room.
func polite(s ledger.Standing) ledger.Verdict {
	for _, w := range s.Key.Windows {
		if w.Limit > 0 && w.Used >= w.Limit {
			return ledger.Verdict{Action: ledger.Wait, Until: w.Frees, Reason: ledger.ReasonQuota}
		}
	}
	return ledger.Verdict{Action: ledger.Go}
}

func (d *desk) ask(seq int) (ledger.Verdict, int) {
	d.Helper()
	v, n, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq}, polite)
	d.ok(err)
	return v, n
}

// filled wants a window to be used so far, and to free a place then.
func (d *desk) filled(used int64, frees time.Time) {
	d.Helper()
	if w := d.window("minute"); w.Used != used || !w.Frees.Equal(frees) {
		d.Fatalf("%d used, frees at %v; want %d and %v", w.Used, w.Frees, used, frees)
	}
}

func quotaExamples(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 200)
	minute := 60 * time.Second
	learn(t, d, d.key, window("minute", 60, 3))
	d.filled(0, time.Time{})
	for seq := range 3 {
		if v, _ := d.ask(seq); v.Action != ledger.Go {
			t.Fatalf("job %d: %+v", seq, v)
		}
		d.clock.Add(time.Second)
	}
	// Full, and nobody knows until when: all are in flight.
	if v, _ := d.ask(3); v.Action != ledger.Wait || !v.Until.IsZero() {
		t.Errorf("a fourth one: %+v", v)
	}
	d.filled(3, time.Time{})
	// A 429 and a rejection weren't counted; an answer was, from its end on.
	_, err := d.Return(d.ctx, d.closing(0, 1), ledger.Returning{Why: "429"})
	d.ok(err)
	_, err = d.Reject(d.ctx, d.closing(1, 1), "HTTP 422")
	d.ok(err)
	d.filled(1, time.Time{})
	ended := d.clock.Now()
	_, err = d.Settle(d.ctx, d.closing(2, 1), chargeOf(97_250), "x")
	d.ok(err)
	d.filled(1, ended.Add(minute))
	d.clock.Add(minute - time.Microsecond)
	d.filled(1, ended.Add(minute))
	d.clock.Add(time.Microsecond)
	d.filled(0, time.Time{})

	// In doubt: counted as late as it may have ended; absent: not at all.
	d.send(0)
	_, err = d.Crashed(d.ctx, d.id, 0, 10*time.Minute, 2*time.Minute)
	d.ok(err)
	over := d.clock.Now().Add(12 * time.Minute)
	d.filled(1, over.Add(minute))
	d.clock.Add(12 * time.Minute)
	d.filled(1, over.Add(minute))
	_, err = d.Absent(d.ctx, d.id, 0, time.Time{}, "not in the log")
	d.ok(err)
	d.filled(0, time.Time{})

	// Found: counted when the log says that it ended.
	d.send(3)
	sent := d.clock.Now()
	d.clock.Add(10 * time.Second)
	_, err = d.Crashed(d.ctx, d.id, 3, 10*time.Minute, 2*time.Minute)
	d.ok(err)
	c := chargeOf(97_250)
	c.EndedAt = sent.Add(5 * time.Second)
	_, err = d.Found(d.ctx, d.id, 3, c, "x")
	d.ok(err)
	d.filled(1, sent.Add(5*time.Second+minute))

	// A limit that is told late, or lowered: the one leaves that has to.
	d.clock.Add(2 * minute)
	var ends []time.Time
	for seq := 10; seq < 20; seq++ {
		d.send(seq)
		d.clock.Add(time.Second)
		ends = append(ends, d.clock.Now())
		_, err := d.Settle(d.ctx, d.closing(seq, 1), chargeOf(97_250), "x")
		d.ok(err)
	}
	d.filled(10, ends[7].Add(minute)) // 10 - 3 must leave, and one more
	learn(t, d, d.key, window("minute", 60, 11))
	d.filled(10, ends[0].Add(minute)) // there is room: the oldest one
	learn(t, d, d.key, window("hour", 3600, 20), window("minute", 60, 0))
	if w := d.window("hour"); w.Used != 12 {
		t.Errorf("an hour that is told late holds %d", w.Used)
	}
	if w := d.window("minute"); w.Used != 0 || !w.Frees.IsZero() {
		t.Errorf("a window without a limit: %+v", w)
	}
	learn(t, d, d.key, window("minute", 60, 2))
	d.filled(10, ends[8].Add(minute))
	learn(t, d, d.key, window("minute", 5, 2)) // another span under the same name
	d.filled(5, ends[8].Add(5*time.Second))
	d.sound()

	// 64 at once find exactly the places that there are.
	e := r.plan(t, d.Ledger, 200)
	learn(t, e, e.key, window("minute", 60, 50))
	var wg sync.WaitGroup
	var mu sync.Mutex
	sentNow := 0
	for w := range 64 {
		wg.Go(func() {
			for seq := w; seq < 200; seq += 64 {
				v, n, err := e.Admit(e.ctx, ledger.Ask{Batch: e.id, Seq: seq}, polite)
				if err == nil && v.Action == ledger.Go {
					mu.Lock()
					sentNow++
					mu.Unlock()
					if seq%2 == 0 {
						_, err = e.Settle(e.ctx, e.closing(seq, n), chargeOf(97_250), "x")
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if sentNow != 50 {
		t.Errorf("%d were sent under a limit of 50", sentNow)
	}
	e.sound()
}

// clockBack turns the clock back: nothing leaves a window early, and nothing
// fits that wouldn't have.
func clockBack(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 10)
	learn(t, d, d.key, window("minute", 60, 2))
	d.into(0, batch.Succeeded)
	first := d.clock.Now()
	d.clock.Add(-time.Hour)
	d.into(1, batch.Succeeded)
	d.filled(2, first.Add(time.Minute))
	if k := d.standing(); !k.LastSent.Equal(first) {
		t.Errorf("sent at %v, before the one before at %v", k.LastSent, first)
	}
	d.clock.Add(59*time.Minute + 59*time.Second)
	if v, _ := d.ask(2); v.Action != ledger.Wait {
		t.Errorf("with the clock turned back: %+v", v)
	}
	d.clock.Add(time.Minute + time.Second)
	if v, _ := d.ask(2); v.Action != ledger.Go {
		t.Errorf("a minute after the last one: %+v", v)
	}
	d.sound()
}
