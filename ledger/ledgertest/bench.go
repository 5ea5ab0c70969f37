package ledgertest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/money"
)

// BenchmarkNightJob measures what a job costs in the books: admitted and
// settled, some of them at once, with a limit to keep count of.
func BenchmarkNightJob(b *testing.B, atOnce int, open func() (*ledger.Ledger, error)) {
	l, err := open()
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	id := batch.ID("bench/2026-11-22")
	claim := claimOf(id, "bench")
	claim.Batch.Budget = batch.Budget{PerJob: money.Dollar, Batch: 1_000_000 * money.Dollar}
	if _, err := l.Claim(ctx, claim); err != nil {
		b.Fatal(err)
	}
	for from := 0; from < b.N; from += 1000 {
		if err := l.Plan(ctx, id, jobsOf(from, min(from+1000, b.N), 150_000)); err != nil {
			b.Fatal(err)
		}
	}
	learn(b, l, claim.Batch.Key, window("minute", 60, 100_000_000), window("hour", 3600, 100_000_000))
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range atOnce {
		wg.Go(func() {
			for {
				seq := int(next.Add(1)) - 1
				if seq >= b.N {
					return
				}
				if err := bookOne(ctx, l, id, seq); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkFullDay measures a question that is answered with Wait, under a day's
// window of 100,000 that is full: waiting must not cost more, the more is in it.
func BenchmarkFullDay(b *testing.B, open func() (*ledger.Ledger, error), behind func(string) error) {
	const full = 100_000
	l, err := open()
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	id, err := Claim(l)
	if err == nil {
		err = l.Plan(ctx, id, Jobs(0, 2))
	}
	if err == nil {
		_, _, err = l.Admit(ctx, ledger.Ask{Batch: id}, always(ledger.Go))
	}
	if err == nil {
		_, err = l.Settle(ctx, ledger.Closing{Batch: id, Attempt: 1}, chargeOf(1), "x")
	}
	if err == nil { // a day's attempts, a tenth of a second apart
		err = behind(`INSERT INTO attempts SELECT ref + 1 + i, n, batch_id, seq + 1 + i, request_id, key_id, sent_at, until,
			ended_at, status, outcome, ending, counted_at - 100000 * CAST(i AS BIGINT), receipt, batched
			FROM attempts, (WITH RECURSIVE up(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM up WHERE i < 99999) SELECT i FROM up) AS few`)
	}
	if err == nil {
		err = l.Learn(ctx, keyID, []ledger.Window{window("day", 86_400, full), window("hour", 3600, full)})
	}
	if err != nil {
		b.Fatal(err)
	}
	k, err := l.Key(ctx, keyID)
	if err != nil || k.Windows[1].Used < full*4/5 {
		b.Fatalf("%+v, %v", k, err)
	}
	b.ResetTimer()
	for range b.N {
		if _, _, err := l.Admit(ctx, ledger.Ask{Batch: id, Seq: 1}, always(ledger.Wait)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReading measures what is read most, and most at once, of a night of
// 100,000 jobs that are planned and a tenth of which is done: one job by itself,
// a page of 1,000, and the proof of all the books.
func BenchmarkReading(b *testing.B, open func() (*ledger.Ledger, error)) {
	const jobs, page = 100_000, 1000
	l, err := open()
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	id, err := Claim(l)
	for from := 0; from < jobs && err == nil; from += page {
		err = l.Plan(ctx, id, Jobs(from, from+page))
	}
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	const hands = 64
	for h := range hands {
		wg.Go(func() {
			for seq := h; seq < jobs/10; seq += hands {
				if err := bookOne(ctx, l, id, seq); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, c := range []struct {
		what string
		read func(i int) error
	}{
		{"a job", func(i int) error { _, err := l.Job(ctx, id, i*7919%jobs); return err }},
		{"a job without its request", func(i int) error { _, err := l.Glance(ctx, id, i*7919%jobs); return err }},
		{"a page of 1000", func(i int) error { _, err := l.Jobs(ctx, id, i*page%jobs, i*page%jobs+page); return err }},
		{"all books", func(int) error { _, err := l.Verify(ctx); return err }},
	} {
		b.Run(c.what, func(b *testing.B) {
			for i := range b.N {
				if err := c.read(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func bookOne(ctx context.Context, l *ledger.Ledger, id batch.ID, seq int) error {
	_, n, err := l.Admit(ctx, ledger.Ask{Batch: id, Seq: seq}, always(ledger.Go))
	if err == nil {
		_, err = l.Settle(ctx, ledger.Closing{Batch: id, Seq: seq, Attempt: n, Status: 200}, chargeOf(97_250), "out")
	}
	return err
}
