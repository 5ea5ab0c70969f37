package ledgertest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

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

// sentOne is an attempt as the naive model of the windows knows it.
type sentOne struct {
	seq, n  int
	flying  bool
	doubted bool
	counted time.Time // zero: not at all
}

// quotaModel compares the windows with a model that adds up all attempts.
func quotaModel(t *testing.T, r *room) {
	l := r.open(t)
	rapid.Check(t, func(rt *rapid.T) {
		r.wipe(rt)
		d := r.plan(rt, l, 60)
		var (
			all    []*sentOne
			limits = map[string]ledger.Window{}
			next   int
		)
		pick := func(rt *rapid.T, which func(*sentOne) bool) *sentOne {
			var some []*sentOne
			for _, a := range all {
				if which(a) {
					some = append(some, a)
				}
			}
			if len(some) == 0 {
				rt.Skip("none")
			}
			return rapid.SampledFrom(some).Draw(rt, "attempt")
		}
		flying := func(a *sentOne) bool { return a.flying }
		doubtful := func(a *sentOne) bool { return a.doubted }
		rt.Repeat(map[string]func(*rapid.T){
			"pass": func(rt *rapid.T) {
				d.clock.Add(rapid.SampledFrom([]time.Duration{time.Microsecond, time.Second, 7 * time.Second, 59 * time.Second, time.Minute}).Draw(rt, "time"))
			},
			"learn": func(rt *rapid.T) {
				w := rapid.SampledFrom([]ledger.Window{window("second", 2, 0), window("minute", 60, 0), window("hour", 3600, 0)}).Draw(rt, "window")
				w.Limit = rapid.SampledFrom([]int64{0, 1, 2, 5, 100}).Draw(rt, "limit")
				limits[w.Name] = w
				learn(rt, d, d.key, w)
			},
			"send": func(rt *rapid.T) {
				if next == 60 {
					rt.Skip("all sent")
				}
				all = append(all, &sentOne{seq: next, n: d.send(next), flying: true})
				next++
			},
			"answered": func(rt *rapid.T) {
				a := pick(rt, flying)
				_, err := d.Settle(d.ctx, d.closing(a.seq, a.n), chargeOf(1), "x")
				d.ok(err)
				a.flying, a.counted = false, d.clock.Now()
			},
			"refused": func(rt *rapid.T) {
				a := pick(rt, flying)
				_, err := d.Return(d.ctx, d.closing(a.seq, a.n), ledger.Returning{Why: "429"})
				d.ok(err)
				a.flying = false
			},
			"crashed": func(rt *rapid.T) {
				a := pick(rt, flying)
				at := d.clock.Now()
				j, err := d.Crashed(d.ctx, d.id, a.seq, time.Minute, 0)
				d.ok(err)
				if at.Before(j.Doubt.AbsentAfter) {
					at = j.Doubt.AbsentAfter
				}
				a.flying, a.doubted, a.counted = false, true, at
			},
			"late": func(rt *rapid.T) {
				a := pick(rt, doubtful)
				_, err := d.Settle(d.ctx, d.closing(a.seq, a.n), chargeOf(1), "x")
				d.ok(err)
				a.doubted, a.counted = false, d.clock.Now()
			},
			"absent": func(rt *rapid.T) {
				a := pick(rt, doubtful)
				if d.clock.Now().Before(d.job(a.seq).Doubt.AbsentAfter) {
					rt.Skip("too early")
				}
				_, err := d.Absent(d.ctx, d.id, a.seq, time.Time{}, "not in the log")
				d.ok(err)
				a.doubted, a.counted = false, time.Time{}
			},
			"": func(rt *rapid.T) {
				now := d.clock.Now()
				for _, w := range d.standing().Windows {
					want := naive(all, limits[w.Name], now)
					if w.Used != want.Used || !w.Frees.Equal(want.Frees) {
						rt.Fatalf("window %s of %v, limit %d: %d used, frees at %v; want %d and %v",
							w.Name, w.Span, w.Limit, w.Used, w.Frees, want.Used, want.Frees)
					}
				}
			},
		})
		d.sound()
		d.clock.Add(24 * time.Hour)
	})
}

func naive(all []*sentOne, w ledger.Window, now time.Time) ledger.Window {
	if w.Limit == 0 {
		return w
	}
	var ends []time.Time
	for _, a := range all {
		if a.flying {
			w.Used++
		} else if !a.counted.IsZero() && a.counted.Add(w.Span).After(now) {
			w.Used++
			ends = append(ends, a.counted)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	leave := max(w.Used-w.Limit+1, 1)
	if leave <= int64(len(ends)) {
		w.Frees = ends[leave-1].Add(w.Span)
	}
	return w
}
