package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/ledger/ledgertest"
)

// TestRestart stops and kills the server under a working ledger. What was told
// to be written is there afterwards; what was OutOfReach is asked again, and
// nothing happens twice.
func TestRestart(t *testing.T) {
	server, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	l, err := opener(server.URL("postgres"))(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	id, err := ledgertest.Claim(l)
	if err != nil {
		t.Fatal(err)
	}
	const jobs = 600
	if err := l.Plan(ctx, id, ledgertest.Jobs(0, jobs)); err != nil {
		t.Fatal(err)
	}

	// Idle: the kept connection has died, and the next call doesn't notice.
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := l.Prove(ctx, "k"); batch.KindOf(err) != batch.OutOfReach {
		t.Errorf("without a server: %v", err)
	}
	if _, err := l.Batches(ctx, 1); batch.KindOf(err) != batch.OutOfReach {
		t.Errorf("without a server: %v", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := l.Prove(ctx, "k"); err != nil {
		t.Errorf("with the server again: %v", err)
	}

	// At work: killed when a third and two thirds are done.
	up := newGate()
	down := func(done int) error {
		up.close()
		defer up.open()
		if done < jobs/2 {
			err = server.Kill()
		} else {
			err = server.Stop()
		}
		if err != nil {
			return err
		}
		return server.Start()
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		done int
		lost int
	)
	for w := range 8 {
		wg.Go(func() {
			for seq := w; seq < jobs; seq += 8 {
				again, err := job(l, id, seq, up)
				if err != nil {
					t.Errorf("job %d: %v", seq, err)
				}
				mu.Lock()
				done++
				lost += again
				if done == jobs/3 || done == 2*jobs/3 {
					if err := down(done); err != nil {
						t.Error(err)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	v, err := l.Verify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := l.Totals(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if v.Charges != jobs || sums.Jobs.Succeeded != jobs || sums.Held != 0 {
		t.Errorf("%d charges, %+v", v.Charges, sums)
	}
	t.Logf("%d calls were out of reach", lost)
}

// TestDeadConnection has the kept connection die between two calls. The next
// one finds a new one by itself and is written once, also when it has nothing
// to ask first, so that its writes are the first thing that is sent.
func TestDeadConnection(t *testing.T) {
	url := pgtest.Database(t)
	l, err := opener(url)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx := context.Background()
	id, err := ledgertest.Claim(l)
	if err == nil {
		err = l.Plan(ctx, id, ledgertest.Jobs(0, 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]func() error{
		"a write alone": func() error { return l.Balance(ctx, ledger.Balance{Key: "k", Total: 5}) },
		"a key's row":   func() error { return l.Prove(ctx, "k") },
		"a job": func() error {
			_, _, err := l.Admit(ctx, ledger.Ask{Batch: id}, func(ledger.Standing) ledger.Verdict { return ledger.Verdict{Action: ledger.Go} })
			return err
		},
	} {
		// Waits until it is gone, not only told to go.
		if err := behind(url, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'offpeak'"); err != nil {
			t.Fatal(err)
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The readers' connections died, too, and database/sql says so once each.
	r, err := opener(url)(ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Verify(ctx); err != nil {
		t.Error(err)
	}
	if attempts, err := r.Attempts(ctx, id, 0); err != nil || len(attempts) != 1 {
		t.Errorf("sent %d times, %v", len(attempts), err)
	}
	if readings, err := r.Balances(ctx, "k", time.Time{}, time.Now().Add(time.Hour)); err != nil || len(readings) != 1 {
		t.Errorf("%d readings, %v", len(readings), err)
	}
}

// job sends and settles a job, asking again while the server is away. A lost
// answer to Admit is met as a crash is: the job is found sending.
func job(l *ledger.Ledger, id batch.ID, seq int, up *gate) (lost int, err error) {
	ctx := context.Background()
	again := func(do func() error) error {
		for {
			err := do()
			if batch.KindOf(err) != batch.OutOfReach {
				return err
			}
			lost++
			up.pass()
		}
	}
	err = again(func() error {
		_, _, err := l.Admit(ctx, ledger.Ask{Batch: id, Seq: seq}, func(ledger.Standing) ledger.Verdict {
			return ledger.Verdict{Action: ledger.Go}
		})
		if batch.KindOf(err) == batch.Internal {
			j, read := l.Job(ctx, id, seq)
			if read != nil {
				return read
			}
			if j.State == batch.Sending {
				return nil // its answer was lost with the connection
			}
		}
		return err
	})
	if err != nil {
		return lost, err
	}
	err = again(func() error {
		_, err := l.Settle(ctx, ledger.Closing{Batch: id, Seq: seq, Attempt: 1, Status: 200}, ledger.Charge{Total: 97_250}, "x")
		return err
	})
	return lost, err
}

// gate is where callers wait while the server is away.
type gate struct {
	mu   sync.Mutex
	shut chan struct{}
}

func newGate() *gate { return &gate{} }

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
	g.shut = nil
}

func (g *gate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}
