package ledgertest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// model drives random steps, correct and absurd ones, and compares the books
// with the ones on paper after each.
func model(t *testing.T, r *room) {
	l := r.open(t)
	rapid.Check(t, func(rt *rapid.T) {
		r.wipe(rt)
		const jobs = 5
		limit := rapid.SampledFrom([]money.USD{2*ceil15 + 1, 3 * ceil15, cap50}).Draw(rt, "cap")
		d := r.plan(rt, l, jobs, func(b *ledger.Batch) { b.Budget.Batch = limit })
		logs := ledger.BatchLogUnknown
		p := &paper{jobs: make([]paperJob, jobs)}
		for i := range p.jobs {
			p.jobs[i] = paperJob{state: batch.Planned, ceiling: ceil15}
		}
		job := func(rt *rapid.T) (int, *paperJob) {
			i := rapid.IntRange(0, jobs-1).Draw(rt, "job")
			return i, &p.jobs[i]
		}
		attempt := func(rt *rapid.T, j *paperJob) int {
			if len(j.endings) == 0 {
				rt.Skip("never sent")
			}
			return rapid.IntRange(1, len(j.endings)).Draw(rt, "attempt")
		}
		check := func(rt *rapid.T, what string, allowed bool, err error) {
			if allowed != (err == nil) || err != nil && batch.KindOf(err) != batch.Internal {
				rt.Fatalf("%s: got %v, allowed is %t", what, err, allowed)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"pass": func(rt *rapid.T) {
				d.clock.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 13 * time.Minute}).Draw(rt, "time"))
			},
			"admit": func(rt *rapid.T) {
				seq, j := job(rt)
				a := rapid.SampledFrom([]ledger.Action{ledger.Go, ledger.Go, ledger.Go, ledger.Wait, ledger.Park, ledger.Skip, ledger.Cancel}).Draw(rt, "verdict")
				together := rapid.Bool().Draw(rt, "batched")
				_, _, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq, Batched: together}, always(a))
				open := j.state == batch.Planned || j.state == batch.Reserved || j.state == batch.Parked
				sums := p.totals()
				room := sums.Held + sums.Charged
				if j.state != batch.Reserved {
					room += j.ceiling
				}
				if open && a == ledger.Go && room > limit {
					d.refused(err, batch.OverBudget)
					return
				}
				check(rt, "admit", open, err)
				if !open {
					return
				}
				switch a {
				case ledger.Go:
					j.state, j.raised = batch.Sending, true
					j.endings, j.sent = append(j.endings, ledger.InFlight), append(j.sent, d.clock.Now())
					j.batched = append(j.batched, together)
				case ledger.Park:
					j.state = batch.Parked
				case ledger.Skip:
					j.state = batch.Skipped
				case ledger.Cancel:
					j.state = batch.Cancelled
				}
			},
			"settle": func(rt *rapid.T) {
				seq, j := job(rt)
				n := attempt(rt, j)
				total := money.USD(rapid.Int64Range(0, int64(ceil15)).Draw(rt, "total"))
				_, err := d.Settle(d.ctx, d.closing(seq, n), chargeOf(total), "x")
				check(rt, "settle", j.settle(n, total, ledger.EndedAnswered), err)
			},
			"reject": func(rt *rapid.T) {
				seq, j := job(rt)
				n := attempt(rt, j)
				_, err := d.Reject(d.ctx, d.closing(seq, n), "no")
				check(rt, "reject", j.end(n, ledger.EndedRejected, func() { j.state = batch.Rejected }), err)
			},
			"return": func(rt *rapid.T) {
				seq, j := job(rt)
				n := attempt(rt, j)
				limited := rapid.Bool().Draw(rt, "limited")
				_, err := d.Return(d.ctx, d.closing(seq, n), ledger.Returning{Why: "x", Limited: limited, Counts: !limited})
				check(rt, "return", j.end(n, ledger.EndedReturned, func() {
					j.state = batch.Reserved
					if limited {
						j.limited++
					} else {
						j.limited = 0
						j.tries++
					}
				}), err)
			},
			"doubt": func(rt *rapid.T) {
				seq, j := job(rt)
				n := attempt(rt, j)
				_, err := d.Doubt(d.ctx, d.closing(seq, n), doubted(), time.Time{})
				check(rt, "doubt", j.doubted(n), err)
			},
			"crashed": func(rt *rapid.T) {
				seq, j := job(rt)
				_, err := d.Crashed(d.ctx, d.id, seq, 0, 0)
				check(rt, "crashed", j.state == batch.Sending || j.state == batch.Unknown, err)
				if j.state == batch.Sending {
					j.doubted(len(j.endings))
				}
			},
			"found": func(rt *rapid.T) {
				seq, j := job(rt)
				total := money.USD(rapid.Int64Range(0, int64(ceil15)).Draw(rt, "total"))
				_, err := d.Found(d.ctx, d.id, seq, chargeOf(total), "x")
				check(rt, "found", j.state == batch.Unknown || j.state == batch.Succeeded, err)
				if j.state == batch.Unknown {
					j.settle(j.doubt, total, ledger.EndedFound)
				}
			},
			"absent": func(rt *rapid.T) {
				seq, j := job(rt)
				_, err := d.Absent(d.ctx, d.id, seq, time.Time{}, "x")
				again := j.state == batch.Reserved && j.endings[len(j.endings)-1] == ledger.EndedAbsent
				allowed := j.state == batch.Unknown && (!j.batched[j.doubt-1] || logs == ledger.BatchLogYes)
				check(rt, "absent", allowed || again, err)
				if allowed {
					j.endings[j.doubt-1] = ledger.EndedAbsent
					j.state, j.doubt = batch.Reserved, 0
				}
			},
			"logs batches": func(rt *rapid.T) {
				logs = rapid.SampledFrom([]ledger.BatchLog{ledger.BatchLogYes, ledger.BatchLogNo}).Draw(rt, "log")
				d.ok(d.LogsBatches(d.ctx, d.key, logs))
			},
			"late": func(rt *rapid.T) {
				seq, j := job(rt)
				run := rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(rt, "run")
				total := money.USD(rapid.Int64Range(0, int64(ceil15)).Draw(rt, "total"))
				var ended time.Time
				if n := len(j.sent); n > 0 && rapid.Bool().Draw(rt, "ended") {
					ended = rapid.SampledFrom(j.sent).Draw(rt, "at").Add(rapid.SampledFrom([]time.Duration{-time.Microsecond, 0, time.Second}).Draw(rt, "after"))
				}
				_, booked, err := d.Late(d.ctx, d.id, seq, runOf(run, total, ended), "x")
				if run != "" && j.runs[run] {
					check(rt, "late again", true, err)
					if booked {
						rt.Fatalf("run %s was booked twice", run)
					}
					return
				}
				n := j.late(ended)
				allowed := run != "" && n > 0 && j.state != batch.Sending && j.state != batch.Unknown
				check(rt, "late", allowed, err)
				if booked != allowed {
					rt.Fatalf("booked is %t, allowed %t", booked, allowed)
				}
				if allowed {
					j.state, j.limited = batch.Succeeded, 0
					j.charges, j.endings[n-1] = append(j.charges, total), ledger.EndedFound
					if j.runs == nil {
						j.runs = map[string]bool{}
					}
					j.runs[run] = true
				}
			},
			"give": func(rt *rapid.T) {
				seq, j := job(rt)
				s := rapid.SampledFrom([]batch.State{batch.Parked, batch.Skipped, batch.Cancelled, batch.Rejected}).Draw(rt, "state")
				_, err := d.Give(d.ctx, d.id, seq, s, "x")
				open := j.state == batch.Planned || j.state == batch.Reserved
				check(rt, "give", open || j.state == s, err)
				if open {
					j.state = s
				}
			},
			"reopen": func(rt *rapid.T) {
				d.ok(d.Reopen(d.ctx, d.id))
				for i := range p.jobs {
					if j := &p.jobs[i]; j.state == batch.Parked || j.state == batch.Skipped {
						j.state, j.tries, j.limited = batch.Planned, 0, 0
					}
				}
			},
			"": func(rt *rapid.T) { compare(rt, d, p) },
		})
		d.clock.Add(time.Hour)
	})
}

