package ledgertest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// moneyMoves follows every dollar of three jobs.
func moneyMoves(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 3)
	want := ledger.Totals{Jobs: batch.Counts{Total: 3}, Planned: 3}
	d.same(d.totals(), want, "planned")

	d.send(0)
	d.send(1)
	want.Planned, want.Sending, want.Held, want.Ceiling = 1, 2, 2*ceil15, 2*ceil15
	d.same(d.totals(), want, "two sent")

	j, err := d.Settle(d.ctx, d.closing(0, 1), chargeOf(97_250), "outputs/0")
	d.ok(err)
	if j.State != batch.Succeeded || j.Output != "outputs/0" || j.Attempts != 1 || j.Tries != 0 {
		t.Errorf("settled as %+v", j)
	}
	want.Sending, want.Jobs.Succeeded, want.Held = 1, 1, ceil15
	want.Charged, want.DayPrice, want.Charges = 97_250, 194_500, 1
	d.same(d.totals(), want, "one settled")

	_, err = d.Return(d.ctx, d.closing(1, 1), ledger.Returning{Why: "429"})
	d.ok(err)
	want.Sending, want.Reserved = 0, 1
	d.same(d.totals(), want, "one returned: its reservation stands")

	d.send(1)
	_, err = d.Doubt(d.ctx, d.closing(1, 2), doubted(), time.Time{})
	d.ok(err)
	want.Reserved, want.Jobs.Unknown = 0, 1
	d.same(d.totals(), want, "one unknown: its reservation stands")

	_, err = d.Found(d.ctx, d.id, 1, chargeOf(1), "outputs/1")
	d.ok(err)
	want.Jobs.Unknown, want.Jobs.Succeeded, want.Held = 0, 2, 0
	want.Charged, want.DayPrice, want.Charges = 97_251, 194_502, 2
	d.same(d.totals(), want, "found: charged")

	_, err = d.Give(d.ctx, d.id, 2, batch.Skipped, "no budget")
	d.ok(err)
	want.Planned, want.Jobs.Skipped = 0, 1
	d.same(d.totals(), want, "skipped: never at risk")
	d.sound()

	var got []ledger.Charge
	d.ok(d.Charges(d.ctx, d.id, func(c ledger.Charge) error { got = append(got, c); return nil }))
	if len(got) != 2 || got[0].Source != ledger.FromAnswer || got[1].Source != ledger.FromLog || got[1].Attempt != 2 {
		t.Fatalf("charges: %+v", got)
	}
	d.into(2, batch.Skipped)
	_, err = d.Settle(d.ctx, d.closing(1, 1), chargeOf(-1), "x")
	d.refused(err, batch.Internal)
}

