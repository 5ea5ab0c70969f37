package e2e

import (
	"testing"
	"time"

	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
)

// TestScaleKilledTemporal: the server is killed at 40 % of a large night and
// comes back on its file. The night waits and goes on.
func TestScaleKilledTemporal(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, fresh func(*testing.T) string) {
		times(t, func(t *testing.T) {
			h := open(t, want{opens: -time.Minute, sim: unlimited, store: fresh(t), file: true})
			path := h.many("server-killed", scaleJobs)
			h.worker()
			if d := h.starter("start", "--json", path); d.code != 0 {
				t.Fatalf("start: exit %d\n%s\n%s", d.code, d.out, d.stderr)
			}
			began := time.Now()
			h.awaitArrivals(scaleJobs * 2 / 5)
			if err := h.temporal.Kill(); err != nil {
				t.Fatal(err)
			}
			under := h.sending("server-killed")
			if err := h.temporal.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			follow := h.start("starter", nil, "run", "--json", path)
			<-follow.ended
			took := time.Since(began)
			h.wantWhole("server-killed", scaleJobs, follow.cmd.ProcessState.ExitCode(), follow)
			h.wantRecorded(h.batchID("server-killed"))
			// The worker lives: what it had in flight is answered, not unknown.
			h.row(h.tally("server-killed", nil, took, ""))
			h.wantAnswered(under)
		})
	})
}

// wantAnswered wants these jobs to have been settled from their answers.
func (h *house) wantAnswered(jobs map[string]ledger.Job) {
	h.t.Helper()
	l := h.ledger()
	defer l.Close()
	for _, j := range jobs {
		err := l.Charges(h.t.Context(), j.Batch, func(c ledger.Charge) error {
			if c.RequestID == j.RequestID && c.Source != ledger.FromAnswer {
				h.t.Errorf("%s was in flight and is charged from the %s, want its answer", j.Name, c.Source)
			}
			return nil
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestScaleKilledPostgres: the ledger's server is killed at 40 % of a large
// night, as by a power cut, and recovers. While it is away nothing is sent: what
// can't be written down doesn't leave.
func TestScaleKilledPostgres(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	times(t, func(t *testing.T) {
		server, err := pgtest.New()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		})
		h := open(t, want{opens: -time.Minute, sim: unlimited, store: server.URL("postgres")})
		path := h.many("books-killed", scaleJobs)
		worker := h.worker()
		began := time.Now()
		follow := h.start("starter", nil, "run", "--json", path)
		h.awaitArrivals(scaleJobs * 2 / 5)
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		worker.await("OutOfReach")
		h.quiet()
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		<-follow.ended
		took := time.Since(began)
		h.wantWhole("books-killed", scaleJobs, follow.cmd.ProcessState.ExitCode(), follow)
		h.wantRecorded(h.batchID("books-killed"))
		h.row(h.tally("books-killed", nil, took, ""))
	})
}

// quiet waits until what was on its way has arrived, and wants nothing to
// arrive after that while the books are away.
func (h *house) quiet() {
	h.t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for range 2 { // admitted before the kill, and perhaps still on the way
		<-tick.C
	}
	before := len(h.books().posts)
	for range 6 {
		<-tick.C
	}
	if after := len(h.books().posts); after != before {
		h.t.Errorf("%d requests were sent while the books were away", after-before)
	}
}