func compare(rt *rapid.T, d *desk, p *paper) {
	rows, err := d.Jobs(d.ctx, d.id, 0, len(p.jobs))
	d.ok(err)
	flying := 0
	for i, j := range p.jobs {
		got := rows[i]
		if got.State != j.state || got.Attempts != len(j.endings) || got.Tries != j.tries || got.Limited != j.limited || got.Doubt.Attempt != j.doubt {
			rt.Fatalf("job %d: on paper %+v, in the books %+v", i, j, got)
		}
		for n, e := range j.endings {
			if e == ledger.InFlight && d.clock.Now().Before(j.sent[n].Add(12*time.Minute)) {
				flying++
			}
		}
		trail, err := d.Trail(d.ctx, d.id, got.Name)
		d.ok(err)
		for n, a := range trail.Attempts {
			if e := j.endings[n]; a.Batched != j.batched[n] || a.Ending != e && (e != ledger.InFlight || a.Ending != ledger.EndedOverdue) {
				rt.Fatalf("job %d attempt %d: on paper %q, in the books %+v", i, n+1, e, a)
			}
		}
		if got.Doubt.Attempt > 0 && got.Doubt.Batched != j.batched[got.Doubt.Attempt-1] {
			rt.Fatalf("job %d: the doubt %+v of an attempt batched %t", i, got.Doubt, j.batched[got.Doubt.Attempt-1])
		}
	}
	d.same(d.totals(), p.totals(), "the sums")
	if k := d.standing(); k.InFlight != flying {
		rt.Fatalf("%d in flight, on paper %d", k.InFlight, flying)
	}
	d.sound()
}