// admitting looks at what the judge is shown and at what is written.
func admitting(t *testing.T, r *room) {
	d := r.plan(t, r.open(t), 10, func(b *ledger.Batch) {
		b.Budget = batch.Budget{PerJob: ceil15, Batch: 3*ceil15 + 50_000}
	})
	batchRow, err := d.Batch(d.ctx, d.id)
	d.ok(err)
	learn(t, d, d.key, window("minute", 60, 100))
	d.ok(d.Floor(d.ctx, d.key, evening.Add(-time.Minute), "Retry-After"))
	d.send(0)
	_, err = d.Settle(d.ctx, d.closing(0, 1), chargeOf(97_250), "x")
	d.ok(err)
	d.clock.Add(time.Second)
	d.send(1)
	d.into(2, batch.Reserved)
	d.clock.Add(1500 * time.Nanosecond)
	now := d.clock.Now() // exact for the judge, whole microseconds in the books

	var saw ledger.Standing
	ask := ledger.Ask{Batch: d.id, Seq: 2, Span: batchRow.Span, Slow: 10 * time.Minute}
	v, n, err := d.Admit(d.ctx, ask, func(s ledger.Standing) ledger.Verdict {
		saw = s
		return ledger.Verdict{Action: ledger.Go, Reason: ledger.ReasonFree}
	})
	d.ok(err)
	if v.Action != ledger.Go || n != 2 {
		t.Errorf("admitted as attempt %d: %+v", n, v)
	}
	job := d.job(2)
	job.Request = nil
	want := ledger.Standing{
		Now: now, Job: job, Batch: batchRow, Span: batchRow.Span, Slow: 10 * time.Minute,
		Held: ceil15, Charged: 97_250, // its own reservation isn't counted
		Purse: ledger.Purse{Night: d.id.Night(), Key: d.key, Held: ceil15, Charged: 97_250},
		Night: ledger.Purse{Night: d.id.Night(), Held: ceil15, Charged: 97_250},
		Key: ledger.Key{
			ID: d.key, Proven: evening, Floor: evening.Add(-time.Minute), FloorWhy: "Retry-After",
			InFlight: 1, Oldest: evening.Add(time.Second), LastSent: evening.Add(time.Second),
			Windows: []ledger.Window{{
				Name: "minute", Span: time.Minute, Limit: 100, Used: 2, Frees: evening.Add(time.Minute), Remaining: -1,
			}},
		},
	}
	want.Job.State, want.Job.Why, want.Job.Attempts, want.Job.Paid, want.Job.UpdatedAt = batch.Reserved, "429", 1, 1, evening.Add(time.Second)
	d.same(saw, want, "the standing")
	attempts, err := d.Attempts(d.ctx, d.id, 2)
	d.ok(err)
	d.same(attempts[1], ledger.Attempt{Batch: d.id, Seq: 2, RequestID: job.RequestID, N: 2, Key: d.key, SentAt: now.Truncate(time.Microsecond)}, "the attempt")
	d.same(attempts[0], ledger.Attempt{
		Batch: d.id, Seq: 2, RequestID: job.RequestID, N: 1, Key: d.key, SentAt: evening.Add(time.Second),
		EndedAt: evening.Add(time.Second), Status: 200, Receipt: []byte(`{"status":200}`),
	}, "the attempt before")

	// The judge lets everything pass; the caps don't. 3 x 0.15 + 0.05 has room
	// for the charge, two reservations and nothing else.
	_, err = d.admit(3, ledger.Go)
	d.refused(err, batch.OverBudget)
	if d.job(3).State != batch.Planned {
		t.Error("a job over budget was touched")
	}
	c := claimOf(d.id, "nightly/"+string(d.id))
	c.Batch.Key, c.Batch.Budget = d.key, batch.Budget{PerJob: ceil15 - 1, Batch: cap50}
	_, err = d.Claim(d.ctx, c)
	d.ok(err)
	_, err = d.admit(3, ledger.Go)
	d.refused(err, batch.OverBudget)
	if !strings.Contains(err.Error(), "$0.149999") {
		t.Errorf("%v doesn't name the cap", err)
	}

	// A judge that panics hurts nobody else.
	_, _, err = d.Admit(d.ctx, ask, func(ledger.Standing) ledger.Verdict { panic("no") })
	d.refused(err, batch.Internal)
	_, _, err = d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: 4}, func(ledger.Standing) ledger.Verdict { panic("no") })
	d.refused(err, batch.Internal)
	d.sound()
}

// capsUnderFire sends from 64 goroutines more than the cap has room for.
func capsUnderFire(t *testing.T, r *room) {
	const jobs, workers = 300, 64
	d := r.plan(t, r.open(t), jobs, func(b *ledger.Batch) { b.Budget.Batch = 100*ceil15 - 1 })
	budget := 100*ceil15 - money.Micro
	var (
		wg   sync.WaitGroup
		next = make(chan int, jobs)
		errs = make(chan error, jobs)
		peak = make(chan money.USD, jobs)
	)
	for i := range jobs {
		next <- i
	}
	close(next)
	for range workers {
		wg.Go(func() {
			for seq := range next {
				_, n, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq}, func(s ledger.Standing) ledger.Verdict {
					peak <- s.Held + s.Charged
					return ledger.Verdict{Action: ledger.Go}
				})
				if err == nil && seq%3 > 0 { // a third of them stays under way
					_, err = d.Settle(d.ctx, d.closing(seq, n), chargeOf(ceil15), "x")
				}
				if err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	close(peak)
	over := 0
	for err := range errs {
		d.refused(err, batch.OverBudget)
		over++
	}
	for p := range peak {
		if p > budget {
			t.Fatalf("%s were promised or spent under a cap of %s", p.Dollars(), budget.Dollars())
		}
	}
	sums := d.totals()
	if over != jobs-99 || sums.Held+sums.Charged != 99*ceil15 {
		t.Errorf("%d refused; %s held, %s charged under a cap of %s", over, sums.Held.Dollars(), sums.Charged.Dollars(), budget.Dollars())
	}
	if v := d.sound(); v.Charges != int64(sums.Charges) {
		t.Errorf("%d charges in the chain, %d in the sums", v.Charges, sums.Charges)
	}
}
