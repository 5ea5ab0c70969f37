package e2e

import (
	"os"
	"testing"

	"github.com/offpeak/offpeak/batch"
	"github.com/offpeak/offpeak/internal/pgtest"
	"github.com/offpeak/offpeak/ledger"
	"github.com/offpeak/offpeak/worker/host"
)

// thereIsPostgres says whether tests can have a PostgreSQL ledger.
func thereIsPostgres() bool {
	_, err := pgtest.Binaries()
	return err == nil || os.Getenv(pgtest.Env) != ""
}

func runWithPostgres(m *testing.M) int {
	if thereIsPostgres() {
		return pgtest.Main(m)
	}
	return m.Run()
}

func needPostgres(t *testing.T) {
	t.Helper()
	if thereIsPostgres() {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no PostgreSQL: scripts/need postgres installs it")
	}
	t.Skip("no PostgreSQL on this machine: its half is left out; scripts/need postgres installs it where apt is")
}

// onEachStore runs a test on SQLite ledgers and on PostgreSQL ones. Each call
// of fresh, within the test that uses it, is an empty one for want.store.
func onEachStore(t *testing.T, test func(t *testing.T, fresh func(t *testing.T) string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, func(*testing.T) string { return "" })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		needPostgres(t)
		test(t, func(t *testing.T) string { return pgtest.Database(t) })
	})
}

// ledger opens the worker's books beside it.
func (h *house) ledger() *ledger.Ledger {
	h.t.Helper()
	l, err := host.OpenLedger(h.t.Context(), h.store)
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

// jobs are all jobs of a night, as the books have them.
func (h *house) jobs(l *ledger.Ledger, id batch.ID) []ledger.Job {
	h.t.Helper()
	var all []ledger.Job
	for {
		page, err := l.Jobs(h.t.Context(), id, len(all), len(all)+1000)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// wantRecorded compares the provider's arrivals with the books, one by one:
// each paid request has an attempt of its own that was written before it
// arrived. It walks the chain of charges, too.
func (h *house) wantRecorded(id batch.ID) {
	h.t.Helper()
	l := h.ledger()
	defer l.Close()
	posts := map[string][]simArrival{}
	for _, p := range h.books().posts {
		if p.RequestID == "" && !p.Executed {
			continue // its sender was killed before its body was out: it has no name, and nothing ran
		}
		posts[p.RequestID] = append(posts[p.RequestID], p)
	}
	known := 0
	for _, j := range h.jobs(l, id) {
		mine := posts[j.RequestID]
		if len(mine) == 0 {
			continue
		}
		known++
		attempts, err := l.Attempts(h.t.Context(), id, j.Seq)
		if err != nil {
			h.t.Fatal(err)
		}
		if len(attempts) < len(mine) {
			h.t.Errorf("%s: the provider saw %d requests, the books have %d", j.Name, len(mine), len(attempts))
			continue
		}
		for i, p := range mine {
			written := 0
			for _, a := range attempts {
				if !a.SentAt.After(p.At) {
					written++
				}
			}
			if written < i+1 {
				h.t.Errorf("%s: request %d arrived at %s, before it was written down", j.Name, i+1, p.At)
			}
		}
	}
	if known != len(posts) {
		h.t.Errorf("the provider saw %d requests that the books don't know", len(posts)-known)
	}
	if _, err := l.Verify(h.t.Context()); err != nil {
		h.t.Errorf("the books don't hold: %v", err)
	}
	sums, err := l.Totals(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	if sums.Held != 0 || sums.Sending != 0 || sums.Charged != h.books().billed {
		h.t.Errorf("the books end with %+v, the provider billed %s", sums, h.books().billed)
	}
}
