package ledgertest

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/ledger"
)

// sentOne is an attempt as the naive model of the windows knows it.
type sentOne struct {
	seq, n  int
	sent    time.Time
	flying  bool
	doubted bool
	absent  bool
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
				all = append(all, &sentOne{seq: next, n: d.send(next), sent: d.clock.Now(), flying: true})
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
				a.doubted, a.absent, a.counted = false, true, time.Time{}
			},
			"found late": func(rt *rapid.T) {
				a := pick(rt, func(a *sentOne) bool { return a.absent })
				ended := d.clock.Now().Add(-rapid.SampledFrom([]time.Duration{0, time.Second, 30 * time.Second}).Draw(rt, "ago"))
				if ended.Before(a.sent) {
					ended = a.sent
				}
				_, booked, err := d.Late(d.ctx, d.id, a.seq, runOf("x", 1, ended), "x")
				d.ok(err)
				if !booked {
					rt.Fatalf("job %d: not booked", a.seq)
				}
				a.absent, a.counted = false, ended
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
