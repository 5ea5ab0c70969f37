package ledgertest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
)

// openTogether has eight processes' worth of handles meet an empty place at
// the same moment.
func openTogether(t *testing.T, r *room) {
	const many = 8
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			l, err := r.place.Open(ledger.Options{Now: r.clock.Now})
			if err == nil {
				_, err = l.Batches(context.Background(), 1)
				err = errors.Join(err, l.Close())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// handles works on the same books through two handles at once: every job is
// wanted by both, and sent once.
func handles(t *testing.T, r *room) {
	const jobs, workers = 200, 8
	a := r.plan(t, r.open(t), jobs)
	learn(t, a, a.key, window("minute", 60, 1_000_000))
	b := *a
	b.Ledger = r.open(t)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		sent = map[int]int{}
	)
	for _, d := range []*desk{a, &b} {
		for w := range workers {
			wg.Go(func() {
				for seq := w; seq < jobs; seq += workers {
					n, err := d.admit(seq, ledger.Go)
					if batch.KindOf(err) == batch.Internal {
						continue // the other one has it
					}
					if err == nil {
						mu.Lock()
						sent[seq]++
						mu.Unlock()
						_, err = d.Settle(d.ctx, d.closing(seq, n), chargeOf(97_250), "x")
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if len(sent) != jobs {
		t.Errorf("%d of %d jobs were sent", len(sent), jobs)
	}
	for seq, n := range sent {
		if n != 1 {
			t.Errorf("job %d was sent %d times", seq, n)
		}
	}
	if v := a.sound(); v.Charges != jobs || v.Total != 97_250*jobs {
		t.Errorf("the chain: %+v", v)
	}
	a.same(b.totals(), a.totals(), "the sums through two handles")
	a.same(b.standing(), a.standing(), "the key through two handles")
	if k := a.standing(); k.InFlight != 0 || k.Windows[0].Used != jobs {
		t.Errorf("the key: %+v", k)
	}
}

// neighbours shares transactions between operations that are refused and ones
// that aren't: neither touches the other.
func neighbours(t *testing.T, r *room) {
	const jobs = 200
	d := r.plan(t, r.open(t), jobs)
	var wg sync.WaitGroup
	for seq := range jobs {
		wg.Go(func() {
			switch seq % 4 {
			case 0:
				if _, err := d.admit(seq, ledger.Go); err != nil {
					t.Error(err)
				}
			case 1:
				if _, err := d.admit(seq, "nonsense"); batch.KindOf(err) != batch.Internal {
					t.Error(err)
				}
			case 2:
				_, _, err := d.Admit(d.ctx, ledger.Ask{Batch: d.id, Seq: seq}, func(ledger.Standing) ledger.Verdict { panic("no") })
				if batch.KindOf(err) != batch.Internal {
					t.Error(err)
				}
			case 3:
				if _, err := d.Settle(d.ctx, d.closing(seq, 1), chargeOf(1), "x"); batch.KindOf(err) != batch.Internal {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sums := d.totals()
	if sums.Sending != jobs/4 || sums.Planned != jobs*3/4 || sums.Held != ceil15.Times(jobs/4) {
		t.Errorf("sums: %+v", sums)
	}
	d.sound()
}

// refusedByTheDatabase has one caller of many ask for what the database itself
// refuses, a request id that is taken: only that one is told no.
func refusedByTheDatabase(t *testing.T, r *room) {
	var same atomic.Bool
	l, err := r.place.Open(ledger.Options{Now: r.clock.Now, NewID: func() string {
		if same.Load() {
			return "00000000-0000-4000-8000-000000000000"
		}
		return uuid.NewString()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	const jobs = 100
	d := r.plan(t, l, jobs)
	e := &desk{tb: t, Ledger: l, clock: r.clock, ctx: d.ctx, id: r.fresh(), key: d.key}
	_, err = e.Claim(e.ctx, claimOf(e.id, "w"))
	d.ok(err)
	same.Store(true)
	d.ok(e.Plan(e.ctx, e.id, jobsOf(0, 1, ceil15)))
	var wg sync.WaitGroup
	for seq := range jobs {
		wg.Go(func() {
			if seq%10 == 0 {
				if err := e.Plan(e.ctx, e.id, jobsOf(1, 2, ceil15)); batch.KindOf(err) != batch.Internal {
					t.Errorf("a request id that is taken: %v", err)
				}
				return
			}
			if _, err := d.admit(seq, ledger.Go); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sums := d.totals(); sums.Sending != jobs*9/10 {
		t.Errorf("%d jobs are sending", sums.Sending)
	}
	if sums := e.totals(); sums.Jobs.Total != 1 {
		t.Errorf("%d jobs were planned", sums.Jobs.Total)
	}
	d.sound()
}

// cancelledCallers either wrote and know it, or wrote nothing.
func cancelledCallers(t *testing.T, r *room) {
	const jobs = 100
	d := r.plan(t, r.open(t), jobs)
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	errs := make([]error, jobs)
	var wg sync.WaitGroup
	for seq := range jobs {
		wg.Go(func() {
			_, _, errs[seq] = d.Admit(ctx, ledger.Ask{Batch: d.id, Seq: seq}, func(ledger.Standing) ledger.Verdict {
				cancel() // while this very one is being written
				return ledger.Verdict{Action: ledger.Go}
			})
		})
	}
	wg.Wait()
	sent := 0
	for seq, err := range errs {
		want := batch.Planned
		if err == nil {
			want = batch.Sending
			sent++
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("job %d: %v", seq, err)
		}
		if got := d.job(seq).State; got != want {
			t.Errorf("job %d is %s though its caller was told %v", seq, got, err)
		}
	}
	if sent == 0 {
		t.Error("the one whose judge was asked must have been written")
	}
	if err := d.Plan(ctx, d.id, jobsOf(0, 1, ceil15)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	d.sound()

	l := r.open(t)
	d.ok(l.Close())
	d.ok(l.Close())
	d.refused(l.Prove(d.ctx, d.key), batch.OutOfReach)
	_, err := l.Batches(d.ctx, 1)
	d.refused(err, batch.OutOfReach)
}
